package config

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// maxAliased bounds how many values aliases and merge keys may stand for.
const maxAliased = 300_000

// maxMerges bounds how deep merge keys may refer to mappings with merge keys.
const maxMerges = 8

// walker checks a tree of YAML nodes against the table of keys.
type walker struct {
	problems
	open     map[*yaml.Node]bool // what the walk is inside of
	borrowed int                 // aliases and merge keys that the walk is inside of
	aliased  int                 // values that they have stood for so far
	spent    bool                // maxAliased was reached and reported
}

// value checks n against s. where and label say what it is in messages.
func (w *walker) value(n *yaml.Node, s *shape, where, label string) *value {
	if n.Kind == yaml.AliasNode {
		target := n.Alias
		if w.open[target] {
			w.at(n, where, fmt.Sprintf("alias *%s stands for something that holds it", n.Value), "a value", "write the value out")
			return &value{node: n, where: where, label: label, bad: true}
		}
		w.borrowed++
		defer func() { w.borrowed-- }()
		n = target
	}
	v := &value{node: n, where: where, label: label}
	if w.borrowed > 0 && !w.spend(n) {
		v.bad = true
		return v
	}
	if n.Style&yaml.TaggedStyle != 0 {
		w.about(v, fmt.Sprintf("has the tag %s", n.Tag), "a value without a tag", "leave the tag off")
		v.bad = true
		return v
	}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		v.bad = true
		w.at(n, where, strings.TrimSpace(label+" has no value"), s.words(), "give it a value, or leave the key off")
		return v
	}
	w.open[n] = true
	defer delete(w.open, n)
	w.fill(v, s)
	return v
}

// spend counts a value that an alias stands for.
func (w *walker) spend(n *yaml.Node) bool {
	w.aliased++
	if w.aliased <= maxAliased {
		return true
	}
	if !w.spent {
		w.spent = true
		w.at(n, "", fmt.Sprintf("aliases stand for more than %d values", maxAliased), "a plain file", "write the values out")
	}
	return false
}

// fill checks a value that is there.
func (w *walker) fill(v *value, s *shape) {
	switch s.kind {
	case mappingShape:
		if w.isKind(v, yaml.MappingNode, s) {
			w.mapping(v, s)
		}
	case namedShape:
		if w.isKind(v, yaml.MappingNode, s) {
			w.named(v, s)
		}
	case listShape:
		if w.isKind(v, yaml.SequenceNode, s) {
			w.list(v, s)
		}
	case perNodeShape:
		if v.node.Kind == yaml.MappingNode {
			w.named(v, s)
		} else if w.isKind(v, yaml.ScalarNode, s) {
			v.scalar, v.bad = w.scalar(v, s.scalar)
		}
	case commandShape:
		w.command(v)
	case eitherShape:
		if of := s.of(v.node); of != nil {
			w.fill(v, of)
			return
		}
		w.isKind(v, s.shapes[0].yamlKind(), s)
	default:
		if w.isKind(v, yaml.ScalarNode, s) {
			v.scalar, v.bad = w.scalar(v, s.scalar)
		}
	}
}

var kindWords = map[yaml.Kind]string{yaml.MappingNode: "mapping", yaml.SequenceNode: "list", yaml.ScalarNode: "single value"}

var kindExamples = map[yaml.Kind]string{
	yaml.MappingNode:  "write { key: value }, or the keys on lines of their own, indented",
	yaml.SequenceNode: "write [ value ], or '- value' on lines of their own",
	yaml.ScalarNode:   "write one value",
}

func (w *walker) isKind(v *value, kind yaml.Kind, s *shape) bool {
	if v.node.Kind == kind {
		return true
	}
	v.bad = true
	what := fmt.Sprintf("is a %s where a %s is expected", kindWords[v.node.Kind], kindWords[kind])
	if v.where == "" && v.label == "" {
		w.at(v.node, "", "the file "+what, s.words(), kindExamples[kind])
		return false
	}
	w.about(v, what, s.words(), kindExamples[kind])
	return false
}

func (w *walker) scalar(v *value, s *scalar) (parsed any, bad bool) {
	n := v.node
	inQuotes := n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
	switch {
	case s.bare && inQuotes:
		w.about(v, "is a text", s.words, "leave the quotes off")
		return nil, true
	case s.quoted && !inQuotes && looksOther(n):
		w.about(v, "is a number or a boolean to YAML", s.words, fmt.Sprintf("write it in quotes: %q", clipped(n.Value)))
		return nil, true
	}
	parsed, f := s.parse(n.Value)
	if f != nil {
		w.about(v, f.what, f.expected, f.advice)
		return nil, true
	}
	return parsed, false
}

