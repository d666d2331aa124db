package config

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// checkOnly are the keys of a check that not every kind has.
var checkOnly = map[string][]CheckKind{
	"user":    {CheckExec},
	"shell":   {CheckExec},
	"send":    {CheckTCP, CheckUDP},
	"expect":  {CheckHTTP, CheckTCP, CheckUDP, CheckFile},
	"status":  {CheckHTTP},
	"max_age": {CheckFile},
	"number":  {CheckFile},

	"min_rx": {CheckBFD}, "multiplier": {CheckBFD}, "multihop": {CheckBFD}, "source": {CheckBFD}, "passive": {CheckBFD}, "auth": {CheckBFD},
	"timeout": probes, "rise": probes, "fall": probes,
}

// probes are the kinds of check that run again and again.
var probes = []CheckKind{CheckHTTP, CheckTCP, CheckUDP, CheckProcess, CheckExec, CheckFile, CheckInterface, CheckProgress}

func (b *builder) checks(v *value, g *Group) []Check {
	var checks []Check
	for _, e := range sorted(v) {
		if e.value.ok() {
			checks = append(checks, b.check(e, g))
		}
	}
	return checks
}

func (b *builder) check(e entry, g *Group) Check {
	v := e.value
	c := Check{
		Name:   e.name,
		User:   or(v.get("user"), ""),
		Send:   or(v.get("send"), ""),
		Expect: or(v.get("expect"), ""),
		Status: scalars[int](v.get("status")),
		Number: or(v.get("number"), false),
		MaxAge: or(v.get("max_age"), time.Duration(0)),
		Rise:   or(v.get("rise"), defaultRise),
		Fall:   or(v.get("fall"), defaultFall),
		Weight: or(v.get("weight"), 0),
	}
	c.Fatal = or(v.get("fatal"), c.Weight == 0)
	if fatal := v.get("fatal"); fatal.ok() && !c.Fatal && c.Weight == 0 {
		b.notes.about(fatal, "without a weight changes nothing", "", "the check is shown, and decides nothing")
	}
	b.checkTarget(v, &c)
	b.checkKeys(v, &c)
	b.checkNumber(v, &c)
	if c.Kind == CheckBFD {
		b.pathCheck(v, &c, g)
		return c
	}
	b.checkTimes(v, &c)
	return c
}

// checkTarget finds the kind: the structure has exactly one of them.
func (b *builder) checkTarget(v *value, c *Check) {
	for _, kind := range checkKeys.oneOf {
		target := v.get(kind)
		if target == nil {
			continue
		}
		c.Kind = CheckKind(kind)
		switch c.Kind {
		case CheckExec:
			c.Command, c.Shell = b.commandLine(target, v.get("shell"))
		case CheckBFD:
			if a := or(target, netip.Addr{}); a.IsValid() {
				c.Target = a.String()
			}
		case CheckProgress:
			b.progress(target, c)
		default:
			c.Target = or(target, "")
		}
		return
	}
}

// checkKeys refuses keys that this kind of check does not have.
func (b *builder) checkKeys(v *value, c *Check) {
	for _, e := range v.children() {
		kinds, ok := checkOnly[e.name]
		if !ok || c.Kind == "" || slices.Contains(kinds, c.Kind) {
			continue
		}
		names := make([]string, len(kinds))
		for i, k := range kinds {
			names[i] = string(k)
		}
		b.at(e.key, v.place(), fmt.Sprintf("%s has no meaning in a check of kind %s", e.name, c.Kind),
			"a check of kind "+listed(names), "remove it")
	}
	if status := v.get("status"); status.ok() {
		b.unique(status)
		if len(status.items) == 0 {
			b.whole(status, "is empty", "one code or more", "leave it off to accept 200–399")
		}
	}
}

// checkNumber checks that a number that is read is all that the file is read for.
func (b *builder) checkNumber(v *value, c *Check) {
	if !c.Number || c.Kind != CheckFile {
		return
	}
	if expect := v.get("expect"); expect != nil {
		b.whole(expect, "stands beside number: true", "number or expect", "the file holds one number: make two checks of it")
	}
}

// checkTimes checks that one run ends before the next begins.
func (b *builder) checkTimes(v *value, c *Check) {
	interval, timeout := v.get("interval"), v.get("timeout")
	c.Interval = or(interval, c.Kind.every())
	if interval.ok() && c.Interval < leastCheckInterval {
		b.about(interval, "is not in "+length(leastCheckInterval)+"–1h", length(leastCheckInterval)+"–1h", "")
	}
	c.Timeout = or(timeout, min(c.Interval, defaultCheckTimeout))
	if c.Kind == CheckExec && interval.ok() && c.Interval < leastExecInterval {
		b.about(interval, "is too short to start a program each time", length(leastExecInterval)+" or more",
			"write 100ms or more, or use http, tcp, udp, process or file")
	}
	if timeout.ok() && (interval == nil || interval.ok()) && c.Timeout > c.Interval {
		b.about(timeout, "is longer than the interval, "+length(c.Interval), "at most the interval",
			"a run has to end before the next one starts: raise interval or lower timeout")
	}
	b.stalled(v, c)
}

// commandLine is a list of arguments, or one text for a shell where that is asked for.
func (b *builder) commandLine(v, shell *value) (command []string, inShell bool) {
	if !v.ok() || shell != nil && shell.bad {
		return nil, false
	}
	inShell = or(shell, false)
	line, isLine := v.scalar.(string)
	switch {
	case isLine && !inShell:
		b.about(v, "is one text", "a list of arguments", "write [/path/of/program, argument, …], or add shell: true")
		return nil, false
	case isLine && line == "":
		b.about(v, "is empty", "a command", "write the command")
		return nil, false
	case isLine:
		return []string{line}, true
	case inShell:
		b.whole(v, "is a list beside shell: true", "one text for the shell", `write exec: "program argument", or remove shell`)
		return nil, false
	case len(v.items) == 0:
		b.whole(v, "is empty", "a program and its arguments", "write [/path/of/program, argument, …]")
		return nil, false
	}
	command = scalars[string](v)
	if program := v.items[0]; program.ok() {
		if f := b.program(or(program, "")); f != nil {
			b.about(program, f.what, f.expected, f.advice)
		}
	}
	return command, false
}

// program checks the path of what is to be run.
func (b *builder) program(path string) *fault {
	_, f := absolutePath(4095).parse(path)
	if f != nil && f.expected == "an absolute path" {
		f.advice = "name the program from /: no search path is used"
	}
	return f
}

func (b *builder) hooks(v *value) map[HookKind]Hook {
	hooks := map[HookKind]Hook{}
	for _, e := range sorted(v) {
		if !e.value.ok() {
			continue
		}
		h := Hook{User: or(e.value.get("user"), ""), Timeout: or(e.value.get("timeout"), defaultHookTimeout)}
		h.Arguments = or(e.value.get("arguments"), "")
		if arguments := e.value.get("arguments"); arguments != nil && HookKind(e.name) == HookPrepare {
			b.whole(arguments, "has no meaning in prepare", "activate, standby, fault, stop or change", "keepalived has no such state: remove it")
		}
		h.Command, h.Shell = b.commandLine(e.value.get("exec"), e.value.get("shell"))
		hooks[HookKind(e.name)] = h
	}
	return hooks
}
