package keepalived

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"stead/internal/importer/draft"
)

// Directive is a line of the configuration, and the block behind it.
type Directive struct {
	File  string
	Line  int
	Raw   string   // without comments, definitions replaced
	Words []string // as keepalived splits it
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

// Parse reads the file at path with all that it includes. The findings are what
// the reader could not take over: missing includes, lines of other hosts.
func Parse(path string, o Options) ([]*Directive, []Finding, error) {
	r := newReader(o)
	at := place{file: path, line: 1}
	if err := r.open(path, at, 0); err != nil {
		var failed *fs.PathError
		if errors.As(err, &failed) {
			err = fmt.Errorf("%s: %w (name a keepalived.conf that can be read)", path, failed.Err)
		}
		return nil, nil, err
	}
	return r.parse()
}

func (r *reader) parse() ([]*Directive, []Finding, error) {
	root := &Directive{}
	open := []*Directive{root}
	last := (*Directive)(nil) // what a brace would belong to
	for {
		t, ok, err := r.next()
		if err != nil {
			return nil, nil, err
		}
		if !ok {
			break
		}
		inner := open[len(open)-1]
		switch t.s {
		case "{":
			if last == nil || last.Open {
				return nil, nil, t.errorf("put the name of the block before it", "'{' stands after nothing that has a block")
			}
			if len(open) > maxDepth {
				return nil, nil, t.errorf("is a '}' missing?", "blocks are nested more than %d deep", maxDepth)
			}
			last.Open = true
			open, last = append(open, last), nil
		case "}":
			if inner == root {
				return nil, nil, t.errorf("remove it, or look for a '{' that is missing", "'}' closes no block")
			}
			open, last = open[:len(open)-1], nil
		default:
			d, err := directive(t)
			if err != nil {
				return nil, nil, err
			}
			inner.Block, last = append(inner.Block, d), d
		}
	}
	if inner := open[len(open)-1]; inner != root {
		at := place{file: inner.File, line: inner.Line}
		return nil, nil, at.errorf("add '}' where it ends", "the block of %s is not closed", strings.Join(inner.Words, " "))
	}
	r.missing()
	return root.Block, r.notes, nil
}

// missing says that all lines with @ were left out, when nobody chose that.
func (r *reader) missing() {
	if r.other == nil || r.matched || r.o.ConfigID != "" {
		return
	}
	f := *r.other
	f.Kind, f.Why = Todo, "no line with @ is for "+quote(r.o.configID())+", the name of this host"
	f.Do = "say whose configuration it is with --config-id"
	r.notes = append(r.notes, f)
}

func directive(t text) (*Directive, error) {
	words, ok := split(t.s)
	if !ok && !scripts[words[0]] {
		return nil, t.errorf(`add the closing "`, "a quotation of %s is not closed", words[0])
	}
	return &Directive{File: t.file, Line: t.line, Raw: t.s, Words: words, used: make([]bool, len(words))}, nil
}

// from is the comment that names a directive's place.
func from(d *Directive) string {
	if d == nil {
		return ""
	}
	return draft.Printable(fmt.Sprintf("%s:%d", filepath.Base(d.File), d.Line))
}