// looksOther tells that some YAML reader takes a plain text for something else.
func looksOther(n *yaml.Node) bool {
	_, old := yaml11[strings.ToLower(n.Value)]
	return old || n.Tag != "!!str"
}

// mapping checks keys that are known in advance.
func (w *walker) mapping(v *value, s *shape) {
	pairs := w.pairs(v, v.node, 0)
	if w.otherVersion(v, s, pairs) {
		v.bad = true
		return
	}
	v.meant = map[string]bool{}
	for _, p := range pairs {
		key := p.key.Value
		if f := s.field(key); f != nil {
			v.entries = append(v.entries, entry{key, p.key, w.valueOf(p, f.shape, v.place(), key)})
			continue
		}
		if use, ok := s.later[key]; ok {
			w.at(p.key, v.place(), fmt.Sprintf("%s is not supported by this version", key), "", use)
			v.meant["*"] = true
			continue
		}
		w.at(p.key, v.place(), fmt.Sprintf("unknown key %q", clipped(key)), "one of "+listed(s.keys()), didYouMean(key, s.keys()))
		v.meant[nearest(key, s.keys())] = true
	}
	for _, f := range s.fields {
		if f.required && v.get(f.key) == nil && !v.meant[f.key] {
			w.of(v, f.key+" is missing", f.shape.words(), fmt.Sprintf("add %s: …", f.key))
		}
	}
	w.exactlyOne(v, s)
}

// otherVersion refuses a mapping whose type another version has, and says
// nothing of its other keys.
func (w *walker) otherVersion(v *value, s *shape, pairs []pair) bool {
	for _, p := range pairs {
		if use, ok := s.types[p.value.Value]; ok && p.key.Value == "type" && p.value.Kind == yaml.ScalarNode {
			w.at(p.value, v.place(), fmt.Sprintf("type %q is not supported by this version", p.value.Value), "", use)
			return true
		}
	}
	return false
}

func (w *walker) exactlyOne(v *value, s *shape) {
	if len(s.oneOf) == 0 {
		return
	}
	found := ""
	for _, e := range v.entries {
		switch {
		case !slices.Contains(s.oneOf, e.name):
		case found == "":
			found = e.name
		default:
			w.at(e.key, v.place(), fmt.Sprintf("%s stands beside %s", e.name, found), "exactly one of "+listed(s.oneOf), "make two of it")
		}
	}
	for key := range v.meant {
		if key == "*" || slices.Contains(s.oneOf, key) {
			return
		}
	}
	if found == "" {
		w.of(v, "none of "+listed(s.oneOf)+" is given", "exactly one of them", "add the one that is meant")
	}
}

// named checks a mapping by names that the user chose.
func (w *walker) named(v *value, s *shape) {
	pairs := w.pairs(v, v.node, 0)
	if len(pairs) > s.most {
		w.of(v, fmt.Sprintf("%d entries are more than %d", len(pairs), s.most), s.words(), "use fewer")
		pairs = pairs[:s.most]
	}
	for _, p := range pairs {
		where := join(v.where, fmt.Sprintf("%s %q", s.noun, clipped(p.key.Value)))
		name := &value{node: p.key, where: v.where, label: s.noun}
		if p.key.Style&yaml.TaggedStyle != 0 {
			w.about(name, "has the tag "+p.key.Tag, "a name", "leave the tag off")
			continue
		}
		if _, bad := w.scalar(name, s.name); bad {
			continue
		}
		v.entries = append(v.entries, entry{p.key.Value, p.key, w.valueOf(p, s.elem, where, "")})
	}
}

func (w *walker) list(v *value, s *shape) {
	items := v.node.Content
	if len(items) > s.most {
		w.of(v, fmt.Sprintf("%d entries are more than %d", len(items), s.most), s.words(), "use fewer")
		items = items[:s.most]
	}
	for i, n := range items {
		v.items = append(v.items, w.value(n, s.elem, v.place(), entryLabel(s, i)))
	}
}

func entryLabel(s *shape, i int) string {
	if s.elem.kind == scalarShape {
		return ""
	}
	return fmt.Sprintf("entry %d", i+1)
}

// command checks a list of arguments, or one line for a shell.
func (w *walker) command(v *value) {
	s := list(maxArguments, one(argument))
	if v.node.Kind == yaml.ScalarNode {
		v.scalar, v.bad = w.scalar(v, argument)
		return
	}
	if w.isKind(v, yaml.SequenceNode, s) {
		w.list(v, s)
	}
}
