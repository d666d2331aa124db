package fence

import (
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/core"
)

// keeperTest is a guard with a clock and a kernel of the test's own, in the same
// process as the daemon's end.
type keeperTest struct {
	*keeper
	t       *testing.T
	time    core.Instant
	read    func() // runs after the guard has read the clock
	refuse  error
	removed []Address
	guard   *guard
}

func newKeeperTest(t *testing.T) *keeperTest {
	k := &keeperTest{t: t, time: 1000}
	s := new(shared)
	s.format()
	waker, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(waker) })
	k.guard = &guard{shared: s, waker: waker, places: make(map[netip.Addr]int)}
	k.keeper = &keeper{shared: s, alive: true}
	k.now = func() core.Instant {
		now := k.time
		if k.read != nil {
			k.read()
		}
		return now
	}
	k.remove = func(a Address) error {
		if k.refuse == nil {
			k.removed = append(k.removed, a)
		}
		return k.refuse
	}
	return k
}

var guarded = Address{Prefix: netip.MustParsePrefix("192.0.2.200/24"), Interface: "eth0"}

func (k *keeperTest) bind(slot int) {
	k.t.Helper()
	if err := k.guard.Bind(guarded, slot); err != nil {
		k.t.Fatal(err)
	}
}

func (k *keeperTest) slot(slot int, serve core.Instant) {
	k.t.Helper()
	if err := k.guard.Slot(core.FenceSlot{Slot: slot, Serve: serve}); err != nil {
		k.t.Fatal(err)
	}
}

// at lets the guard look at a time, and checks how often it has removed the address.
func (k *keeperTest) at(now core.Instant, removed int) {
	k.t.Helper()
	k.time = now
	k.look()
	if len(k.removed) != removed {
		k.t.Fatalf("at %d: removed %v, want %d removals", now, k.removed, removed)
	}
	for _, a := range k.removed {
		if a != guarded {
			k.t.Fatalf("removed %v, want %v", a, guarded)
		}
	}
}

// wakes checks when the guard looks again.
func (k *keeperTest) wakes(want core.Instant) {
	k.t.Helper()
	if at, _ := k.next(); at != uint64(want) {
		k.t.Fatalf("wakes at %d, want %d", at, want)
	}
}

func TestGuardRemovesAtTheDeadline(t *testing.T) {
	k := newKeeperTest(t)
	k.bind(1)
	k.slot(1, 2000)
	k.at(1000, 0)
	k.wakes(2000)
	k.at(1999, 0)
	k.at(2000, 1)
	k.at(5000, 1) // once
	if late := k.shared.latest.Load(); late != 0 {
		t.Errorf("lateness %d", late)
	}
}

func TestGuardFollowsRenewals(t *testing.T) {
	k := newKeeperTest(t)
	k.bind(1)
	for now := core.Instant(1000); now < 5000; now += 500 {
		k.slot(1, now+1000)
		k.at(now, 0)
		k.wakes(now + 1000)
	}
	k.at(6000, 1)
	k.slot(1, 8000) // the daemon lives, and has put the address back
	k.at(7000, 1)
	k.at(8300, 2)
	if late := k.shared.latest.Load(); late != 500 {
		t.Errorf("lateness %d, want that of the first removal, 500", late)
	}
}

// A renewal between the guard's looking at the clock and its removing counts.
func TestGuardReadsTheDeadlineAgain(t *testing.T) {
	k := newKeeperTest(t)
	k.bind(1)
	k.slot(1, 2000)
	k.at(1000, 0)
	k.read = func() { k.read = nil; k.slot(1, 3000) }
	k.at(2500, 0)
	k.at(3000, 1)
}

// An unbinding, or a binding of another address in the same place, counts as well.
func TestGuardReadsTheBindingAgain(t *testing.T) {
	k := newKeeperTest(t)
	k.bind(1)
	k.slot(1, 2000)
	k.at(1000, 0)
	k.read = func() {
		k.read = nil
		if err := k.guard.Unbind(guarded.Prefix.Addr()); err != nil {
			t.Fatal(err)
		}
		if err := k.guard.Bind(Address{netip.MustParsePrefix("192.0.2.201/24"), "eth0"}, 2); err != nil {
			t.Fatal(err)
		}
	}
	k.at(2500, 0)
	k.at(9000, 0)
}

