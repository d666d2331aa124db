package keepalived

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"stead/internal/importer/draft"
)

// definition is what $NAME stands for.
type definition struct {
	lines []string // several of a definition over several lines
	many  bool
}

// definitions are those that hold at this line.
type definitions struct {
	byName map[string]definition
	o      Options
}

// reserved are the names that keepalived defines.
const (
	pwd      = "_PWD"
	instance = "_INSTANCE"
	random   = "_RANDOM"
	envVar   = "_ENV"
)

func (d *definitions) standard(o Options) {
	d.o = o
	d.byName = map[string]definition{
		instance: {lines: []string{o.configID()}},
		"_HASH":  {lines: []string{"#"}},
		"_BANG":  {lines: []string{"!"}},
	}
}

// configID is what lines with @ are compared with.
func (o Options) configID() string {
	if o.ConfigID != "" {
		return o.ConfigID
	}
	name, _, _ := strings.Cut(o.Host.Name, ".")
	return name
}

func nameByte(c byte, first bool) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || !first && c >= '0' && c <= '9'
}

// assignment takes `$NAME=VALUE` apart.
func assignment(s string) (name, value string, ok bool) {
	if len(s) < 2 || s[0] != '$' || !nameByte(s[1], true) {
		return "", "", false
	}
	i := 2
	for i < len(s) && nameByte(s[i], false) {
		i++
	}
	if i == len(s) || s[i] != '=' {
		return "", "", false
	}
	return s[1:i], strings.TrimLeft(s[i+1:], " \t"), true
}

