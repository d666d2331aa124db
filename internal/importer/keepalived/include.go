package keepalived

import (
	"os"
	"path/filepath"
	"strings"
)

// maxMatches bounds what one include may name.
const maxMatches = maxFiles

// includeOf takes `include PATTERN` apart. A letter after the word, one of r, m,
// w, b and a, asks for errors where keepalived otherwise goes on in silence.
func includeOf(s string) (pattern string, strict, ok bool) {
	rest, found := strings.CutPrefix(s, "include")
	if !found || rest == "" {
		return "", false, false
	}
	if strings.IndexByte("rmwba", rest[0]) >= 0 {
		strict, rest = true, rest[1:]
	}
	if rest == "" || rest[0] != ' ' && rest[0] != '\t' {
		return "", false, false
	}
	return strings.Trim(rest, " \t"), strict, true
}

// include opens the files that the line names, if it is an include.
func (r *reader) include(t text) (bool, error) {
	pattern, strict, ok := includeOf(t.s)
	if !ok {
		return false, nil
	}
	pattern = strings.Trim(pattern, `"`)
	names, err := r.matches(t, pattern)
	if err != nil {
		return true, err
	}
	const do = "bring the files along, or remove the line"
	if len(names) == 0 {
		if strict {
			return true, t.errorf(do, "%s: no file matches", t.s)
		}
		r.note(t.place, t.s, Todo, "no file matches, and keepalived goes on without a word", do)
		return true, nil
	}
	var opened []*source
	depth := r.depth()
	for _, name := range names {
		before := len(r.stack)
		switch err := r.open(name, t.place, depth); {
		case len(r.stack) > before:
			opened = append(opened, r.stack[before])
			r.stack = r.stack[:before]
		case isMistake(err) || strict && err != nil:
			return true, t.errorOf(err, do)
		case err != nil:
			r.note(t.place, t.s, Todo, err.Error()+": keepalived leaves the file out", do)
		}
	}
	// The first is read first: it is the last of the stack.
	for i := len(opened) - 1; i >= 0; i-- {
		r.stack = append(r.stack, opened[i])
	}
	return true, nil
}

func isMistake(err error) bool { _, ok := err.(*Error); return ok }

func (t text) errorOf(err error, do string) error {
	if isMistake(err) {
		return err
	}
	return t.errorf(do, "%s: %v", t.s, err)
}

// depth is that of a file included here.
func (r *reader) depth() int {
	if len(r.stack) == 0 {
		return 1
	}
	return r.stack[len(r.stack)-1].depth + 1
}

// matches are the files that a pattern names, relative to the including file.
func (r *reader) matches(t text, pattern string) (names []string, err error) {
	if pattern == "" {
		return nil, nil
	}
	alternatives, ok := braces(pattern)
	if !ok {
		return nil, t.errorf("write fewer alternatives", "%s: more than %d alternatives", t.s, maxMatches)
	}
	for _, one := range alternatives {
		if !filepath.IsAbs(one) {
			one = filepath.Join(filepath.Dir(t.file), one)
		}
		if !strings.ContainsAny(one, `*?[\`) {
			if _, err := os.Stat(one); err == nil {
				names = append(names, one)
			}
			continue
		}
		found, err := filepath.Glob(one)
		if err != nil {
			return nil, t.errorf("write a pattern as a shell reads it", "%s: %v", t.s, err)
		}
		names = append(names, found...)
	}
	if len(names) > maxMatches {
		return nil, t.errorf("name fewer", "%s: %d files match", t.s, len(names))
	}
	return names, nil
}

// braces expands {a,b} as a C shell does; false when there are too many.
func braces(pattern string) ([]string, bool) {
	start := strings.IndexByte(pattern, '{')
	if start < 0 {
		return []string{pattern}, true
	}
	depth, from, end := 0, start+1, -1
	var parts []string
scan:
	for i := start; i < len(pattern); i++ {
		switch pattern[i] {
		case '{':
			depth++
		case ',':
			if depth == 1 {
				parts, from = append(parts, pattern[from:i]), i+1
			}
		case '}':
			if depth--; depth == 0 {
				parts, end = append(parts, pattern[from:i]), i
				break scan
			}
		}
	}
	if end < 0 || len(pattern) > 4096 {
		return []string{pattern}, len(pattern) <= 4096
	}
	var all []string
	for _, part := range parts {
		more, ok := braces(pattern[:start] + part + pattern[end+1:])
		if all = append(all, more...); !ok || len(all) > maxMatches {
			return nil, false
		}
	}
	return all, true
}