func TestGuardRemovesWhenTheSlotIsClosed(t *testing.T) {
	k := newKeeperTest(t)
	k.bind(1)
	k.at(1000, 0) // never open: the daemon may be about to open it
	k.slot(1, 2000)
	k.at(1100, 0)
	k.slot(1, 0)
	k.at(1200, 1)
	k.at(1300, 1)
}

func TestGuardRemovesWhatIsMovedToAClosedSlot(t *testing.T) {
	k := newKeeperTest(t)
	k.bind(1)
	k.slot(1, 2000)
	k.at(1000, 0)
	k.bind(2)
	k.bind(0)
	k.at(1100, 1)
}

// However late the guard looks, it does not miss that the slot had been open.
func TestGuardLooksLate(t *testing.T) {
	k := newKeeperTest(t)
	k.bind(1)
	k.slot(1, 2000)
	k.slot(1, 0)
	k.at(1000, 1)
	k.at(1001, 1)
	k.slot(1, 3000)
	k.slot(1, 0)
	k.at(1100, 2)
	k.slot(1, 3000)
	k.bind(2)
	k.at(1200, 3)
	k.bind(3) // which was never open: the address may be prepared there
	k.at(1300, 3)
}

// A guard that was started again finds a deadline that passed meanwhile.
func TestGuardRemovesWhatPassedBeforeItCame(t *testing.T) {
	k := newKeeperTest(t)
	k.bind(1)
	k.slot(1, 2000)
	k.at(3000, 1)
}

func TestGuardAfterTheDaemonsEnd(t *testing.T) {
	k := newKeeperTest(t)
	k.bind(1)
	k.slot(1, 2000)
	k.at(1000, 0)
	k.alive = false
	k.at(1500, 0) // the lease still runs
	if _, left := k.next(); !left {
		t.Error("ends before the deadline")
	}
	k.at(2000, 1)
	if _, left := k.next(); left {
		t.Error("does not end when everything is removed")
	}
}

func TestGuardAfterTheDaemonsEndRemovesWhatWasNeverOpen(t *testing.T) {
	k := newKeeperTest(t)
	k.bind(0)
	k.at(1000, 0)
	k.alive = false
	k.at(1001, 1)
	if _, left := k.next(); left {
		t.Error("does not end when everything is removed")
	}
}

func TestGuardTriesAgain(t *testing.T) {
	k := newKeeperTest(t)
	k.bind(1)
	k.slot(1, 2000)
	k.refuse = unix.ENOBUFS
	k.at(2000, 0)
	k.wakes(2000 + core.Instant(retryAfter))
	k.refuse = nil
	k.at(3000, 1)
	if n := k.shared.failed.Load(); n != 1 {
		t.Errorf("failed %d, want 1", n)
	}
}

func TestGuardTakesAMissingAddressForRemoved(t *testing.T) {
	for _, refuse := range []error{unix.EADDRNOTAVAIL, unix.ENODEV} {
		k := newKeeperTest(t)
		k.bind(1)
		k.slot(1, 2000)
		k.refuse = refuse
		k.at(2000, 0)
		k.wakes(core.Instant(2000).Add(longestSleep))
		if n := k.shared.failed.Load() + k.shared.removed.Load(); n != 0 {
			t.Errorf("%v counts", refuse)
		}
	}
}

// The daemon wakes the guard for a deadline that is earlier than it expects, and
// for no other: a renewal costs no system call.
func TestGuardIsWokenWhereItMust(t *testing.T) {
	k := newKeeperTest(t)
	woken := func(want bool, when string) {
		t.Helper()
		var n [8]byte
		_, err := unix.Read(k.guard.waker, n[:])
		if got := err == nil; got != want {
			t.Errorf("%s: woken %t, want %t", when, got, want)
		}
	}
	sleep := func() {
		k.look()
		at, _ := k.next()
		k.shared.wakeAt.Store(at)
	}
	k.bind(1)
	woken(true, "bound")
	sleep()
	k.slot(1, core.Instant(time.Millisecond))
	woken(true, "opened")
	sleep()
	k.slot(1, core.Instant(2*time.Millisecond))
	woken(false, "renewed")
	k.slot(1, 0)
	woken(true, "closed")
	sleep()
	k.slot(1, 0)
	woken(false, "closed again")
}
