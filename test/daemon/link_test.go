package daemon

import (
	"strings"
	"testing"

	"stead/internal/core/reason"
	"stead/internal/report"
	"stead/internal/testns"
)

// The interface of the service address goes down, while heartbeats take another
// way: the node resigns, and does not wait until it is missed.
func TestInterfaceDown(t *testing.T) {
	tr := newTrial(t, conf{addresses: "[ { address: 10.9.0.200/24, interface: lan0 } ]"})
	for _, h := range []*host{tr.primary, tr.secondary} {
		testns.Veth(t, h.ns, "lan0", h.ns, "lan1")
	}
	tr.start(t)
	tr.primary.ns.Down(t, "lan0")
	tr.secondary.becomes(t, "web", report.RoleActive)
	down := tr.primary.logged(t, "it let go", func(e *report.Event) bool { return e.Kind == report.BecameStandby })
	if down.Reason != reason.LinkDown {
		t.Errorf("it let go for %q", down.Reason)
	}
	up := tr.secondary.logged(t, "it took over", func(e *report.Event) bool { return e.Kind == report.BecameActive })
	if up.Reason == reason.PeerSilent {
		t.Errorf("the secondary waited until the primary was missed: %+v", up)
	}
	if lost := tr.secondary.count(t, report.PeerDown, ""); lost != 0 {
		t.Error("the primary was given up, though its heartbeats went on")
	}
	g := tr.primary.status(t).Group("web")
	if g.Ready || g.NotReadyBecause != reason.LinkDown || !strings.Contains(g.NotReadyDetail, "lan0") {
		t.Errorf("not ready because %q %q", g.NotReadyBecause, g.NotReadyDetail)
	}
	tr.primary.ns.Up(t, "lan0")
	tr.settled(t, tr.secondary)
}

// The cable is cut that carries heartbeats and overlay alike. The host without it
// serves nobody, and nobody else answers at the same time.
func TestUnderlayCut(t *testing.T) {
	for _, overlay := range []bool{false, true} {
		name := map[bool]string{false: "lan", true: "overlay"}[overlay]
		t.Run(name, func(t *testing.T) {
			tr := newTrial(t, conf{overlay: overlay})
			tr.start(t)
			a := tr.ask(t)
			a.serves(t, tr.primary, 0)
			before := engineNow()
			tr.sw.Down(t, "primary")
			a.serves(t, tr.secondary, before)
			a.neverTwo(t, tr.primary, tr.secondary, before)
			tr.primary.becomes(t, "web", report.RoleStandby)
			tr.sw.Up(t, "primary")
			mended := engineNow()
			tr.settled(t, tr.secondary)
			a.silentAfter(t, tr.primary, mended, "the cable was mended")
		})
	}
}

// Cut off without losing the carrier.
func TestBlackHole(t *testing.T) {
	tr := newTrial(t, conf{overlay: true})
	tr.start(t)
	a := tr.ask(t)
	a.serves(t, tr.primary, 0)
	before := engineNow()
	tr.sw.Run(t, "ip", "link", "set", "primary", "nomaster")
	a.serves(t, tr.secondary, before)
	tr.primary.becomes(t, "web", report.RoleStandby)
	why := tr.secondary.logged(t, "it took over", func(e *report.Event) bool { return e.Kind == report.BecameActive })
	if why.Reason != reason.PeerSilent {
		t.Errorf("it took over for %q", why.Reason)
	}
	tr.sw.Run(t, "ip", "link", "set", "primary", "master", "br0")
	mended := engineNow()
	tr.settled(t, tr.secondary)
	a.silentAfter(t, tr.primary, mended, "the network was mended")
}

// A partition without quorum: both sides serve, and after it heals one does.
func TestPartitionHealsWithoutQuorum(t *testing.T) {
	tr := newTrial(t, conf{overlay: true, noWitness: true, noQuorum: true})
	tr.start(t)
	tr.sw.Run(t, "ip", "link", "set", "primary", "nomaster")
	tr.secondary.becomes(t, "web", report.RoleActive)
	tr.primary.becomes(t, "web", report.RoleActive)
	tr.sw.Run(t, "ip", "link", "set", "primary", "master", "br0")
	winner := tr.primary.until(t, "one is active", func(s *report.Status) bool {
		return s.Group("web").ActiveNode != "" && s.Group("web").ActiveNode == tr.secondary.status(t).Group("web").ActiveNode
	}).Group("web").ActiveNode
	for _, h := range tr.voters() {
		want := report.RoleStandby
		if h.name == winner {
			want = report.RoleActive
		}
		h.becomes(t, "web", want)
		if h.name != winner {
			continue
		}
		dual := h.logged(t, "two were active", func(e *report.Event) bool { return e.Kind == report.DualSeen })
		if dual.TookUS <= 0 || dual.Peer == winner {
			t.Errorf("%s: %+v", h.name, dual)
		}
	}
}

// The active node still sends, and hears nothing. It is replaced: with quorum
// because its lease ends, without because others find out that it is deaf.
func TestDeafActive(t *testing.T) {
	for _, quorum := range []bool{true, false} {
		name := map[bool]string{false: "without quorum", true: "with quorum"}[quorum]
		t.Run(name, func(t *testing.T) {
			tr := newTrial(t, conf{overlay: true, noWitness: !quorum, noQuorum: !quorum})
			tr.start(t)
			a := tr.ask(t)
			a.serves(t, tr.primary, 0)
			before := engineNow()
			tr.primary.ns.Run(t, "nft", "add table inet deaf; add chain inet deaf in { type filter hook input priority 0; }; add rule inet deaf in udp dport 9176 drop")
			tr.secondary.becomes(t, "web", report.RoleActive)
			if quorum {
				a.serves(t, tr.secondary, before)
				tr.primary.becomes(t, "web", report.RoleStandby)
				a.neverTwo(t, tr.primary, tr.secondary, before)
			}
			tr.primary.ns.Run(t, "nft", "delete table inet deaf")
			tr.settled(t, tr.secondary)
			a.silentAfter(t, tr.primary, engineNow(), "it could hear again")
		})
	}
}
