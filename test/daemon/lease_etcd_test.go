package daemon

import (
	"fmt"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"stead/internal/core/reason"
	"stead/internal/report"
	"stead/internal/testns"
)

// etcd starts the distribution's program on the switch, which has an address for it.
func (tr *trial) etcd(t testing.TB) *testns.Process {
	t.Helper()
	if _, err := exec.LookPath("etcd"); err != nil {
		testns.Lacking(t, "etcd (scripts/setup.sh test installs it)", err)
	}
	tr.sw.Addr(t, "br0", "10.0.1.1/24")
	const client, peer = "http://10.0.1.1:2379", "http://127.0.0.1:2380"
	return tr.sw.Begin(t, "the switch", "etcd", "--data-dir", t.TempDir(), "--log-level", "warn",
		"--listen-client-urls", client, "--advertise-client-urls", client, "--listen-peer-urls", peer,
		"--initial-advertise-peer-urls", peer, "--initial-cluster", "default="+peer)
}

// In etcd a change is heard of when it happens: what is planned takes some round
// trips and no look. A server that stands still is a store that is away.
func TestLeaseInEtcd(t *testing.T) {
	s := &shared{trial: newTrial(t, conf{noWitness: true, election: byLease, stores: func(string) string {
		return fmt.Sprintf("share: { url: \"etcd://10.0.1.1:2379/stead\", timeout: %s }\n", storeTimeout)
	}})}
	server := s.etcd(t)
	s.begin(t)
	a := s.ask(t)
	a.serves(t, s.primary, 0)
	moves := func(what string, from, to *host, why reason.Reason, act func()) {
		t.Helper()
		before := engineNow()
		act()
		a.serves(t, to, before)
		a.neverTwo(t, from, to, before)
		a.took(t, what, from, to, before)
		s.holds(t, to)
		if g := to.status(t).Group("web"); g.Reason != why {
			t.Errorf("%s: %s became active for %q, want %q", what, to.name, g.Reason, why)
		}
	}
	moves("switchover", s.primary, s.secondary, reason.Switchover, func() { s.primary.do(t, "switchover", "web", "--to", "secondary", "--wait") })
	moves("drain", s.secondary, s.primary, reason.PeerResigned, func() { s.secondary.do(t, "drain", "--wait") })
	s.secondary.do(t, "resume")
	moves("SIGTERM", s.primary, s.secondary, reason.PeerResigned, func() {
		s.primary.signal(t, syscall.SIGTERM, false)
		s.primary.ends(t, stopWithin)
		s.secondary.becomes(t, "web", report.RoleActive)
		s.primary.start(t)
	})
	killed := engineNow()
	s.secondary.kill(t, true)
	a.serves(t, s.primary, killed)
	a.neverTwo(t, s.secondary, s.primary, killed)
	a.took(t, "SIGKILL", s.secondary, s.primary, killed)
	s.secondary.start(t)
	s.holds(t, s.primary)

	server.Signal(t, syscall.SIGSTOP)
	over := engineNow().Add(leaseTTL)
	s.primary.becomes(t, "web", report.RoleStandby)
	a.asked(t, over.Add(time.Second))
	for _, h := range []*host{s.primary, s.secondary} {
		a.silentAfter(t, h, over, "the lease, while etcd stands still")
	}
	server.Signal(t, syscall.SIGCONT)
	who := s.oneServes(t)
	a.serves(t, who, over)
}
