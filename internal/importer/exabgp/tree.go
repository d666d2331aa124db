package exabgp

import (
	"fmt"
	"path/filepath"
	"strings"

	"stead/internal/importer/draft"
)

// Directive is a statement of the configuration, and the block behind it.
type Directive struct {
	File  string
	Line  int
	Words []string
	Block []*Directive
	Open  bool // there is a block, perhaps an empty one

	used   []bool // by word
	listed bool
}

// Name is the first word.
func (d *Directive) Name() string { return d.Words[0] }

// Arg is a word after the first, and empty when there is none.
func (d *Directive) Arg(i int) string {
	if i >= len(d.Words) {
		return ""
	}
	return d.Words[i]
}

// Count is how many directives are in the block and all blocks inside.
func (d *Directive) Count() int {
	n := 0
	for _, in := range d.Block {
		n += 1 + in.Count()
	}
	return n
}

// use marks words as converted.
func (d *Directive) use(words ...int) {
	for _, i := range words {
		if i < len(d.used) {
			d.used[i] = true
		}
	}
}

// useAll marks every word of the directive.
func (d *Directive) useAll() {
	for i := range d.used {
		d.used[i] = true
	}
}

// from is the comment that names a directive's place.
func from(d *Directive) string {
	if d == nil {
		return ""
	}
	return draft.Printable(fmt.Sprintf("%s:%d", filepath.Base(d.File), d.Line))
}

// parse makes the tree of a text.
func parse(path, text string) ([]*Directive, error) {
	if err := otherFile(path, text); err != nil {
		return nil, err
	}
	r := &reader{path: path, text: text}
	list, err := r.statements()
	if err != nil {
		return nil, err
	}
	root := &Directive{}
	open := []*Directive{root}
	for _, s := range list {
		inner := open[len(open)-1]
		switch {
		case s.end == '}' && len(s.words) > 0:
			return nil, r.errorf(s.line, "write ; behind it", "%q does not end before the block does", s.words[0])
		case s.end == '}' && inner == root:
			return nil, r.errorf(s.line, "remove it, or look for a '{' that is missing", "'}' closes no block")
		case s.end == '}':
			open = open[:len(open)-1]
			continue
		case len(s.words) == 0:
			return nil, r.errorf(s.line, "remove it", "'%c' stands after nothing", s.end)
		case s.end == '{' && len(open) > maxDepth:
			return nil, r.errorf(s.line, "is a '}' missing?", "blocks are nested more than %d deep", maxDepth)
		}
		d := &Directive{File: path, Line: s.line, Words: s.words, Open: s.end == '{', used: make([]bool, len(s.words))}
		if version3(inner, d, root) {
			return nil, r.errorf(s.line, "migrate it to version 4 with what ExaBGP has for that (`exabgp migrate conf`, or \"From 3.4 to 4.x\" in its wiki), and import the result",
				"%q at this place is the syntax of ExaBGP 3", strings.Join(d.Words, " "))
		}
		inner.Block = append(inner.Block, d)
		if d.Open {
			open = append(open, d)
		}
	}
	if inner := open[len(open)-1]; inner != root {
		return nil, r.errorf(inner.Line, "add '}' where it ends", "the block of %s is not closed", strings.Join(inner.Words, " "))
	}
	return root.Block, nil
}

// version3 tells of what version 3 had and version 4 refuses: groups of neighbors, and
// processes inside of them.
func version3(in, d, root *Directive) bool {
	if !d.Open {
		return false
	}
	return in == root && d.Name() == "group" || in != root && d.Name() == "process" && (in.Name() == "neighbor" || in.Name() == "group")
}
