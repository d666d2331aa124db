package daemon

import (
	"syscall"
	"testing"
	"time"

	"stead/internal/core"
	"stead/internal/engine"
	"stead/internal/report"
)

func engineNow() core.Instant { return engine.Now() }

// guardLate is how much later than the lease a guard may be, which is an ordinary
// process: it is put aside on a busy machine. The kernel fence is never late.
const guardLate = time.Second

// A daemon that is killed or frozen renews its lease no more. Its host falls
// silent for the service addresses no later than the lease after, by ARP, by
// neighbour discovery and for packets; another host takes over, and at no time
// both answer. What was frozen and goes on does not answer in between.
func TestKilledAndFrozen(t *testing.T) {
	for _, fence := range []string{"kernel", "guard"} {
		for _, how := range []string{"kill", "kill group", "freeze"} {
			t.Run(fence+"/"+how, func(t *testing.T) {
				tr := newTrial(t, conf{fence: fence})
				tr.start(t)
				if got := tr.primary.status(t).Fence.Kind; got != fence {
					t.Fatalf("the fence is %s: %s", got, tr.primary.status(t).Fence.Detail)
				}
				silenced(t, tr, how)
			})
		}
	}
}

// The same over the overlay.
func TestKilledOnTheOverlay(t *testing.T) {
	tr := newTrial(t, conf{overlay: true, fence: "kernel"})
	tr.start(t)
	silenced(t, tr, "kill group")
}

func silenced(t *testing.T, tr *trial, how string) {
	t.Helper()
	a := tr.ask(t)
	a.serves(t, tr.primary, 0)
	before := engineNow()
	switch how {
	case "kill":
		tr.primary.kill(t, false)
	case "kill group":
		tr.primary.kill(t, true)
	case "freeze":
		tr.primary.freeze(t)
	}
	silent := engineNow().Add(lease) // the last renewal was before now
	if tr.conf.fence == "guard" {
		silent = silent.Add(guardLate)
	}
	a.serves(t, tr.secondary, before)
	t.Logf("taken over %s after", since(before, a.first(tr.secondary.name, arp, before)))
	a.silentAfter(t, tr.primary, silent, "the lease")
	if tr.conf.fence == "kernel" {
		a.neverTwo(t, tr.primary, tr.secondary, before)
	}
	if how != "freeze" {
		return
	}
	tr.primary.signal(t, syscall.SIGCONT, true)
	tr.primary.becomes(t, "web", report.RoleStandby)
	tr.settled(t, tr.secondary)
	a.silentAfter(t, tr.primary, silent, "the lease, after it went on")
	if n := tr.primary.count(t, report.BecameActive, "web"); n != 1 {
		t.Errorf("the primary became active %d times", n)
	}
}

// A daemon that starts after it was killed takes away what is left of the run
// before, answers for nothing in between, and takes part again.
func TestRestartAfterKill(t *testing.T) {
	for _, fence := range []string{"kernel", "guard"} {
		t.Run(fence, func(t *testing.T) {
			tr := newTrial(t, conf{fence: fence})
			tr.start(t)
			epoch := tr.primary.status(t).Group("web").Epoch
			a := tr.ask(t)
			a.serves(t, tr.primary, 0)
			before := engineNow()
			tr.primary.kill(t, true)
			if fence == "kernel" && !tr.primary.has(t, "eth1", lanService4) {
				t.Error("nothing was left behind: this test shows nothing")
			}
			silent := engineNow().Add(lease)
			if fence == "guard" {
				silent = silent.Add(guardLate)
			}
			a.serves(t, tr.secondary, before)
			tr.primary.start(t)
			tr.settled(t, tr.secondary)
			for _, address := range []string{lanService4, lanService6} {
				if tr.primary.has(t, "eth1", address) {
					t.Errorf("%s was left behind", address)
				}
			}
			a.silentAfter(t, tr.primary, silent, "the lease")
			if got := tr.secondary.status(t).Group("web").Epoch; got <= epoch {
				t.Errorf("epoch %d after %d", got, epoch)
			}
		})
	}
}

// Killed with nobody to take over: the host is silent after the lease, and serves
// again when its daemon does.
func TestKilledAlone(t *testing.T) {
	tr := newTrial(t, conf{noWitness: true})
	tr.primary.start(t)
	tr.primary.becomes(t, "web", report.RoleActive)
	a := tr.ask(t)
	a.serves(t, tr.primary, 0)
	tr.primary.kill(t, false)
	silent := engineNow().Add(lease)
	a.silentAfter(t, tr.primary, silent, "the lease")
	tr.primary.start(t)
	a.serves(t, tr.primary, silent)
}

// The epochs grow even when every node was killed at once.
func TestEpochsGrowOverRestarts(t *testing.T) {
	tr := newTrial(t, conf{})
	epoch := uint64(0)
	for range 3 {
		tr.start(t)
		got := tr.primary.status(t).Group("web").Epoch
		if got <= epoch {
			t.Fatalf("epoch %d after %d", got, epoch)
		}
		epoch = got
		for _, h := range tr.hosts() {
			h.kill(t, true)
		}
	}
}
