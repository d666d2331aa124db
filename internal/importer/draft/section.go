package draft

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Section is a mapping of the YAML that is written, in order.
type Section struct {
	entries []*entry
}

// Len is how many keys it has.
func (s *Section) Len() int { return len(s.entries) }

// entry is a key with one of: a text, a section, a list of texts.
type entry struct {
	key   string
	text  string
	sub   *Section
	items []Item
	head  string // a comment of its own line before it
	note  string // a comment behind it
}

// Item is an entry of a list, in YAML's flow style.
type Item struct {
	Text string
	Note string // a comment behind it; empty: none
}

// Set writes a value, which has to be YAML already, and a comment behind it, unless it
// is empty. A second one replaces the first.
func (s *Section) Set(key, text, note string) {
	if e := s.find(key); e != nil {
		e.text, e.note = text, note
		return
	}
	s.entries = append(s.entries, &entry{key: key, text: text, note: note})
}

// Sub is the section under a key, made if need be.
func (s *Section) Sub(key string) *Section {
	if e := s.find(key); e != nil {
		return e.sub
	}
	e := &entry{key: key, sub: &Section{}}
	s.entries = append(s.entries, e)
	return e.sub
}

// Headed is Sub with a comment before it.
func (s *Section) Headed(key, head string) *Section {
	sub := s.Sub(key)
	s.find(key).head = head
	return sub
}

// Add appends to the list under a key.
func (s *Section) Add(key string, it Item) {
	e := s.find(key)
	if e == nil {
		e = &entry{key: key}
		s.entries = append(s.entries, e)
	}
	e.items = append(e.items, it)
}

// Take puts a section that was made apart under a key.
func (s *Section) Take(key string, from *Section) { s.Sub(key).entries = from.entries }

// Order sorts the keys as they stand in order; others come first.
func (s *Section) Order(order []string) {
	slices.SortStableFunc(s.entries, func(a, b *entry) int {
		return cmp.Compare(slices.Index(order, a.key), slices.Index(order, b.key))
	})
}

// Remark adds to the comment behind a key.
func (s *Section) Remark(key, more string) {
	if e := s.find(key); e != nil {
		e.note += more
	}
}

// Has tells whether there is such a key.
func (s *Section) Has(key string) bool { return s.find(key) != nil }

func (s *Section) find(key string) *entry {
	for _, e := range s.entries {
		if e.key == key {
			return e
		}
	}
	return nil
}

// Write appends the section at a depth of indentation.
func (s *Section) Write(b *strings.Builder, depth int) {
	pad := strings.Repeat("  ", depth)
	for _, e := range s.entries {
		if e.head != "" {
			fmt.Fprintf(b, "%s# %s\n", pad, e.head)
		}
		switch {
		case e.sub != nil && len(e.sub.entries) == 0:
			fmt.Fprintf(b, "%s%s: {}%s\n", pad, Scalar(e.key), behind(e.note))
		case e.sub != nil:
			fmt.Fprintf(b, "%s%s:%s\n", pad, Scalar(e.key), behind(e.note))
			e.sub.Write(b, depth+1)
		case e.items != nil:
			fmt.Fprintf(b, "%s%s:%s\n", pad, Scalar(e.key), behind(e.note))
			for _, it := range e.items {
				fmt.Fprintf(b, "%s  - %s%s\n", pad, it.Text, behind(it.Note))
			}
		default:
			fmt.Fprintf(b, "%s%s: %s%s\n", pad, Scalar(e.key), e.text, behind(e.note))
		}
	}
}

func behind(note string) string {
	if note == "" {
		return ""
	}
	return "  # " + note
}

var plain = regexp.MustCompile(`^[A-Za-z/][A-Za-z0-9_./@+-]*$`)

// words that YAML, of some version, takes for something else than a text.
var special = regexp.MustCompile(`(?i)^(true|false|null|yes|no|on|off|y|n)$`)

// Scalar writes a text so that YAML reads the same text.
func Scalar(s string) string {
	if plain.MatchString(s) && !special.MatchString(s) {
		return s
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r > 0x7e && r < 0xa0 || r == 0xfeff || r == 0x2028 || r == 0x2029:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String() + `"`
}

// Flow writes a list of texts in one line.
func Flow(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = Scalar(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// Printable is a text that may stand in a comment.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > 0x7e && r < 0xa0 || r == 0xfffd || r == 0xfeff || r == 0x2028 || r == 0x2029 {
			return '?'
		}
		return r
	}, s)
}
