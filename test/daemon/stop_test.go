package daemon

import (
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"stead/internal/core/reason"
	"stead/internal/report"
	"stead/internal/testns"
)

// stopWithin bounds the end of a daemon that was told to end, on a machine that
// has much else to do.
const stopWithin = 8 * time.Second

// gone fails where a daemon that has ended left something behind.
func (h *host) gone(t testing.TB) {
	t.Helper()
	device := h.trial.conf.device()
	v4, v6 := h.trial.conf.service()
	if device == "eth1" {
		for _, address := range []string{v4, v6} {
			if h.has(t, device, address) {
				t.Errorf("%s: %s is left behind", h.name, address)
			}
		}
	}
	if files, err := filepath.Glob(h.socket); err != nil || len(files) > 0 {
		t.Errorf("%s: the control socket is left behind: %v %v", h.name, files, err)
	}
	if n := h.attached(t); n > 0 {
		t.Errorf("%s: %d programs of the fence are still attached", h.name, n)
	}
}

// attached counts the programs that watch the host's interface.
func (h *host) attached(t testing.TB) int {
	t.Helper()
	index := h.ns.Link(t, "eth1").Attrs().Index
	n := 0
	for _, at := range []ebpf.AttachType{ebpf.AttachTCXIngress, ebpf.AttachTCXEgress} {
		var result *link.QueryResult
		var err error
		h.ns.Do(func() { result, err = link.QueryPrograms(link.QueryOptions{Target: index, Attach: at}) })
		if err != nil {
			t.Fatalf("programs at eth1 of %s: %v", h.name, err)
		}
		n += len(result.Programs)
	}
	return n
}

// SIGTERM hands over at once and leaves nothing behind.
func TestTerminate(t *testing.T) {
	for _, overlay := range []bool{false, true} {
		name := map[bool]string{false: "lan", true: "overlay"}[overlay]
		t.Run(name, func(t *testing.T) {
			tr := newTrial(t, conf{overlay: overlay})
			tr.start(t)
			a := tr.ask(t)
			a.serves(t, tr.primary, 0)
			if tr.primary.attached(t) == 0 && !overlay {
				t.Error("no fence was attached: this test shows nothing")
			}
			before := engineNow()
			tr.primary.signal(t, syscall.SIGTERM, false)
			a.serves(t, tr.secondary, before)
			if code := tr.primary.ends(t, stopWithin); code != 0 {
				t.Errorf("exit code %d\n%s", code, tr.primary.run.log)
			}
			tr.primary.gone(t)
			tr.secondary.becomes(t, "web", report.RoleActive)
			a.silentAfter(t, tr.primary, max(engineNow(), a.first(tr.secondary.name, arp, before)), "its end")
			a.neverTwo(t, tr.primary, tr.secondary, before)
			why := tr.secondary.logged(t, "it became active", func(e *report.Event) bool { return e.Kind == report.BecameActive })
			if why.Reason != reason.Stopping {
				t.Errorf("the secondary became active for %q: that is no hand-over", why.Reason)
			}
		})
	}
}

// With nobody to hand over to it ends as well.
func TestTerminateAlone(t *testing.T) {
	tr := newTrial(t, conf{noWitness: true})
	tr.primary.start(t)
	tr.primary.becomes(t, "web", report.RoleActive)
	tr.primary.signal(t, syscall.SIGTERM, false)
	if code := tr.primary.ends(t, stopWithin); code != 0 {
		t.Errorf("exit code %d\n%s", code, tr.primary.run.log)
	}
	tr.primary.gone(t)
}

// All are told to end at once: each ends, in its bound.
func TestTerminateAll(t *testing.T) {
	tr := newTrial(t, conf{})
	tr.start(t)
	for _, h := range tr.hosts() {
		h.signal(t, syscall.SIGTERM, false)
	}
	for _, h := range tr.hosts() {
		if code := h.ends(t, stopWithin); code != 0 {
			t.Errorf("%s: exit code %d\n%s", h.name, code, h.run.log)
		}
		h.gone(t)
	}
}

// A second signal, while the first one is still at work, makes the end no less
// clean: a hook that takes its time is waited for up to the bound.
func TestTerminateTwice(t *testing.T) {
	tr := newTrial(t, conf{group: "hooks: { stop: { exec: [/bin/sleep, \"20\"], timeout: 30s } }\n"})
	tr.start(t)
	tr.primary.signal(t, syscall.SIGTERM, false)
	tr.secondary.becomes(t, "web", report.RoleActive)
	testns.Eventually(t, patience, "the address is gone", func() bool { return !tr.primary.has(t, "eth1", lanService4) })
	tr.primary.signal(t, syscall.SIGTERM, false)
	tr.primary.signal(t, syscall.SIGINT, false)
	if code := tr.primary.ends(t, stopWithin); code != 0 {
		t.Errorf("exit code %d (-1: ended by the signal)\n%s", code, tr.primary.run.log)
	}
	tr.primary.gone(t)
}
