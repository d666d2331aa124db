package core

import (
	"strings"
	"testing"
	"time"

	"stead/internal/core/reason"
)

func byBFD(c *Config) { c.Groups[0].Refresh = watched }

// sessionNotes lists what a node has said of its sessions since a moment.
func (b *bench) sessionNotes(node int, kind NoteKind, since Instant) (out []string) {
	for _, x := range b.notes {
		if x.node == node && x.Kind == kind && x.At >= since {
			out = append(out, string(x.Reason)+" "+x.Detail)
		}
	}
	return out
}

func TestBFDLossEndsTheSessionAtOnce(t *testing.T) {
	b := routedBench(t, 2, 1, byBFD)
	b.run(5 * time.Second)
	b.wantBest(0)
	if n := len(b.sessionNotes(0, PathUp, 0)); n != 2 {
		t.Fatalf("%d of 2 paths came up", n)
	}
	at := b.now
	b.cut = func(from, to int) bool { return from == 0 && to == firstServed }
	b.run(35 * time.Millisecond)
	down := b.sessionNotes(0, SessionDown, at)
	if len(down) != 1 || !strings.HasPrefix(down[0], string(reason.BFDDown)+" rs1") {
		t.Fatalf("sessions that ended: %q", down)
	}
	b.wantHolder(0) // the other route server still has its path
	if got := b.servers[1].best(); len(got) != 1 || got[0] != 0 {
		t.Errorf("the other route server prefers %v", got)
	}
	// It is not tried again before BFD is up, and then soon.
	b.run(5 * time.Second)
	b.cut = func(from, to int) bool { return false }
	b.run(5 * time.Second)
	b.wantBest(0)
}

func TestBFDLossToEveryPeerMovesTheGroup(t *testing.T) {
	b := routedBench(t, 2, 1, byBFD)
	b.run(5 * time.Second)
	b.cut = func(from, to int) bool { return from == 0 && to >= firstServed }
	b.run(40 * time.Millisecond)
	b.wantHolder(1)
}

// The route servers see a frozen node by BFD, and need no hold time.
func TestFrozenNodesPathIsGoneByBFD(t *testing.T) {
	b := routedBench(t, 2, 0, everyone, byBFD)
	b.passing()
	b.run(5 * time.Second)
	b.wantBest(0, 1)
	b.nodes[0].frozen = true
	b.run(40 * time.Millisecond)
	b.wantBest(1)
}

func TestAdminDownOfThePeerChangesNothing(t *testing.T) {
	b := routedBench(t, 2, 1, byBFD)
	b.run(5 * time.Second)
	at := b.now
	e := b.servers[0].ends[0]
	e.bfd.Begin(b.now)
	e.bfd.SetAdminDown(b.now, true)
	e.flushBFD()
	b.run(3 * time.Second)
	if down := b.sessionNotes(0, SessionDown, at); len(down) != 0 {
		t.Errorf("sessions that ended: %q", down)
	}
	if down := b.sessionNotes(0, PathDown, at); len(down) != 1 || !strings.Contains(down[0], "not a failure") {
		t.Errorf("paths that went down: %q", down)
	}
	b.wantBest(0)
}

func TestBFDIsACheck(t *testing.T) {
	b := routedBench(t, 2, 1, byBFD, func(c *Config) {
		c.Groups[0].Checks = []Check{{Name: "gateway", Rise: 1, Fall: 1, Fatal: true, IsBFD: true, BFD: 1}}
	})
	b.run(500 * time.Millisecond)
	b.run(5 * time.Second)
	b.wantHolder(0)
	b.cut = func(from, to int) bool { return from == 0 && to == firstServed+1 }
	b.run(40 * time.Millisecond)
	b.wantHolder(1)
	if s := b.nodes[0].core.Inspect(b.now).Groups[0]; s.Why != reason.CheckFailed {
		t.Errorf("not ready because of %q", s.Why)
	}
}

// A session that leaves the configuration is taken leave of; one that stays
// notices nothing, also when BFD beside it is given up.
func TestReconfigureKeepsSessions(t *testing.T) {
	b := routedBench(t, 2, 1, byBFD)
	b.run(5 * time.Second)
	n, at := b.nodes[0], b.now
	next := n.cfg
	next.Peers, next.BFD = []Peer{next.Peers[1]}, nil
	next.Peers[0].BFD = -1
	routes := *next.Groups[0].Routes
	routes.Peers, routes.Graceful, routes.Stale = []int{0}, []bool{true}, time.Minute
	next.Groups = []Group{next.Groups[0]}
	next.Groups[0].Routes = &routes
	servers := b.servers
	b.carry(0, n.core.Retire(b.now, &next))
	b.run(time.Millisecond)
	if cease := servers[0].ends[0].cease; !strings.Contains(cease, "de-configured") {
		t.Errorf("the route server that leaves heard %q", cease)
	}
	b.servers = b.servers[1:] // the node's numbers are others now
	for _, e := range b.servers[0].ends {
		e.server = 0
	}
	b.nodes[1].dead, b.nodes[2].dead = true, true // they go by the old numbers
	b.mayBe = 0
	b.carry(0, n.core.Reconfigure(b.now, next))
	b.run(10 * time.Millisecond)
	if down := b.sessionNotes(0, SessionDown, at); len(down) != 1 || !strings.Contains(down[0], "rs1") {
		t.Errorf("sessions that ended: %q", down)
	}
	s := n.core.Inspect(b.now)
	if len(s.Sessions) != 1 || s.Sessions[0].Status.State.String() != "Established" || len(s.Paths) != 0 {
		t.Errorf("after it: %+v %+v", s.Sessions, s.Paths)
	}
}

// A peer that moves is another session. What the connections of the old one still
// have to tell is not taken for news of the new ones.
func TestMovedPeersConnectionsAreNotMixedUp(t *testing.T) {
	b := routedBench(t, 1, 0)
	b.run(5 * time.Second)
	c := b.nodes[0].core
	next := b.nodes[0].cfg
	next.Peers = append([]Peer(nil), next.Peers...)
	next.Peers[0].Session.Peer = routerAt(77)
	c.Retire(b.now, &next)
	var dials []StreamConn
	dials = append(dials, c.Reconfigure(b.now, next).Dial...)
	if len(dials) != 1 || dials[0].Peer != 0 || dials[0].Conn < 2 {
		t.Fatalf("connections asked for: %v", dials)
	}
	if a := c.Step(b.now, &Stream{Peer: 0, Conn: 1, Kind: StreamOpened, Local: routerAt(0)}); len(a.Write) != 0 {
		t.Error("an OPEN was sent over a connection of the session before")
	}
}
