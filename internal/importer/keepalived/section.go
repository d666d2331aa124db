package keepalived

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

// section is a mapping of the YAML that is written, in order.
type section struct {
	entries []*entry
}

// entry is a key with one of: a text, a section, a list of texts.
type entry struct {
	key   string
	text  string
	sub   *section
	items []item
	head  string // a comment of its own line before it
	note  string // a comment behind it
}

// item is an entry of a list, in YAML's flow style.
type item struct {
	text string
	note string
}

// set writes a value, which has to be YAML already. A second one replaces the first.
func (s *section) set(key, text, note string) {
	if e := s.find(key); e != nil {
		e.text, e.note = text, note
		return
	}
	s.entries = append(s.entries, &entry{key: key, text: text, note: note})
}

// sub is the section under a key, made if need be.
func (s *section) sub(key string) *section {
	if e := s.find(key); e != nil {
		return e.sub
	}
	e := &entry{key: key, sub: &section{}}
	s.entries = append(s.entries, e)
	return e.sub
}

// headed is sub with a comment before it.
func (s *section) headed(key, head string) *section {
	sub := s.sub(key)
	s.find(key).head = head
	return sub
}

func (s *section) add(key string, it item) {
	e := s.find(key)
	if e == nil {
		e = &entry{key: key}
		s.entries = append(s.entries, e)
	}
	e.items = append(e.items, it)
}

func (s *section) has(key string) bool { return s.find(key) != nil }

func (s *section) find(key string) *entry {
	for _, e := range s.entries {
		if e.key == key {
			return e
		}
	}
	return nil
}

// write appends the section at a depth of indentation.
func (s *section) write(b *strings.Builder, depth int) {
	pad := strings.Repeat("  ", depth)
	for _, e := range s.entries {
		if e.head != "" {
			fmt.Fprintf(b, "%s# %s\n", pad, e.head)
		}
		switch {
		case e.sub != nil && len(e.sub.entries) == 0:
			fmt.Fprintf(b, "%s%s: {}%s\n", pad, scalar(e.key), behind(e.note))
		case e.sub != nil:
			fmt.Fprintf(b, "%s%s:%s\n", pad, scalar(e.key), behind(e.note))
			e.sub.write(b, depth+1)
		case e.items != nil:
			fmt.Fprintf(b, "%s%s:%s\n", pad, scalar(e.key), behind(e.note))
			for _, it := range e.items {
				fmt.Fprintf(b, "%s  - %s%s\n", pad, it.text, behind(it.note))
			}
		default:
			fmt.Fprintf(b, "%s%s: %s%s\n", pad, scalar(e.key), e.text, behind(e.note))
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

// scalar writes a text so that YAML reads the same text.
func scalar(s string) string {
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

// flow writes a list of texts in one line.
func flow(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = scalar(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// from is the comment that names a directive's place.
func from(d *Directive) string {
	if d == nil {
		return ""
	}
	return printable(fmt.Sprintf("%s:%d", filepath.Base(d.File), d.Line))
}

// printable is a text that may stand in a comment.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > 0x7e && r < 0xa0 || r == 0xfffd || r == 0xfeff || r == 0x2028 || r == 0x2029 {
			return '?'
		}
		return r
	}, s)
}
