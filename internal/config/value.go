package config

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// value is a place in the file whose structure was checked against its shape.
// A place that was refused is bad: nothing more is said about it.
type value struct {
	node    *yaml.Node
	where   string // of what it stands in: `group "web": election`
	label   string // its key: `interval`; empty for an entry of a list or of a named shape
	bad     bool
	meant   map[string]bool // of a mapping: keys that a misspelt one stands for, "*" for one of another version
	scalar  any             // of a scalar: what its parser returned
	entries []entry         // of a mapping and of a named shape, in the order of the file
	items   []*value
}

// entry is a key with its value.
type entry struct {
	name  string
	key   *yaml.Node
	value *value
}

// get finds a key; it is nil when the key is absent or v is.
func (v *value) get(key string) *value {
	if v == nil {
		return nil
	}
	for i := range v.entries {
		if v.entries[i].name == key {
			return v.entries[i].value
		}
	}
	return nil
}

// ok tells that v is there and was not refused.
func (v *value) ok() bool { return v != nil && !v.bad }

// or returns what v holds, or def when it is absent or was refused.
func or[T any](v *value, def T) T {
	if v.ok() {
		if t, ok := v.scalar.(T); ok {
			return t
		}
	}
	return def
}

// children are the entries of v; none when it is absent or was refused.
func (v *value) children() []entry {
	if !v.ok() {
		return nil
	}
	return v.entries
}

// listed are the entries of the list v; none when it is absent or was refused.
func (v *value) listed() []*value {
	if !v.ok() {
		return nil
	}
	return v.items
}

// place is where the things inside v are.
func (v *value) place() string { return join(v.where, v.label) }

// subject names v in a sentence: `interval 5`.
func (v *value) subject() string { return strings.TrimSpace(v.label + " " + shown(v.node)) }

func join(where, label string) string {
	if where == "" || label == "" {
		return where + label
	}
	return where + ": " + label
}

// shown is a value as a sentence names it: numbers bare, texts in quotes, nothing long.
func shown(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode {
		return ""
	}
	if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) == 0 && bareText(n.Value) {
		return clipped(n.Value)
	}
	return fmt.Sprintf("%q", clipped(n.Value))
}

func bareText(text string) bool {
	return numberText.MatchString(text) || durationText.MatchString(text) || text == "true" || text == "false"
}

// clipped shortens what a message repeats.
func clipped(text string) string {
	const most = 60
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most]) + "…"
}

// problems collects what is wrong with one file.
type problems struct {
	file    string
	list    []Problem
	dropped int // beyond twice as many as are shown
}

// at adds a problem at a node.
func (p *problems) at(n *yaml.Node, where, what, expected, advice string) {
	if len(p.list) >= 2*maxProblems {
		p.dropped++
		return
	}
	text := ""
	if n.Kind == yaml.ScalarNode {
		text = clipped(n.Value)
	}
	p.list = append(p.list, Problem{File: p.file, Line: n.Line, Column: n.Column, Where: where, Text: text,
		What: what, Expected: expected, Advice: advice})
}

// about adds a problem with a single value: its name and text start the sentence.
func (p *problems) about(v *value, what, expected, advice string) {
	p.at(v.node, v.where, v.subject()+" "+what, expected, advice)
}

// whole adds a problem with a mapping or a list: its name starts the sentence.
func (p *problems) whole(v *value, what, expected, advice string) {
	p.at(v.node, v.where, strings.TrimSpace(v.label+" "+what), expected, advice)
}

// of adds a problem with what is inside v, in a sentence of its own.
func (p *problems) of(v *value, what, expected, advice string) {
	p.at(v.node, v.place(), what, expected, advice)
}
