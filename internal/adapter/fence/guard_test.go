package fence

import (
	"fmt"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"stead/internal/config"
	"stead/internal/core"
	"stead/internal/testns"
)

// expire lets the lease of slot 1 end soon.
func expire(t testing.TB, f Fence) {
	t.Helper()
	soon := in(20 * time.Millisecond)
	if err := f.Slot(core.FenceSlot{Slot: 1, Answer: soon, Serve: soon}); err != nil {
		t.Fatal(err)
	}
}

// removes waits until the guard has removed so many addresses.
func removes(t testing.TB, f Fence, n uint64) {
	t.Helper()
	testns.Eventually(t, seeWithin, fmt.Sprintf("the guard has removed %d addresses", n), func() bool {
		return f.Status().Removed.Addresses == n
	})
}

func TestGuardOpensAndCloses(t *testing.T) {
	s := newScene(t, "eth0")
	f := s.fence(t, config.FenceGuard, Options{})
	bind(t, f, "eth0", 1)
	s.expect(t, "in a slot that was never open", everything)
	if err := f.Slot(open(1)); err != nil {
		t.Fatal(err)
	}
	s.expect(t, "open", everything)
	if err := f.Slot(core.FenceSlot{Slot: 1, Answer: 0, Serve: in(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	s.expect(t, "lingering: it cannot tell ARP from packets", everything)
	expire(t, f)
	s.expect(t, "after the deadline", silent)
	removes(t, f, 2)

	if err := f.Slot(open(1)); err != nil {
		t.Fatal(err)
	}
	s.host.Addr(t, "eth0", "192.0.2.200/32")
	s.host.Addr(t, "eth0", "2001:db8::200/128")
	s.expect(t, "renewed and put back", everything)
	if err := f.Slot(core.FenceSlot{Slot: 1}); err != nil {
		t.Fatal(err)
	}
	s.expect(t, "closed", silent)
	if st := f.Status(); st.Removed.Addresses != 4 || st.Removed.Failed != 0 {
		t.Errorf("removed: %+v, want 4 addresses", st.Removed)
	}
	t.Logf("latest removal %v after the deadline", f.Status().Removed.Latest)
}

// The interface is found by its name: one that was made again has another index.
func TestGuardFollowsAnInterfaceThatIsMadeAgain(t *testing.T) {
	s := newScene(t, "lo")
	f := s.fence(t, config.FenceGuard, Options{})
	s.host.Run(t, "ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1")
	bind(t, f, "v0", 1)
	if err := f.Slot(open(1)); err != nil {
		t.Fatal(err)
	}
	s.host.Run(t, "ip", "link", "del", "v0")
	s.host.Run(t, "ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1")
	s.host.Addr(t, "v0", "192.0.2.200/32")
	s.host.Addr(t, "v0", "2001:db8::200/128")
	expire(t, f)
	removes(t, f, 2)
}

// guardProcess is the number in the guard's status.
func guardProcess(t testing.TB, f Fence) int {
	t.Helper()
	var pid int
	if _, err := fmt.Sscanf(f.Status().Detail, "process %d removes", &pid); err != nil {
		t.Fatalf("%q: %v", f.Status().Detail, err)
	}
	return pid
}

func TestGuardIgnoresTheDaemonsSignals(t *testing.T) {
	s := newScene(t, "eth0")
	f := s.fence(t, config.FenceGuard, Options{})
	bind(t, f, "eth0", 1)
	if err := f.Slot(open(1)); err != nil {
		t.Fatal(err)
	}
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		if err := syscall.Kill(guardProcess(t, f), signal); err != nil {
			t.Fatal(err)
		}
	}
	expire(t, f)
	removes(t, f, 2)
	if n := f.Status().Repairs.Guards; n != 0 {
		t.Errorf("started again %d times", n)
	}
}

func TestGuardIsStartedAgain(t *testing.T) {
	s := newScene(t, "eth0")
	f := s.fence(t, config.FenceGuard, Options{})
	bind(t, f, "eth0", 1)
	if err := f.Slot(open(1)); err != nil {
		t.Fatal(err)
	}
	first := guardProcess(t, f)
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	testns.Eventually(t, seeWithin, "a second guard is there", func() bool {
		return f.Status().Repairs.Guards == 1 && guardProcess(t, f) != first
	})
	s.expect(t, "with the second guard", everything)
	expire(t, f)
	s.expect(t, "after the deadline", silent)
}

// A guard whose daemon closes the fence with addresses still waits for their
// deadline, and is gone then.
func TestGuardOutlivesTheFence(t *testing.T) {
	s := newScene(t, "eth0")
	var f Fence
	var err error
	s.host.Do(func() { f, err = Open(config.FenceGuard, Options{}) })
	if err != nil {
		t.Fatal(err)
	}
	bind(t, f, "eth0", 1)
	later := in(300 * time.Millisecond)
	if err := f.Slot(core.FenceSlot{Slot: 1, Answer: later, Serve: later}); err != nil {
		t.Fatal(err)
	}
	pid := guardProcess(t, f)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	s.expect(t, "after the deadline", silent)
	testns.Eventually(t, seeWithin, "the guard is gone", func() bool {
		return syscall.Kill(pid, 0) == syscall.ESRCH
	})
}

func TestGuardThatDoesNotStart(t *testing.T) {
	_, err := Open(config.FenceGuard, Options{Guard: []string{"/bin/false"}})
	if err == nil || !strings.Contains(err.Error(), "guard: start /bin/false") {
		t.Errorf("error %v", err)
	}
	_, err = Open(config.FenceGuard, Options{Guard: []string{"/bin/echo", "no guard today"}})
	if err == nil || !strings.Contains(err.Error(), "no guard today") {
		t.Errorf("error %v", err)
	}
}

// What cannot be is refused, by every kind.
func TestRefusals(t *testing.T) {
	s := newScene(t, "eth0")
	for _, mode := range []config.FenceMode{config.FenceKernel, config.FenceGuard, config.FenceNone} {
		t.Run(string(mode), func(t *testing.T) {
			f := s.fence(t, mode, Options{})
			if f.Kind() != string(mode) || f.Status().Kind != string(mode) {
				t.Errorf("kind %q, status %q", f.Kind(), f.Status().Kind)
			}
			for _, slot := range []int{-1, 0, core.FenceSlots} {
				if err := f.Slot(core.FenceSlot{Slot: slot}); err == nil {
					t.Errorf("slot %d was moved", slot)
				}
			}
			addr := Address{Prefix: netip.MustParsePrefix("192.0.2.200/32"), Interface: "eth0"}
			for _, slot := range []int{-1, core.FenceSlots} {
				if err := f.Bind(addr, slot); err == nil {
					t.Errorf("bound to slot %d", slot)
				}
			}
			if err := f.Bind(Address{Interface: "eth0"}, 1); err == nil {
				t.Error("bound no address")
			}
			if err := f.Unbind(other4); err != nil {
				t.Errorf("unbind what is not bound: %v", err)
			}
		})
	}
	if _, err := Open("locked", Options{}); err == nil {
		t.Error("an unknown mode was taken")
	}
	if _, err := Open(config.FenceKernel, Options{Attach: "glue"}); err == nil {
		t.Error("an unknown method was taken")
	}
}