// define notes a definition; one whose line ends with a backslash takes the
// following lines, up to the first without.
func (r *reader) define(name, value string) error {
	value, many := strings.CutSuffix(value, `\`)
	def := definition{many: many}
	if first := strings.TrimRight(value, " \t"); first != "" || !many {
		def.lines = append(def.lines, first)
	}
	for many {
		t, ok, err := r.raw(true)
		if err != nil {
			return err
		}
		if !ok || t.s == "" {
			break
		}
		t.s, many = strings.CutSuffix(t.s, `\`)
		if line := strings.TrimRight(t.s, " \t"); line != "" {
			def.lines = append(def.lines, line)
		}
	}
	if len(def.lines) == 0 {
		def = definition{lines: []string{""}}
	}
	r.defs.byName[name] = def
	return nil
}

// reference is a use of a definition at the start of s.
type reference struct {
	name   string
	params []string
	size   int
	braces bool
}

// refer reads `$NAME` or `${NAME PARAMETERS}`.
func refer(s string) (ref reference, ok bool) {
	i := 1
	if ref.braces = strings.HasPrefix(s, "${"); ref.braces {
		i = 2
	}
	if i >= len(s) || !nameByte(s[i], true) {
		return ref, false
	}
	start := i
	for i < len(s) && nameByte(s[i], false) {
		i++
	}
	ref.name, ref.size = s[start:i], i
	if ref.braces {
		end := strings.IndexByte(s[i:], '}')
		if end < 0 {
			return ref, false
		}
		ref.params = strings.Fields(s[i : i+end])
		ref.size = i + end + 1
		return ref, true
	}
	// Without braces the name has to end the word.
	return ref, i == len(s) || strings.IndexByte(" \t,)", s[i]) >= 0
}

// value is what a reference stands for here.
func (d *definitions) value(ref reference, at place) (definition, bool, error) {
	if own, ok := d.byName[ref.name]; ok && len(ref.params) == 0 {
		return own, true, nil
	}
	switch ref.name {
	case pwd:
		return definition{lines: []string{at.dir}}, len(ref.params) == 0, nil
	case envVar:
		if len(ref.params) != 1 {
			return definition{}, false, at.errorf("write ${_ENV NAME}", "${_ENV} names no variable")
		}
		v, ok := d.o.Host.Getenv(ref.params[0])
		if !ok {
			return definition{}, false, at.errorf("set it for the import as keepalived's service does",
				"the environment has no variable %s", ref.params[0])
		}
		return definition{lines: []string{v}}, true, nil
	case random:
		return randomValue(ref.params, at)
	}
	return definition{}, false, nil
}

func randomValue(params []string, at place) (definition, bool, error) {
	low, high := 0, 32767
	var err error
	if len(params) > 0 {
		low, err = strconv.Atoi(params[0])
	}
	if len(params) > 1 && err == nil {
		high, err = strconv.Atoi(params[1])
	}
	if err != nil || len(params) > 2 || low < 0 || high < low || high > 1<<31-1 {
		return definition{}, false, at.errorf("write ${_RANDOM MIN MAX}", "${_RANDOM %s} has no range", strings.Join(params, " "))
	}
	return definition{lines: []string{strconv.Itoa(low + rand.IntN(high-low+1))}}, true, nil
}

// substitute replaces what is defined in the line. Further lines of a definition
// wait for their turn.
func (r *reader) substitute(t text) (text, bool, error) {
	changed, count := false, 0
	for i := 0; i < len(t.s); {
		if t.s[i] != '$' {
			i++
			continue
		}
		ref, ok := refer(t.s[i:])
		if !ok {
			i++
			continue
		}
		def, ok, err := r.defs.value(ref, t.place)
		if err != nil {
			return t, false, err
		}
		end := i + ref.size
		if !ok || def.many && end != len(t.s) {
			i++
			continue
		}
		if ref.name == random {
			r.note(t.place, "${_RANDOM}", Changed, "keepalived takes another number at each start; here it is one for all", "write the number that you mean")
		}
		if count++; count > maxReplace || len(t.s)+len(def.lines[0]) > maxLine {
			return t, false, t.errorf("look for a definition that refers to itself", "the definitions in the line do not come to an end")
		}
		t.s = t.s[:i] + def.lines[0] + t.s[end:]
		changed = true
		if len(def.lines) > 1 {
			r.wait(t.place, def.lines[1:]...)
		}
		if strings.HasPrefix(strings.TrimLeft(def.lines[0], " \t"), "~") {
			break
		}
	}
	return t, changed, nil
}

func (r *reader) note(at place, directive string, kind Kind, why, do string) {
	f := Finding{File: at.file, Line: at.line, Directive: draft.Printable(directive), Kind: kind, Why: draft.Printable(why), Do: do}
	if !slices.Contains(r.notes, f) {
		r.notes = append(r.notes, f)
	}
}

// rewrite applies conditions, definitions and sequences until nothing changes.
func (r *reader) rewrite(t text) (text, error) {
	for round := 0; ; round++ {
		if round > maxReplace {
			return t, t.errorf("look for a definition that refers to itself", "the line never stops changing")
		}
		if strings.HasPrefix(t.s, "@") && !r.condition(&t) {
			return text{}, nil
		}
		if name, value, ok := assignment(t.s); ok {
			return text{}, r.define(name, value)
		}
		if strings.HasPrefix(t.s, "~SEQ") || strings.HasPrefix(t.s, "~LST") {
			return text{}, r.repeat(t)
		}
		next, changed, err := r.substitute(t)
		if err != nil || !changed {
			return next, err
		}
		next.s = decomment(next.s)
		t = next
		if !strings.HasPrefix(t.s, "@") && !strings.HasPrefix(t.s, "~") && !strings.Contains(t.s, "$") {
			return t, nil
		}
	}
}

// condition tells whether a line with @ is this host's, and takes the mark off.
func (r *reader) condition(t *text) bool {
	id, rest := t.s[1:], ""
	if i := strings.IndexAny(id, " \t"); i >= 0 {
		id, rest = id[:i], strings.TrimLeft(id[i:], " \t")
	}
	other := strings.HasPrefix(id, "^")
	id = strings.TrimPrefix(id, "^")
	mine := r.o.configID()
	if rest == "" || (id == mine) == other {
		if r.other == nil {
			r.other = &Finding{File: t.file, Line: t.line, Directive: t.s}
		}
		r.note(t.place, t.s, Other, "a line for another host than "+quote(mine), "")
		return false
	}
	r.matched = r.matched || !other
	t.s = rest
	return true
}

func quote(s string) string { return strconv.Quote(s) }
