package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
)

func (d *differ) groups(old, new *Config) {
	for i := range new.Groups {
		g := &new.Groups[i]
		where := fmt.Sprintf("group %q", g.Name)
		was, ok := old.Group(g.Name)
		if !ok {
			d.add(where, "is new")
			continue
		}
		d.members(where, was, g, new.Self)
		d.election(where, was.Election, g.Election)
		d.router(where, was.Election, g.Election)
		d.lease(where, was.Election, g.Election)
		d.policy(where, was, g)
		d.addresses(where, was.Addresses, g.Addresses)
		d.advertised(where, was.Addresses, g.Addresses)
		d.announced(where, was.Routes, g.Routes)
		d.checks(where, was.Checks, g.Checks)
		d.hooks(where, was.Hooks, g.Hooks)
	}
	for _, g := range old.Groups {
		if _, ok := new.Group(g.Name); !ok {
			d.add(fmt.Sprintf("group %q", g.Name), "is gone: it is released")
		}
	}
}

func (d *differ) members(where string, was, g *Group, self string) {
	before := map[string]int{}
	for _, m := range was.Members {
		before[m.Node] = m.Priority
	}
	for _, m := range g.Members {
		priority, ok := before[m.Node]
		delete(before, m.Node)
		switch {
		case !ok:
			d.add(where, "node %q becomes a member with priority %d", m.Node, m.Priority)
		case priority != m.Priority:
			d.add(where, "priority %d of node %q becomes %d", priority, m.Node, m.Priority)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		text := "node %q is a member no longer"
		if name == self {
			text += ": it releases the group"
		}
		d.add(where, text, name)
	}
}

func (d *differ) election(where string, was, now Election) {
	if was.Type != now.Type {
		return
	}
	if was.Interval != now.Interval || was.Multiplier != now.Multiplier {
		d.add(where, "detection time %s (%s × %d) becomes %s (%s × %d)", length(was.Lease()), length(was.Interval), was.Multiplier,
			length(now.Lease()), length(now.Interval), now.Multiplier)
	}
	if was.Quorum != now.Quorum {
		d.add(where, "quorum %t becomes %t", was.Quorum, now.Quorum)
	}
	if !slices.Equal(was.Voters, now.Voters) {
		d.add(where, "voters %s become %s", listed(was.Voters), listed(now.Voters))
	}
	if was.OnQuorumLoss != now.OnQuorumLoss {
		d.add(where, "on loss of quorum: %s becomes %s", was.OnQuorumLoss, now.OnQuorumLoss)
	}
}

func (d *differ) policy(where string, was, g *Group) {
	if was.Preempt.Enabled != g.Preempt.Enabled {
		d.add(where, "preempt.enabled %t becomes %t", was.Preempt.Enabled, g.Preempt.Enabled)
	}
	if was.Preempt.Delay != g.Preempt.Delay {
		d.add(where, "preempt.delay %s becomes %s", length(was.Preempt.Delay), length(g.Preempt.Delay))
	}
	if was.Sync != g.Sync {
		d.add(where, "sync %s becomes %s", orNone(was.Sync), orNone(g.Sync))
	}
	if was.StartDelay != g.StartDelay {
		d.add(where, "start_delay %s becomes %s: it counts at the next start", length(was.StartDelay), length(g.StartDelay))
	}
	if was.Damping != g.Damping {
		d.add(where, "damping.window %s becomes %s", length(was.Damping), length(g.Damping))
	}
	if was.Linger != g.Linger {
		d.add(where, "linger %s becomes %s", length(was.Linger), length(g.Linger))
	}
	if was.Announce != g.Announce {
		d.add(where, "announce.refresh %s becomes %s", length(was.Announce.Refresh), length(g.Announce.Refresh))
	}
}

func (d *differ) addresses(where string, was, now []Address) {
	for _, a := range now {
		if !held(was, a) {
			d.add(where, "%s on %s is added", a.Prefix, a.Interface)
		}
	}
	for _, a := range was {
		if !held(now, a) {
			d.add(where, "%s on %s is removed", a.Prefix, a.Interface)
		}
	}
}

// held tells whether an address is among others, advertised or not.
func held(list []Address, a Address) bool {
	return slices.ContainsFunc(list, func(b Address) bool { return a.Prefix == b.Prefix && a.Interface == b.Interface })
}

// advertised compares which of the addresses are in the advertisements.
func (d *differ) advertised(where string, was, now []Address) {
	for _, a := range now {
		for _, b := range was {
			switch {
			case a.Prefix != b.Prefix || a.Interface != b.Interface:
			case a.Excluded && !b.Excluded:
				d.add(where, "%s is not advertised any more", a.Prefix)
			case !a.Excluded && b.Excluded:
				d.add(where, "%s is advertised", a.Prefix)
			}
		}
	}
}

func (d *differ) checks(where string, was, now []Check) {
	before := map[string]Check{}
	for _, k := range was {
		before[k.Name] = k
	}
	for _, k := range now {
		old, ok := before[k.Name]
		delete(before, k.Name)
		switch {
		case !ok:
			d.add(where, "check %q is added", k.Name)
		case old.Kind == CheckBFD && k.Kind == CheckBFD && old.Target == k.Target:
			d.pathCheck(where, &old, &k)
		case !reflect.DeepEqual(old, k):
			d.add(where, "check %q changes and starts anew: %s", k.Name, checkWords(&k))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		d.add(where, "check %q is removed", name)
	}
}

// pathCheck compares checks of one path: the session goes on where it can.
func (d *differ) pathCheck(where string, was, now *Check) {
	d.bfd(fmt.Sprintf("%s: check %q", where, now.Name), was.BFD, now.BFD)
	before, after := *was, *now
	before.BFD, after.BFD = nil, nil
	if !reflect.DeepEqual(before, after) {
		d.add(where, "check %q changes: %s", now.Name, checkWords(now))
	}
}

func (d *differ) hooks(where string, was, now map[HookKind]Hook) {
	for _, kind := range hookKinds {
		old, had := was[kind]
		hook, has := now[kind]
		switch {
		case !had && has:
			d.add(where, "hook %s is added", kind)
		case had && !has:
			d.add(where, "hook %s is removed", kind)
		case !reflect.DeepEqual(old, hook):
			d.add(where, "hook %s changes", hookWords(kind, hook))
		}
	}
}
