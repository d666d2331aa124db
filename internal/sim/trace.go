package sim

import (
	"fmt"
	"io"
	"strings"

	"stead/internal/core"
)

// line is one line of the log, not yet in words: most are never read.
type line struct {
	at    moment
	host  int32
	group int32
	kind  lineKind
	text  string
	more  string
	x, y  int64
}

type lineKind uint8

const (
	plain lineKind = iota
	fenceLine
	wantLine
	noteLine
	commandLine
)

// kept is how many lines are kept for the log of a failure.
const kept = 160

// trace has the hash of everything that happens and the last lines of the log.
// The hash covers what every machine was given and what it asked for, byte by
// byte: two runs with the same hash were the same run.
type trace struct {
	hash  uint64
	ring  [kept]line
	count int
	out   io.Writer
	world *World
}

func (t *trace) reset() { t.hash, t.count = 14695981039346656037, 0 }

func (t *trace) mix(v uint64) {
	t.hash = (t.hash ^ v) * 1099511628211
	t.hash ^= t.hash >> 29
}

func (t *trace) mixString(s string) {
	for i := 0; i < len(s); i++ {
		t.mix(uint64(s[i]))
	}
}

func (t *trace) mixBytes(b []byte) {
	for len(b) >= 8 {
		t.mix(uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
			uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56)
		b = b[8:]
	}
	for _, c := range b {
		t.mix(uint64(c))
	}
}

func (t *trace) put(l line) {
	t.mix(uint64(l.at))
	t.mix(uint64(l.host)<<32 | uint64(uint32(l.group)))
	t.mix(uint64(l.x))
	t.mix(uint64(l.y))
	t.mix(uint64(len(l.text)))
	t.ring[t.count%kept] = l
	t.count++
	if t.out != nil {
		fmt.Fprintln(t.out, l.words(t.world))
	}
}

// add logs a line about a host and a group; x and y are numbers that belong to it.
func (t *trace) add(at moment, host int, text string, group int, x, y int64) {
	t.put(line{at: at, host: int32(host), group: int32(group), text: text, x: x, y: y})
}

// step hashes what a machine is given.
func (t *trace) step(at moment, host int, e core.Event) {
	t.mix(uint64(at)<<8 | uint64(host))
	switch p := e.(type) {
	case *core.Packet:
		t.mix(uint64(p.From)<<8 | uint64(p.Path))
		t.mixBytes(p.Bytes)
	case *core.Advertisement:
		t.mix(uint64(p.Group))
		t.mixBytes(p.Bytes)
	case *core.Stream:
		t.mix(uint64(p.Peer)<<40 | uint64(p.Kind)<<32 | uint64(p.Conn))
		t.mixBytes(p.Bytes)
	case *core.Control:
		t.mixBytes(p.Bytes)
	case *core.Stored:
		t.mix(uint64(uint32(p.Group))<<32 | p.Result.ID<<8 | uint64(p.Result.Outcome))
		t.mixBytes(p.Result.Bytes)
	case core.StoreChanged:
		t.mix(uint64(uint32(p.Group)))
	}
}

// send hashes a datagram.
func (t *trace) send(at moment, host int, s *core.Send) {
	t.mix(uint64(at)<<16 | uint64(host)<<8 | uint64(s.To))
	t.mixBytes(s.Bytes)
}

// fence hashes a renewal; a renewal is too frequent for the log.
func (t *trace) fence(at moment, host int, f *core.FenceSlot) {
	t.mix(uint64(at)<<8 | uint64(host))
	t.mix(uint64(f.Answer))
	t.mix(uint64(f.Serve))
	if f.Answer != f.Serve || f.Answer == 0 {
		t.put(line{at: at, host: int32(host), group: -1, kind: fenceLine, text: "fence closes", x: int64(f.Slot), y: int64(f.Serve)})
	}
}

