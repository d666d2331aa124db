package daemon

import (
	"cmp"

	"stead/internal/adapter/hook"
	"stead/internal/config"
	"stead/internal/core"
	"stead/internal/core/reason"
)

// changes turns what the core wants and notes into the changes that the outside
// is told of: each once, in order. It belongs to the teller's goroutine.
//
// A node in a group is active, standby or has a fault. It is told to be standby
// when it is known for the first time, when it has let go, and when a fault has
// passed; to have a fault when it lets go because of one, and when one befalls it
// as a standby. A fault of one group is one of all that change together with it.
type changes struct{ groups []standing }

// standing is what is known, and what was told last, of a group.
type standing struct {
	name, sync string
	want       core.Want
	known      bool          // a note of readiness has come
	fault      reason.Reason // of this group itself; sticks until it is ready
	why        reason.Reason // why it is standby, when it is
	detail     string
	priority   int
	active     string          // the node that was seen to be active last; empty: not known
	told       config.HookKind // empty: nothing yet
}

// told is a change that the outside is told of.
type told struct {
	group  core.GroupID
	kind   config.HookKind
	reason reason.Reason
	detail string
}

// reset gives the groups their new numbers. What is known goes by the name.
func (c *changes) reset(cfg *config.Config) {
	before := map[string]standing{}
	for _, s := range c.groups {
		before[s.name] = s
	}
	c.groups = make([]standing, len(cfg.Groups))
	for i := range cfg.Groups {
		s := before[cfg.Groups[i].Name]
		s.name, s.sync = cfg.Groups[i].Name, cfg.Groups[i].Sync
		c.groups[i] = s
	}
}

// wanted takes a Want in.
func (c *changes) wanted(w *core.Want, self string) (all []told) {
	s := &c.groups[w.Group]
	last := s.want
	s.want, s.priority = *w, w.Priority
	s.want.Held = w.Held && !w.Stay // a path that is announced is no role
	if last.Held == s.want.Held && last.Active == w.Active {
		return nil // another epoch or slot
	}
	t := told{group: w.Group, kind: hook.KindOf(s.want.Held, w.Active, w.Reason), reason: w.Reason, detail: w.Detail}
	switch {
	case w.Active:
		s.active = self
	case s.active == self:
		s.active = "" // who comes next is seen later
	}
	if t.kind == config.HookFault && s.fault == "" {
		s.fault = w.Reason
	}
	if why := c.faultOf(s); t.kind == config.HookStandby && why != "" {
		t.kind, t.reason, t.detail = config.HookFault, why, s.detail
	}
	s.told = t.kind
	return []told{t}
}

// noted takes a note in. Node names whom it is about.
func (c *changes) noted(n *core.Note, node string) (all []told) {
	if n.Group < 0 || int(n.Group) >= len(c.groups) {
		return nil
	}
	s := &c.groups[n.Group]
	switch n.Kind {
	case core.SawActive, core.BecameActive:
		s.active = node
		return nil
	case core.Ready:
		s.why, s.fault = recovered(s.fault), ""
	case core.NotReady:
		s.why = n.Reason
		if hook.IsFault(n.Reason) {
			s.fault = n.Reason
		}
	default:
		return nil
	}
	s.known, s.detail, s.priority = true, n.Detail, n.Priority
	for i := range c.groups {
		if &c.groups[i] == s || s.sync != "" && c.groups[i].sync == s.sync {
			all = c.settle(core.GroupID(i), all)
		}
	}
	return all
}

// settle says how a group stands that this node does not hold, where that is not
// what was told last.
func (c *changes) settle(id core.GroupID, all []told) []told {
	s := &c.groups[id]
	if !s.known || s.want.Held || s.told == config.HookStop {
		return all
	}
	t := told{group: id, kind: config.HookStandby, reason: s.why, detail: s.detail}
	if why := c.faultOf(s); why != "" {
		t.kind, t.reason = config.HookFault, why
	} else if s.told == config.HookStandby {
		return all
	}
	switch s.told {
	case t.kind:
		return all
	case "":
		t.reason = cmp.Or(t.reason, reason.Starting)
	case config.HookFault:
		if t.reason == "" && s.sync != "" {
			t.reason = reason.SyncGroup // it was another group's fault
		}
	}
	s.told = t.kind
	return append(all, t)
}

// faultOf is what keeps a group from serving: a fault of its own, or of one that
// it changes together with.
func (c *changes) faultOf(s *standing) reason.Reason {
	if s.fault != "" || s.sync == "" {
		return s.fault
	}
	for i := range c.groups {
		if c.groups[i].sync == s.sync && c.groups[i].fault != "" {
			return reason.SyncGroup
		}
	}
	return ""
}

// recovered is why a node is well again.
func recovered(fault reason.Reason) reason.Reason {
	switch fault {
	case reason.CheckFailed, reason.PriorityZero:
		return reason.CheckPassed
	case reason.LinkDown, reason.NoSource:
		return reason.LinkUp
	default:
		return reason.None
	}
}

// ended says that the daemon has ended, to every group that was told anything else.
func (c *changes) ended() (all []told) {
	for i := range c.groups {
		s := &c.groups[i]
		if s.told != "" && s.told != config.HookStop {
			s.told = config.HookStop
			all = append(all, told{group: core.GroupID(i), kind: config.HookStop, reason: reason.Stopping})
		}
	}
	return all
}
