package exabgp

import (
	"fmt"
	"strconv"
	"strings"

	"stead/internal/importer/draft"
)

// lookUp is the advice for what is not known here.
const lookUp = "look it up in the documentation of ExaBGP 4"

// find lists the directive, and with it all that is in its block.
func (c *converter) find(d *Directive, kind draft.Kind, why, do string) {
	if n := d.Count(); n > 0 {
		why = fmt.Sprintf("%s (with the %s in it)", why, plural(n, "directive"))
	}
	d.listed = true
	c.note(d, kind, why, do)
}

// note lists something about a directive that was converted.
func (c *converter) note(d *Directive, kind draft.Kind, why, do string) {
	c.about(d, directiveText(d), kind, why, do)
}

// about lists a part of a directive.
func (c *converter) about(d *Directive, text string, kind draft.Kind, why, do string) {
	c.findings = append(c.findings, finding(d, text, kind, why, do))
}

func finding(d *Directive, text string, kind draft.Kind, why, do string) draft.Finding {
	return draft.Finding{File: d.File, Line: d.Line, Directive: draft.Printable(text), Kind: kind, Why: draft.Printable(why), Do: draft.Printable(do)}
}

// directiveText is what a person sees of a directive: of a secret, its name.
func directiveText(d *Directive) string {
	if secret(d) {
		return d.Name()
	}
	text := strings.Join(d.Words, " ")
	if len(text) > 120 {
		text = text[:117] + "..."
	}
	return text
}

// secret tells whether the words of a directive must not be printed.
func secret(d *Directive) bool { return d.Name() == "md5-password" }

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// refuse is the error for what ExaBGP would refuse, too. The first one counts.
func (c *converter) refuse(d *Directive, advice, format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("%s:%d: %s: %s", d.File, d.Line, draft.Printable(fmt.Sprintf(format, args...)), advice)
	}
}

// verdict lists a directive by what the table says of it, and tells whether it did.
func (c *converter) verdict(d *Directive, table map[string]verdict) bool {
	v, ok := table[d.Name()]
	if ok {
		c.find(d, v.kind, v.why, v.do)
	}
	return ok
}

// sweep lists what nobody has looked at.
func (c *converter) sweep(d *Directive) {
	if d.listed {
		return
	}
	if !d.used[0] {
		c.find(d, draft.Lost, "is not a directive that is known here", lookUp)
		return
	}
	var left []string
	for i, used := range d.used {
		if !used {
			left = append(left, strconv.Quote(d.Words[i]))
		}
	}
	if len(left) > 0 {
		if secret(d) {
			left = []string{plural(len(left), "word")}
		}
		c.note(d, draft.Lost, "nothing was made of "+strings.Join(left, " "), lookUp)
	}
	for _, in := range d.Block {
		c.sweep(in)
	}
}
