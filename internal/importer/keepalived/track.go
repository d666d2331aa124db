package keepalived

import (
	"fmt"
	"time"

	"stead/internal/importer/draft"
)

// trackInterfaces converts track_interface.
func (c *converter) trackInterfaces(g *group, block *Directive) {
	block.use(0)
	for _, d := range block.Block {
		w, ok := c.tracked(d, weight{})
		if !ok {
			continue
		}
		name := d.Name()
		if !interfaceName.MatchString(name) {
			c.find(d, Lost, "is not the name of an interface", "correct it")
			continue
		}
		if g.sync != nil && !g.sync.weights && w.value != 0 {
			c.note(d, Unneeded, "keepalived ignores the weight in a sync group: it is a fault when the interface is down", "")
			w = weight{}
		}
		if !c.applies(g, d, w) || !c.room(g, d) {
			continue
		}
		s := g.check(name)
		s.Set("interface", draft.Scalar(name), from(d))
		every, rise, fall := watched, 1, 1
		if delay := c.delays[name]; delay != nil {
			every, rise, fall = c.interfaceDelays(delay)
		}
		counts(s, every, every, rise, fall)
		w.effect(s, "")
	}
}

// interfaceDelays makes results in a row of interface_up_down_delays.
func (c *converter) interfaceDelays(d *Directive) (every time.Duration, rise, fall int) {
	down, ok := c.seconds(d, 1)
	up := down
	if ok && d.Arg(2) != "" {
		up, ok = c.seconds(d, 2)
	}
	if !ok {
		return watched, 1, 1
	}
	return delays(up, down)
}

// delays makes a number of results in a row of a delay. A check is up for as long
// as its fall says after the last good look, so the delay is rounded up.
func delays(up, down time.Duration) (every time.Duration, rise, fall int) {
	every = watched
	for longest := max(up, down); longest > every*mostCount; {
		every += watched
	}
	times := func(d time.Duration) int { return min(max(int((d+every-1)/every), 1), mostCount) }
	return every, times(up), times(down)
}

// trackProcesses converts track_process.
func (c *converter) trackProcesses(g *group, block *Directive) {
	block.use(0)
	for _, d := range block.Block {
		process := c.processes[d.Name()]
		if process == nil {
			d.use(0)
			c.find(d, Unneeded, "there is no such vrrp_track_process: keepalived ignores the line", "")
			continue
		}
		at := c.processParts(process)
		w, ok := c.tracked(d, at.weight)
		if !ok || !at.ok || !c.applies(g, d, w) || !c.room(g, d) {
			continue
		}
		c.made[process] = true
		s := g.check(process.Arg(1))
		s.Set("process", draft.Scalar(at.name), from(at.process))
		every, rise, fall := delays(at.up, at.down)
		counts(s, every, every, rise, fall)
		w.effect(s, from(d))
	}
}

// processParts are what a vrrp_track_process says; ok when Stead can say it too.
type processParts struct {
	name     string
	process  *Directive
	weight   weight
	up, down time.Duration
	ok       bool
}

func (c *converter) processParts(block *Directive) (p processParts) {
	const do = "use exec with pgrep"
	p.ok = true
	for _, d := range block.Block {
		switch d.Name() {
		case "process":
			c.last(&p.process, d)
			p.name = d.Arg(1)
			d.use(0, 1)
			if len(d.Words) > 2 || !processName.MatchString(p.name) || !printableText(p.name) {
				c.find(d, Lost, "Stead looks for the name of a process, not for its path or arguments: the check was left out", do)
				p.ok = false
			}
		case "quorum":
			if n, ok := c.integer(d, 1, 1, 65535); ok && n != 1 {
				c.find(d, Lost, "Stead asks for one process: the check was left out", do)
				p.ok = false
			}
		case "quorum_max", "param_match", "full_command":
			c.find(d, Lost, "Stead looks for one process by its name: the check was left out", do)
			p.ok = false
		case "weight":
			d.use(0)
			p.weight, _ = c.weightOf(d, 1, weight{})
		case "delay", "terminate_delay", "fork_delay":
			v, ok := c.seconds(d, 1)
			if !ok {
				continue
			}
			if d.Name() != "fork_delay" {
				p.down = v
			}
			if d.Name() != "terminate_delay" {
				p.up = v
			}
		}
	}
	if p.process == nil {
		p.ok = false
		if !block.listed {
			c.find(block, Unneeded, "names no process", "")
		}
	}
	return p
}

// trackFiles converts track_file inside of an instance or a sync group.
func (c *converter) trackFiles(g *group, block *Directive) {
	block.use(0)
	for _, d := range block.Block {
		file := c.files[d.Name()]
		if file == nil {
			d.use(0)
			c.find(d, Unneeded, "there is no such track_file: keepalived ignores the line", "")
			continue
		}
		path, w := c.fileParts(file)
		own, ok := c.tracked(d, w)
		if !ok || path == nil {
			continue
		}
		if g.sync != nil && !g.sync.weights && own.value != 0 {
			if own.value != 1 {
				c.find(d, Unneeded, "keepalived ignores a file with a weight in a sync group", "")
				continue
			}
			own = weight{}
		}
		if own.value != 0 && g.owner() {
			c.find(d, Unneeded, "keepalived ignores weights of a router with priority 255", "")
			continue
		}
		if !c.room(g, d) {
			continue
		}
		c.made[file] = true
		s := g.check(file.Arg(1))
		s.Set("file", draft.Scalar(path.Arg(1)), from(path))
		s.Set("number", "true", "")
		counts(s, watched, watched, 1, 1)
		note := from(d)
		switch {
		case own.value == 0:
			note += ": weight 0, so any number but 0 is a fault"
		case own.reverse: // each 1 in the file counts the other way
			own.value = -own.value
			note += ": reversed"
		}
		own.effect(s, note)
	}
}

// fileParts are the path and the weight of a track_file; nil when it has no path.
func (c *converter) fileParts(block *Directive) (path *Directive, w weight) {
	w = weight{value: 1}
	for _, d := range block.Block {
		switch d.Name() {
		case "file":
			d.use(0, 1)
			c.last(&path, d)
			if !absolutePath(d.Arg(1)) {
				c.find(d, Lost, "the path does not begin with /: the check was left out", "write the whole path")
				return nil, w
			}
		case "weight":
			d.use(0)
			w, _ = c.weightOf(d, 1, w)
		case "init_file":
			d.useAll()
			c.note(d, Todo, "Stead does not make the file", fmt.Sprintf("make it before Stead starts, with %s in it", orZero(d.Arg(1))))
		}
	}
	if path == nil && !block.listed {
		c.find(block, Unneeded, "names no file", "")
	}
	return path, w
}

func orZero(s string) string {
	if s == "" || s == "overwrite" {
		return "0"
	}
	return s
}
