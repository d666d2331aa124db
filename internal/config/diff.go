package config

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Change is one thing that differs between two configurations, in words.
type Change struct {
	Where   string `json:"where"`   // `group "web"`
	Text    string `json:"text"`    // what a reload does, or what keeps it from doing so
	Restart bool   `json:"restart"` // it cannot change while the daemon runs
}

// String is the change on one line.
func (c Change) String() string {
	text := c.Where + ": " + c.Text
	if c.Restart {
		text += " (needs a restart of the daemon)"
	}
	return text
}

// Diff tells what a reload from one configuration to the other changes. A change
// with Restart cannot be made while the daemon runs; a reload refuses it and
// changes nothing. Without differences there is no Change.
func Diff(old, new *Config) []Change {
	d := differ{}
	d.process(old, new)
	d.nodes(old, new)
	d.security(old, new)
	d.overlays(old, new)
	d.bgp(old, new)
	d.stores(old, new)
	d.gate(old, new)
	d.groups(old, new)
	d.notify(old, new)
	return d.changes
}

// NeedsRestart are those of the changes that cannot be made while the daemon runs.
func NeedsRestart(changes []Change) []Change {
	return slices.DeleteFunc(slices.Clone(changes), func(c Change) bool { return !c.Restart })
}

type differ struct{ changes []Change }

func (d *differ) add(where, format string, args ...any) {
	d.changes = append(d.changes, Change{Where: where, Text: fmt.Sprintf(format, args...)})
}

func (d *differ) restart(where, format string, args ...any) {
	d.changes = append(d.changes, Change{Where: where, Text: fmt.Sprintf(format, args...), Restart: true})
}

// process compares what belongs to the process: it takes these once, at its start.
func (d *differ) process(old, new *Config) {
	for _, c := range []struct {
		key      string
		old, new any
	}{
		{"node", old.Self, new.Self},
		{"heartbeat.port", old.Heartbeat.Port, new.Heartbeat.Port},
		{"control.socket", old.Control.Socket, new.Control.Socket},
		{"http.listen", orNone(old.HTTP.Listen), orNone(new.HTTP.Listen)},
		{"state.dir", old.State.Dir, new.State.Dir},
		{"realtime.mode", old.Realtime.Mode, new.Realtime.Mode},
		{"realtime.priority", old.Realtime.Priority, new.Realtime.Priority},
		{"fence", old.Fence, new.Fence},
		{"log.target", old.Log.Target, new.Log.Target},
		{"log.format", old.Log.Format, new.Log.Format},
		{"log.level", old.Log.Level, new.Log.Level},
		{"log.syslog", old.Log.Syslog, new.Log.Syslog},
	} {
		if c.old != c.new {
			d.restart(c.key, "%v becomes %v", c.old, c.new)
		}
	}
	if !slices.Equal(old.Control.Users, new.Control.Users) {
		d.add("control.users", "%s may write instead of %s", listed(new.Control.Users), listed(old.Control.Users))
	}
}

// nodes compares the machines. Paths and votes of a node are set up at the start.
func (d *differ) nodes(old, new *Config) {
	for _, n := range new.Nodes {
		was, ok := old.Node(n.Name)
		where := fmt.Sprintf("node %q", n.Name)
		switch {
		case !ok:
			d.restart(where, "is new")
			continue
		case was.Role != n.Role:
			d.restart(where, "role %s becomes %s", was.Role, n.Role)
		}
		if !slices.Equal(was.Addresses, n.Addresses) {
			d.restart(where, "addresses %s become %s", words(was.Addresses), words(n.Addresses))
		}
	}
	for _, n := range old.Nodes {
		if _, ok := new.Node(n.Name); !ok {
			d.restart(fmt.Sprintf("node %q", n.Name), "is gone")
		}
	}
}

func (d *differ) security(old, new *Config) {
	if !slices.Equal(old.Security.KeyFiles, new.Security.KeyFiles) {
		d.add("security", "key files %s become %s", listed(old.Security.KeyFiles), listed(new.Security.KeyFiles))
	}
	if len(old.Security.Keys) == 0 || len(new.Security.Keys) == 0 {
		return // none, or not read: see LoadKeys
	}
	switch {
	case !bytes.Equal(old.Security.Keys[0], new.Security.Keys[0]):
		d.add("security", "another key signs; %s accepted", counted(len(new.Security.Keys), "key is", "keys are"))
	case !slices.EqualFunc(old.Security.Keys, new.Security.Keys, bytes.Equal):
		d.add("security", "the same key signs; %s accepted", counted(len(new.Security.Keys), "key is", "keys are"))
	}
}

func (d *differ) overlays(old, new *Config) {
	before := map[string]*Overlay{}
	for i := range old.Overlays {
		before[old.Overlays[i].Name] = &old.Overlays[i]
	}
	for i := range new.Overlays {
		o := &new.Overlays[i]
		where := fmt.Sprintf("overlay %q", o.Name)
		was := before[o.Name]
		delete(before, o.Name)
		if was == nil {
			d.add(where, "is built")
			continue
		}
		if was.Type != o.Type || was.VNI != o.VNI || was.Port != o.Port || was.Underlay != o.Underlay {
			d.add(where, "is built anew: nothing passes through it meanwhile")
		}
		if was.MTU != o.MTU {
			d.add(where, "MTU %s becomes %s", orDerived(was.MTU), orDerived(o.MTU))
		}
		if !slices.Equal(was.Remotes, o.Remotes) {
			d.add(where, "remotes %s become %s", words(was.Remotes), words(o.Remotes))
		}
		if !maps.Equal(was.Addresses, o.Addresses) {
			d.add(where, "addresses change")
		}
		if !maps.Equal(was.MAC, o.MAC) {
			d.add(where, "MAC addresses change")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		d.add(fmt.Sprintf("overlay %q", name), "is removed")
	}
}

func orNone(listen string) string {
	if listen == "" {
		return "none"
	}
	return listen
}

func orDerived(mtu int) string {
	if mtu == 0 {
		return "derived from the underlay"
	}
	return fmt.Sprint(mtu)
}

// words joins values for a sentence.
func words[T fmt.Stringer](values []T) string {
	if len(values) == 0 {
		return "none"
	}
	return joined(values)
}

func joined[T fmt.Stringer](values []T) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = v.String()
	}
	return strings.Join(texts, ", ")
}