// stored hashes an operation on a register; one that reads is too frequent for the log.
func (t *trace) stored(at moment, host int, o *core.StoreOp) {
	t.mix(uint64(at)<<8 | uint64(host))
	t.mix(uint64(uint32(o.Group))<<32 | o.Op.ID)
	t.mixString(o.Op.Version)
	t.mixBytes(o.Op.Bytes)
	if o.Op.Swap {
		t.put(line{at: at, host: int32(host), group: int32(o.Group), text: "replaces " + o.Op.Version + " by " + string(o.Op.Bytes), x: int64(o.Op.ID)})
	}
}

func (t *trace) want(at moment, host int, w *core.Want) {
	t.put(line{
		at: at, host: int32(host), group: int32(w.Group), kind: wantLine, text: string(w.Reason),
		x: int64(w.Epoch), y: int64(b2i(w.Held)<<1 | b2i(w.Active)),
	})
}

func (t *trace) note(at moment, host int, n *core.Note) {
	t.mixString(string(n.Reason))
	t.put(line{
		at: at, host: int32(host), group: int32(n.Group), kind: noteLine, text: noteName(n.Kind),
		more: strings.TrimSpace(string(n.Reason) + " " + n.Detail), x: int64(n.Epoch), y: int64(n.Node),
	})
}

func (t *trace) command(at moment, host int, v core.Verb, group, to int) {
	t.put(line{at: at, host: int32(host), group: int32(group), kind: commandLine, text: verbName(v), x: int64(to)})
}

// lines is the log, oldest line first.
func (t *trace) lines(w *World) []string {
	t.world = w
	out := make([]string, 0, kept)
	for i := max(0, t.count-kept); i < t.count; i++ {
		out = append(out, t.ring[i%kept].words(w))
	}
	return out
}

// words is the line for a person.
func (l *line) words(w *World) string {
	out := fmt.Sprintf("%14.6fms  %-8s ", float64(l.at)/1e6, w.nodeName(int(l.host)))
	if l.group >= 0 {
		out += w.groupName(int(l.group)) + ": "
	}
	switch l.kind {
	case fenceLine:
		return out + fmt.Sprintf("%s slot %d", l.text, l.x)
	case wantLine:
		return out + fmt.Sprintf("wants held=%t active=%t epoch=%d (%s)", l.y&2 != 0, l.y&1 != 0, l.x, l.text)
	case noteLine:
		return out + fmt.Sprintf("says %s epoch=%d about %s (%s)", l.text, l.x, w.nodeName(int(l.y)), l.more)
	case commandLine:
		return out + fmt.Sprintf("is ordered to %s, to %s", l.text, w.nodeName(int(l.x)))
	default:
		return out + fmt.Sprintf("%s %d %d", l.text, l.x, l.y)
	}
}

var noteNames = [...]string{
	core.BecameActive: "active", core.BecameStandby: "standby", core.Claiming: "claiming", core.Preparing: "preparing",
	core.SawActive: "saw-active", core.Ready: "ready", core.NotReady: "not-ready", core.PeerUp: "peer-up",
	core.PeerDown: "peer-down", core.CheckUp: "check-up", core.CheckDown: "check-down", core.CheckUnrun: "check-unrun",
	core.Stalled: "stalled", core.Unstalled: "unstalled", core.Raised: "raised", core.DualSeen: "dual", core.Repaired: "repaired",
	core.HoldFailed: "hold-failed", core.InPlace: "in-place", core.Announcing: "announcing", core.Refused: "refused",
	core.SessionUp: "session-up", core.SessionDown: "session-down", core.SessionRefused: "session-refused", core.Routed: "routed",
	core.PathUp: "path-up", core.PathDown: "path-down", core.Damped: "damped",
	core.StoreDown: "store-down", core.StoreUp: "store-up", core.GotVote: "got-vote", core.LostVote: "lost-vote", core.Stretched: "stretched",
}

func noteName(k core.NoteKind) string {
	if int(k) < len(noteNames) {
		return noteNames[k]
	}
	return "unknown"
}

func verbName(v core.Verb) string {
	switch v {
	case core.Switchover:
		return "switch over"
	case core.Drain:
		return "drain"
	case core.Resume:
		return "resume"
	case core.Stop:
		return "stop"
	default:
		return "abort"
	}
}
