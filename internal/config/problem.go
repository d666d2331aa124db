package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// maxProblems bounds how many mistakes one run reports.
const maxProblems = 1000

// Problem is one mistake in a configuration file, or one thing to think about.
type Problem struct {
	File     string `json:"file"`
	Line     int    `json:"line"`   // from 1; 0 where it is about the file as a whole
	Column   int    `json:"column"` // from 1, in characters
	Where    string `json:"where"`  // `group "web": election`; empty at the top
	Text     string `json:"text"`   // what stands there
	What     string `json:"what"`   // what is wrong with it, as a sentence
	Expected string `json:"expected,omitempty"`
	Advice   string `json:"advice,omitempty"`
}

// String is the problem on one line: `stead.yaml:14:22: group "web": … (…)`.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	b.WriteString(": ")
	if p.Where != "" {
		b.WriteString(p.Where + ": ")
	}
	b.WriteString(p.What)
	if p.Advice != "" {
		b.WriteString(" (" + p.Advice + ")")
	}
	return b.String()
}

// Errors is every mistake of one file, in the order of the file.
type Errors struct {
	Problems []Problem
}

// Error prints one problem a line.
func (e *Errors) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// inOrder sorts problems as they stand in the file, drops repetitions (an alias
// shows one mistake in several places) and bounds their number.
func (p *problems) inOrder() []Problem {
	problems := p.list
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.String(), b.String()))
	})
	problems = slices.Compact(problems)
	if over := len(problems) + p.dropped - maxProblems; over > 0 && len(problems) > maxProblems {
		last := Problem{File: problems[0].File, What: fmt.Sprintf("%d more mistakes are not shown", over)}
		problems = append(problems[:maxProblems:maxProblems], last)
	}
	return problems
}

// fault is what a scalar's parser finds wrong with a text.
type fault struct {
	what     string // follows the text: `is not in 1–254`
	expected string
	advice   string
}
