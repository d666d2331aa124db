// Package draft is what importers make of the configuration of another program: the
// text of one of Stead, and the list of what was not taken over word by word.
package draft

import (
	"cmp"
	"fmt"
	"slices"
)

// Kind is what a Finding means for the one who reads it.
type Kind string

// The kinds of Finding.
const (
	Lost     Kind = "lost"     // what the directive does, Stead does not do
	Changed  Kind = "changed"  // converted, and not quite the same
	Todo     Kind = "todo"     // converted, and something has to be done by hand
	Unneeded Kind = "unneeded" // nothing is lost: Stead does it by itself, or the other program ignores it
	Other    Kind = "other"    // a line of another host
)

// Matters tells whether somebody has to look at it.
func (k Kind) Matters() bool { return k == Lost || k == Changed || k == Todo }

// Finding is a directive that was not converted word by word.
type Finding struct {
	File      string `json:"file"`
	Line      int    `json:"line"`
	Directive string `json:"directive"`
	Kind      Kind   `json:"kind"`
	Why       string `json:"why"`
	Do        string `json:"do,omitempty"`
}

// String is the line for a person, in the form that editors find.
func (f Finding) String() string {
	text := fmt.Sprintf("%s:%d: %s: %s", f.File, f.Line, f.Directive, f.Why)
	if f.Kind == Unneeded || f.Kind == Other {
		text += " (nothing to do)"
	}
	if f.Do != "" {
		text += "; " + f.Do
	}
	return text
}

// Sort puts findings in the order of the files, and leaves out repetitions.
func Sort(list []Finding) []Finding {
	order := map[string]int{}
	for _, f := range list {
		if _, ok := order[f.File]; !ok {
			order[f.File] = len(order)
		}
	}
	slices.SortStableFunc(list, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(order[a.File], order[b.File]), cmp.Compare(a.Line, b.Line))
	})
	seen := map[Finding]bool{}
	return slices.DeleteFunc(list, func(f Finding) bool {
		again := seen[f]
		seen[f] = true
		return again
	})
}
