package bfd

import (
	"testing"
	"time"
)

// What Status counts.
func TestStatus(t *testing.T) {
	g := up(t)
	g.keep(time.Second, 20*ms, true)
	g.run(150 * ms)
	g.hear()
	g.keep(100*ms, 20*ms, true)
	if st := g.s.Status(g.now); st.MaxGap != 150*ms || st.Ups != 1 || st.Downs != 0 || st.LastHeard != g.now || st.RemoteMult != 5 || st.RemoteMinTX != 20*ms {
		t.Errorf("%+v", st)
	}
	received, sent := g.s.Status(g.now).Received, g.s.Status(g.now).Sent
	g.clear()
	g.hear(says(Down), func(c *control) { c.diag = DiagPathDown })
	down := g.now
	g.run(time.Second)
	g.hear()
	st := g.s.Status(g.now)
	if st.Downs != 1 || st.Ups != 1 || st.MaxGap != 150*ms || st.RemoteDiag != DiagPathDown || st.Diag != DiagNeighborDown {
		t.Errorf("%+v", st)
	}
	if st.Received != received+2 || st.Sent != sent+uint64(len(g.sent)) || st.State != Init || st.Since != g.now || g.now == down {
		t.Errorf("%+v, %d packets", st, len(g.sent))
	}
}

// A session keeps its discriminator whatever the configuration says: packets under
// way still find it.
func TestReconfigureKeepsDiscriminator(t *testing.T) {
	g := up(t)
	reconfigured(g, func(c *Config) { c.Discriminator, c.MinTTL, c.Passive = 1, 10, true })
	g.ttl = 10
	g.keep(100*ms, 20*ms, true)
	if g.last().mine != mineNumber || g.s.Status(g.now).Refused != 0 {
		t.Errorf("sends %+v, refuses %d", g.last(), g.s.Status(g.now).Refused)
	}
}

// A session may be AdminDown from the start, and says so.
func TestAdminDownFromTheStart(t *testing.T) {
	s := New(standard())
	s.Begin(boot)
	s.SetAdminDown(boot, true)
	if out := s.Finish(boot); len(out.Sends) != 0 {
		t.Error("it speaks before it has started")
	}
	s.Start(boot)
	out := s.Finish(boot)
	if len(out.Sends) != 1 {
		t.Fatalf("%d packets", len(out.Sends))
	}
	if c, _ := parse(out.Sends[0]); c.state != AdminDown || c.diag != DiagAdministrativelyDown {
		t.Errorf("%+v", c)
	}
}

// Names for people.
func TestNames(t *testing.T) {
	if Up.String() != "Up" || AdminDown.String() != "AdminDown" || DiagDetectionTime.String() != "Control Detection Time Expired" || Diag(31).String() != "Reserved" {
		t.Error("names differ from those of RFC 5880")
	}
	for r := range Refusal(Refusals) {
		if r.String() == "" || r.String() == "unknown" {
			t.Errorf("refusal %d has no name", r)
		}
	}
	if Refusal(Refusals).String() != "unknown" {
		t.Error("there are more refusals than names")
	}
}
