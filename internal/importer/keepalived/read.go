package keepalived

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"stead/internal/importer/draft"
)

// The bounds of what is read.
const (
	maxFiles   = 1000
	maxDepth   = 32 // of includes, and of blocks
	maxBytes   = 16 << 20
	maxLine    = 64 << 10
	maxLines   = 1 << 18 // after sequences and definitions
	maxReplace = 1000    // substitutions in one line
)

// place is where a line stands.
type place struct {
	file string
	line int
	dir  string // of the file: ${_PWD}
}

// Error is a mistake in a file.
type Error struct {
	File string
	Line int
	What string
	Do   string
}

func (e *Error) Error() string {
	return draft.Printable(fmt.Sprintf("%s:%d: %s: %s", e.File, e.Line, e.What, e.Do))
}

func (p place) errorf(do, format string, args ...any) error {
	return &Error{File: p.file, Line: p.line, What: fmt.Sprintf(format, args...), Do: do}
}

// text is a line on its way through the reader.
type text struct {
	place
	s string
}

// source is a file that is being read.
type source struct {
	name  string
	lines []string
	next  int
	dir   string // of the file, absolute
	depth int    // 0: not included
}

// reader yields logical lines: a directive with its words, `{` or `}`.
type reader struct {
	o       Options
	stack   []*source // the file that is read is the last
	waiting []text    // what is left of lines; the last comes first
	defs    definitions
	files   int
	bytes   int
	lines   int
	notes   []Finding // what the reader itself could not take over
	other   *Finding  // the first line of another host
	matched bool      // a line with @ was this host's
	fetch   func(name string) ([]byte, error)
}

func newReader(o Options) *reader {
	r := &reader{o: o, fetch: os.ReadFile}
	r.defs.standard(o)
	return r
}

// open begins to read a file.
func (r *reader) open(name string, from place, depth int) error {
	if r.files++; r.files > maxFiles {
		return from.errorf("include fewer", "more than %d files are included", maxFiles)
	}
	if depth > maxDepth {
		return from.errorf("look for a file that includes itself", "includes are nested more than %d deep", maxDepth)
	}
	data, err := r.fetch(name)
	if err != nil {
		return err
	}
	return r.push(name, data, from, depth)
}

func (r *reader) push(name string, data []byte, from place, depth int) error {
	if r.bytes += len(data); r.bytes > maxBytes {
		return from.errorf("is this a configuration?", "the files are larger than %d MiB in all", maxBytes>>20)
	}
	if i := strings.IndexByte(string(data), 0); i >= 0 {
		at := place{file: name, line: 1 + strings.Count(string(data[:i]), "\n")}
		return at.errorf("remove it", "a NUL byte is in the line")
	}
	dir, err := filepath.Abs(filepath.Dir(name))
	if err != nil {
		return err
	}
	r.stack = append(r.stack, &source{name: name, lines: strings.Split(string(data), "\n"), dir: dir, depth: depth})
	return nil
}

// physical yields the next line of the files with anything in it.
func (r *reader) physical(blanks bool) (text, bool) {
	for len(r.stack) > 0 {
		s := r.stack[len(r.stack)-1]
		if s.next >= len(s.lines) {
			r.stack = r.stack[:len(r.stack)-1]
			continue
		}
		line := strings.TrimRight(s.lines[s.next], "\r")
		s.next++
		at := text{place: place{file: s.name, line: s.next, dir: s.dir}}
		at.s = decomment(line)
		// A blank line ends a definition of several lines; a comment does not.
		if at.s != "" || blanks && line == "" && s.next < len(s.lines) {
			return at, true
		}
	}
	return text{}, false
}

// raw yields what is to be looked at next.
func (r *reader) raw(blanks bool) (text, bool, error) {
	if n := len(r.waiting); n > 0 {
		t := r.waiting[n-1]
		r.waiting = r.waiting[:n-1]
		return t, true, r.count(t.place)
	}
	t, ok := r.physical(blanks)
	if !ok {
		return t, false, nil
	}
	if len(t.s) > maxLine {
		return t, false, t.errorf("split it", "the line is longer than %d bytes", maxLine)
	}
	return t, true, r.count(t.place)
}

func (r *reader) count(at place) error {
	if r.lines++; r.lines > maxLines {
		return at.errorf("use fewer sequences", "more than %d lines, with what definitions and sequences make", maxLines)
	}
	return nil
}

// wait puts lines before all that is still to be read.
func (r *reader) wait(at place, lines ...string) {
	for i := len(lines) - 1; i >= 0; i-- {
		r.waiting = append(r.waiting, text{place: at, s: lines[i]})
	}
}

// next yields the next logical line.
func (r *reader) next() (text, bool, error) {
	for {
		t, ok, err := r.raw(false)
		if err != nil || !ok {
			return t, false, err
		}
		t, err = r.rewrite(t)
		if err != nil {
			return t, false, err
		}
		if t.s == "" {
			continue
		}
		if included, err := r.include(t); err != nil || included {
			if err != nil {
				return t, false, err
			}
			continue
		}
		head, rest := splitBrace(t.s)
		if rest != "" {
			r.wait(t.place, rest)
		}
		if t.s = head; head != "" {
			return t, true, nil
		}
	}
}

// decomment takes comments and the space around a line away. As in keepalived, a
// backslash before # or ! outside of quotes makes it a plain character, and one
// at the end of the line stays there.
func decomment(line string) string {
	line = strings.TrimLeft(line, " \t")
	var out strings.Builder
	quoted, continued := false, false
scan:
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '"':
			quoted = !quoted
			out.WriteByte(c)
		case c == '\\' && i+1 == len(line):
			continued = true
		case c == '\\':
			i++
			if quoted || line[i] != '#' && line[i] != '!' {
				out.WriteByte(c)
			}
			out.WriteByte(line[i])
		case !quoted && (c == '!' || c == '#'):
			break scan
		default:
			out.WriteByte(c)
		}
	}
	s := strings.TrimRight(out.String(), " \t")
	if continued {
		s += `\`
	}
	return s
}

// splitBrace cuts a line before and after its first brace that is not in quotes
// and not of a definition that was left standing.
func splitBrace(s string) (head, rest string) {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			end := strings.IndexByte(s[i+1:], '"')
			if end < 0 {
				return s, ""
			}
			i += end + 1
		case '$':
			if strings.HasPrefix(s[i:], "${") {
				if end := strings.IndexByte(s[i:], '}'); end > 0 {
					i += end
				}
			}
		case '{', '}':
			if i == 0 {
				return s[:1], strings.Trim(s[1:], " \t")
			}
			return strings.TrimRight(s[:i], " \t"), s[i:]
		}
	}
	return strings.TrimRight(s, " \t"), ""
}
