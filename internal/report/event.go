package report

import (
	"time"

	"stead/internal/core"
	"stead/internal/core/reason"
)

// Event is one change. Its JSON is a line of `stead events --json`: keys are only ever added.
type Event struct {
	Seq    uint64        `json:"seq"`     // grows by one with every event of this run of the daemon
	Wall   time.Time     `json:"wall"`    // of this machine, for people
	BootNS int64         `json:"boot_ns"` // since the machine booted: differences are exact
	Node   string        `json:"node"`    // the node that tells it
	Kind   Kind          `json:"kind"`
	Group  string        `json:"group,omitempty"`
	Peer   string        `json:"peer,omitempty"` // the other node it is about
	Role   Role          `json:"role,omitempty"` // of this node in the group, after the event
	Epoch  uint64        `json:"epoch,omitempty"`
	Reason reason.Reason `json:"reason,omitempty"`
	Detail string        `json:"detail,omitempty"`
	TookUS int64         `json:"took_us,omitempty"` // where the change has a length
}

// Names are the names behind the numbers of the core, of one configuration.
type Names struct {
	Self   core.NodeID
	Nodes  []string // by core.NodeID
	Groups []string // by core.GroupID
}

func (n Names) node(id core.NodeID) string {
	if int(id) < len(n.Nodes) {
		return n.Nodes[id]
	}
	return ""
}

func (n Names) group(id core.GroupID) string {
	if id >= 0 && int(id) < len(n.Groups) {
		return n.Groups[id]
	}
	return ""
}

// FromNote makes an Event of a note of the core. The note has no wall clock:
// it is the wall time now, less the time since the note.
func FromNote(note core.Note, names Names, now core.Instant, wall time.Time) Event {
	e := Event{
		Wall:   wall.Add(-now.Sub(note.At)),
		BootNS: int64(note.At),
		Node:   names.node(names.Self),
		Kind:   KindOf(note.Kind),
		Group:  names.group(note.Group),
		Epoch:  note.Epoch,
		Reason: note.Reason,
		Detail: note.Detail,
		TookUS: note.Took.Microseconds(),
	}
	if note.Node != names.Self {
		e.Peer = names.node(note.Node)
	}
	switch note.Kind {
	case core.BecameActive:
		e.Role = RoleActive
	case core.BecameStandby:
		e.Role = RoleStandby
	}
	return e
}
