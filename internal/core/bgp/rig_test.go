package bgp

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// rig is a Session whose steps are taken one by one.
type rig struct {
	t      *testing.T
	now    Instant
	s      *Session
	theirs Conn // the number that the peer's last connection has
}

const ours1 Conn = 1

// peerOpen is what the peer of standard says.
func peerOpen(adapt ...func(*Open)) []byte {
	o := Open{AS: 65515, HoldTime: 180, RouterID: remoteAddr, IPv4: true, IPv6: true, FourOctet: true, Refresh: true}
	for _, a := range adapt {
		a(&o)
	}
	return AppendOpen(nil, &o)
}

func newRig(t *testing.T, adapt ...func(*Config)) *rig {
	cfg := standard()
	for _, a := range adapt {
		a(&cfg)
	}
	return &rig{t: t, now: boot, s: New(cfg), theirs: FirstIncoming - 1}
}

// do runs a step and returns what it asked for, in words.
func (g *rig) do(input func(s *Session)) string {
	g.t.Helper()
	g.s.Begin(g.now)
	input(g.s)
	return g.words(g.s.Finish(g.now))
}

func (g *rig) words(out *Out) string {
	g.t.Helper()
	var words []string
	for _, w := range slices.Concat(out.Retracts, out.Writes) {
		for _, m := range split(g.t, w.Bytes) {
			word := [...]string{"?", "open", "update", "notify", "keepalive", "refresh"}[m[18]]
			if word == "notify" {
				word += fmt.Sprintf(" %d/%d", m[19], m[20])
			}
			words = append(words, word)
		}
	}
	for range out.Dials {
		words = append(words, "dial")
	}
	for range out.Hangups {
		words = append(words, "hang up")
	}
	for _, c := range out.Changes {
		if c.Kind == Established || c.Kind == Down || c.Kind == Refused {
			words = append(words, strings.TrimSpace("told "+kindNames[c.Kind]+" "+string(c.Reason)))
		}
	}
	return strings.Join(words, ", ")
}

// tick lets time pass at once, and runs a step.
func (g *rig) tick(d time.Duration) string {
	g.t.Helper()
	g.now = g.now.Add(d)
	return g.do(func(s *Session) { s.Tick(g.now) })
}

// taken says that the kernel took everything that was written on a connection.
func (g *rig) taken(conn Conn) {
	g.t.Helper()
	g.want(g.do(func(s *Session) { s.Sent(g.now, conn, 1<<20) }), "")
}

func (g *rig) start() string { return g.do(func(s *Session) { s.Start(g.now) }) }

func (g *rig) opened(conn Conn) string {
	return g.do(func(s *Session) { s.Opened(g.now, conn, localAddr) })
}

// connects is a connection of the peer.
func (g *rig) connects() string {
	g.theirs++
	return g.opened(g.theirs)
}

func (g *rig) receive(conn Conn, message []byte) string {
	return g.do(func(s *Session) { s.Receive(g.now, conn, message) })
}

func (g *rig) closed(conn Conn, detail string) string {
	return g.do(func(s *Session) { s.Closed(g.now, conn, detail) })
}

// to brings a Session that was not started to a state, by its own connection.
func (g *rig) to(state State) *rig {
	g.t.Helper()
	steps := []func(){
		Idle:             func() {},
		Connect:          func() { g.start() },
		ActiveState:      func() { g.closed(ours1, "connection refused") },
		OpenSent:         func() { g.opened(ours1) },
		OpenConfirm:      func() { g.receive(ours1, peerOpen()) },
		EstablishedState: func() { g.receive(ours1, AppendKeepalive(nil)) },
	}
	for step := Connect; step <= state; step++ {
		if step != ActiveState || state == ActiveState {
			steps[step]()
		}
	}
	g.is(state)
	return g
}

func (g *rig) is(want State) {
	g.t.Helper()
	if got := g.s.Status(g.now).State; got != want {
		g.t.Fatalf("the session is %v, want %v", got, want)
	}
}

func (g *rig) want(got, want string) {
	g.t.Helper()
	if got != want {
		g.t.Fatalf("got %q, want %q", got, want)
	}
}

// told is the detail of the last change of a kind in the last step.
func (g *rig) told(kind Kind) string {
	for _, c := range slices.Backward(g.s.out.Changes) {
		if c.Kind == kind {
			return c.Detail
		}
	}
	return ""
}

// data is that of the NOTIFICATION of the last step.
func (g *rig) data() []byte {
	for _, w := range g.s.out.Writes {
		for _, m := range split(g.t, w.Bytes) {
			if MessageType(m[18]) == TypeNotification {
				n := ParseNotification(m)
				return n.Data
			}
		}
	}
	return nil
}

// headerOf is a message of only a header, with these fields.
func headerOf(length int, kind MessageType) []byte {
	b := openMessage(nil, kind)
	b[16], b[17] = byte(length>>8), byte(length)
	return b
}

func refresh(afi, safi byte) []byte {
	return closeMessage(append(openMessage(nil, TypeRouteRefresh), 0, afi, 0, safi), 0)
}
