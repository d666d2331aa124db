package config

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"
)

// The table of keys (keys.go) is made of shapes. The loader, the JSON Schema and
// the reference are all made from it, so that they cannot say different things.

// shapeKind is what a place in the file may hold.
type shapeKind uint8

const (
	mappingShape shapeKind = iota + 1 // keys known in advance
	namedShape                        // names that the user chooses, all values alike
	listShape
	scalarShape
	commandShape // a list of arguments, or one line for a shell
	perNodeShape // one value for all nodes, or a mapping of values by node
	eitherShape  // one of several shapes, told apart by what YAML has there
)

// shape is what a place in the file may hold.
type shape struct {
	kind shapeKind
	noun string // of one entry of a named shape: `group`

	fields []field           // of a mapping
	oneOf  []string          // of a mapping: exactly one of these keys has to be there
	later  map[string]string // of a mapping: keys of other versions, and what to use instead
	types  map[string]string // of a mapping: values of its key `type` that other versions have

	name   *scalar // of a named shape: what a name looks like
	elem   *shape  // of a named shape, of a list, of a value per node
	most   int     // entries of a named shape or of a list
	scalar *scalar

	shapes []*shape // of an either shape: no two of one YAML kind
}

// field is a key of a mapping.
type field struct {
	key      string
	shape    *shape
	required bool
	def      string // the default, as documented; "" says that there is none
}

func mapping(fields ...field) *shape { return &shape{kind: mappingShape, fields: fields} }

func named(noun string, name *scalar, most int, elem *shape) *shape {
	return &shape{kind: namedShape, noun: noun, name: name, most: most, elem: elem}
}

func list(most int, elem *shape) *shape { return &shape{kind: listShape, most: most, elem: elem} }

func perNode(elem *shape) *shape {
	return &shape{kind: perNodeShape, noun: "node", name: plainName, most: MaxNodes, elem: elem, scalar: elem.scalar}
}

func either(shapes ...*shape) *shape { return &shape{kind: eitherShape, shapes: shapes} }

func one(s *scalar) *shape { return &shape{kind: scalarShape, scalar: s} }

func required(key string, s *shape) field { return field{key: key, shape: s, required: true} }

func optional(key string, s *shape, def string) field { return field{key: key, shape: s, def: def} }

// field finds a key of a mapping.
func (s *shape) field(key string) *field {
	for i := range s.fields {
		if s.fields[i].key == key {
			return &s.fields[i]
		}
	}
	return nil
}

// keys are the keys of a mapping in the order of the table.
func (s *shape) keys() []string {
	keys := make([]string, len(s.fields))
	for i, f := range s.fields {
		keys[i] = f.key
	}
	return keys
}

// words says what the place holds: `duration, 1ms–1m`.
func (s *shape) words() string {
	switch s.kind {
	case mappingShape:
		return "mapping"
	case namedShape:
		return fmt.Sprintf("mapping by %s, at most %d", s.noun, s.most)
	case listShape:
		return fmt.Sprintf("list of at most %d: %s", s.most, s.elem.words())
	case perNodeShape:
		return s.elem.words() + ", or a mapping of such by node"
	case eitherShape:
		words := make([]string, len(s.shapes))
		for i, of := range s.shapes {
			words[i] = of.words()
		}
		return strings.Join(words, "; or ")
	case commandShape:
		return "list of arguments, the first an absolute path; one text with `shell: true`"
	default:
		return s.scalar.words
	}
}

// facts is the generated line of the reference: what a key holds and its default.
func (f *field) facts() string {
	parts := []string{f.shape.words()}
	switch {
	case f.required:
		parts = append(parts, "required")
	case f.def != "":
		parts = append(parts, "default "+f.def)
	}
	return strings.Join(parts, "; ")
}

// walk calls f for every key of the table with its path, such as
// `groups.*.election.type`; `*` stands for a name, `[]` for a list.
func (s *shape) walk(path string, f func(path string, parent *shape, key *field)) {
	switch s.kind {
	case mappingShape:
		for i := range s.fields {
			at := strings.TrimPrefix(path+"."+s.fields[i].key, ".")
			f(at, s, &s.fields[i])
			s.fields[i].shape.walk(at, f)
		}
	case namedShape:
		s.elem.walk(path+".*", f)
	case listShape:
		s.elem.walk(path+"[]", f)
	case eitherShape:
		for _, of := range s.shapes {
			of.walk(path, f)
		}
	}
}

// of is the one of an either shape that a YAML node has, or nil; every other shape
// is itself.
func (s *shape) of(n *yaml.Node) *shape {
	if s.kind != eitherShape {
		return s
	}
	for _, one := range s.shapes {
		if one.yamlKind() == n.Kind {
			return one
		}
	}
	return nil
}

// yamlKind is what YAML has in the place of a shape.
func (s *shape) yamlKind() yaml.Kind {
	switch s.kind {
	case mappingShape, namedShape:
		return yaml.MappingNode
	case listShape:
		return yaml.SequenceNode
	default:
		return yaml.ScalarNode
	}
}
