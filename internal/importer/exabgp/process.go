package exabgp

import (
	"net/netip"
	"strings"

	"stead/internal/importer/draft"
)

// process converts a process: exabgp's own healthcheck; others have no counterpart.
func (c *converter) process(d *Directive) {
	var run *Directive
	for _, in := range d.Block {
		switch in.Name() {
		case "run":
			run = in
		case "encoder", "respawn":
			c.find(in, draft.Unneeded, "Stead runs no processes of ExaBGP", "")
		}
	}
	if run == nil {
		c.refuse(d, "add it", "the process %q has no run", d.Arg(1))
		return
	}
	run.use(0)
	args, ok := healthArgs(run.Words[1:])
	if !ok {
		c.find(run, draft.Lost, "Stead runs no program that says what to announce: whatever it decides is not in the result",
			"make a check of what it looks at (checks: exec) and hooks of what else it does; write prefixes that it announces into bgp: prefixes of a group")
		return
	}
	run.useAll()
	var peers []netip.Addr
	all := true
	for _, p := range c.host.peers {
		if p.processes[d.Arg(1)] {
			peers = append(peers, p.address)
		} else {
			all = false
		}
	}
	if len(peers) == 0 {
		c.find(run, draft.Unneeded, "no neighbor names the process in its api, so nothing of it is announced", "")
		return
	}
	h := &health{c: c, d: run, name: d.Arg(1)}
	if h.options, ok = c.healthOptions(run, args); !ok {
		return
	}
	if named := h.options["neighbor"]; len(named) > 0 {
		if peers, all = h.chosen(named, peers), false; len(peers) == 0 {
			c.find(run, draft.Unneeded, "the process announces to no neighbor that there is", "")
			return
		}
	}
	h.peers = peers
	if all {
		h.peers = nil
	}
	h.convert()
}

// healthOptions reads the arguments, and those of the file that --config names.
func (c *converter) healthOptions(d *Directive, args []string) (options, bool) {
	found, err := parseOptions(args)
	if err != nil {
		c.refuse(d, "look at exabgp healthcheck --help", "%v", err)
		return nil, false
	}
	name := found.get("config", "")
	if name == "" {
		return found, true
	}
	data, err := c.o.Host.ReadFile(name)
	if err != nil || len(data) > maxLine {
		c.find(d, draft.Todo, "the file of --config could not be read here: nothing was made of the process", "import again on the host, where "+name+" is")
		return nil, false
	}
	var all []string
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, value, has := strings.Cut(line, "=")
		all = append(all, "--"+strings.TrimSpace(key))
		if has {
			all = append(all, strings.TrimSpace(value))
		}
	}
	if found, err = parseOptions(append(all, args...)); err != nil {
		c.refuse(d, "correct it in "+name, "%v", err)
		return nil, false
	}
	return found, true
}
