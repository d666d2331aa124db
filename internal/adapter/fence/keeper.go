package fence

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/core"
)

// The file descriptors that a guard is started with.
const (
	guardMemoryFD = 3 + iota
	guardWakerFD
	guardAliveFD
)

// guardReady is the line by which a guard says that it keeps watch. A line of
// another kind is the reason why it does not.
const guardReady = "ready"

// guardPriority is the real-time priority of a guard: above nothing that
// matters, below the daemon's.
const guardPriority = 40

// Bounds on a guard's work.
const (
	longestSleep   = time.Second          // a guard looks at least so often
	retryAfter     = 5 * time.Millisecond // of a removal that the kernel refused
	removalRetries = 200                  // of one removal
	memoryLimit    = 64 << 20             // bytes of heap, above which the collector works after all
)

// RunGuard is the guard: the body of the child process, which the daemon starts
// with the descriptors above. It returns when the daemon is gone and every address
// is off its interface.
func RunGuard(now func() core.Instant) error {
	k, err := newKeeper(now)
	if err != nil {
		fmt.Println(err)
		return err
	}
	fmt.Println(guardReady)
	return k.run()
}

// keeper is a guard at work.
type keeper struct {
	now    func() core.Instant
	shared *shared
	remove func(Address) error
	timer  int // timerfd
	alive  bool
	places [maxAddresses]watched
}

// watched is what a guard remembers of a binding.
type watched struct {
	word     uint64 // of the binding that this is about
	closings uint64 // of its slot that were heeded
	armed    bool   // it had a deadline to come
	done     bool   // the address was removed, or the kernel refuses for good
	tries    int
}

func newKeeper(now func() core.Instant) (*keeper, error) {
	// The terminal's and the service manager's signals are meant for the daemon;
	// the guard outlives it by as long as the lease.
	signal.Ignore(unix.SIGHUP, unix.SIGINT, unix.SIGTERM, unix.SIGQUIT, unix.SIGPIPE)
	runtime.LockOSThread()
	s, err := mapShared(guardMemoryFD)
	if err != nil {
		return nil, fmt.Errorf("guard: %w (the daemon starts it, not a person)", err)
	}
	if s.magic.Load() != sharedMagic {
		return nil, errors.New("guard: the daemon is of another version")
	}
	k := &keeper{now: now, shared: s, alive: true}
	r, err := newRemover()
	if err != nil {
		return nil, fmt.Errorf("guard: %w", err)
	}
	k.remove = r.remove
	if k.timer, err = unix.TimerfdCreate(unix.CLOCK_BOOTTIME, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC); err != nil {
		return nil, fmt.Errorf("guard: make a timer: %w", err)
	}
	k.settle()
	s.process.Store(uint64(os.Getpid()))
	return k, nil
}

// settle makes the guard punctual as far as it is permitted to.
func (k *keeper) settle() {
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(memoryLimit)
	flag := func(err error) uint32 {
		if err != nil {
			return 0
		}
		return 1
	}
	k.shared.locked.Store(flag(unix.Mlockall(unix.MCL_CURRENT | unix.MCL_FUTURE | unix.MCL_ONFAULT)))
	k.shared.realtime.Store(flag(unix.SchedSetAttr(0, &unix.SchedAttr{
		Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: guardPriority,
	}, 0)))
}

// run looks, sleeps to the next deadline, and looks again.
func (k *keeper) run() error {
	for {
		// Whoever moves a deadline while the guard looks has to wake it.
		k.shared.wakeAt.Store(math.MaxUint64)
		k.look()
		next, left := k.next()
		k.shared.wakeAt.Store(next)
		// A deadline that was moved before that line is seen now.
		if again, _ := k.next(); again < next {
			continue
		}
		if !k.alive && (!left || k.shared.stopping.Load() != 0) {
			return nil
		}
		if err := k.sleep(next); err != nil {
			return err
		}
	}
}

// look removes every address that is due.
func (k *keeper) look() {
	for i := range k.shared.used.Load() {
		b, w := &k.shared.bindings[i], &k.places[i]
		word := b.word.Load()
		if slotOf(word) == freeSlot {
			continue
		}
		k.heed(w, word)
		serve := k.serveOf(word)
		if serve > uint64(k.now()) {
			w.armed, w.done, w.tries = true, false, 0
			continue
		}
		if k.due(w, serve) {
			k.expire(b, w, serve)
		}
	}
}

// heed notes what became of a binding and its slot since the last look: an
// address that was open must not escape by another slot, nor by an opening and a
// closing that the guard slept through.
func (k *keeper) heed(w *watched, word uint64) {
	if word != w.word {
		armed := w.armed && word>>generationShift == w.word>>generationShift
		*w = watched{word: word, closings: closingsOf(word), armed: armed || word&leftBit != 0}
	}
	slot := slotOf(word)
	if slot >= core.FenceSlots {
		return
	}
	if closings := k.shared.closingsNow(slot); closings != w.closings {
		w.closings, w.armed, w.done, w.tries = closings, true, false, 0
	}
}

// due tells whether an address whose deadline has passed is to be removed. A
// deadline of 0 alone does not say so: the daemon may be about to open the slot.
func (k *keeper) due(w *watched, serve uint64) bool {
	return !w.done && (w.armed || serve != 0 || !k.alive)
}

// serveOf is the deadline of a binding. A slot that does not exist is closed.
func (k *keeper) serveOf(word uint64) uint64 {
	slot := slotOf(word)
	if slot >= core.FenceSlots {
		return 0
	}
	return k.shared.slots[slot].serve.Load()
}

// expire removes an address. Deadline and binding are read again immediately
// before: a renewal that comes between that reading and the kernel's removal,
// some microseconds, finds the address gone, and the daemon puts it back.
func (k *keeper) expire(b *binding, w *watched, serve uint64) {
	address := b.get()
	if b.word.Load() != w.word || k.serveOf(w.word) != serve {
		return
	}
	err := k.remove(address)
	switch {
	case err == nil:
		k.shared.removed.Add(1)
		if late := uint64(k.now()) - serve; serve != 0 && late > k.shared.latest.Load() {
			k.shared.latest.Store(late)
		}
	case errors.Is(err, unix.EADDRNOTAVAIL), errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENXIO):
		// It is off the interface already, or the interface is gone.
	default:
		k.shared.failed.Add(1)
		if w.tries++; w.tries < removalRetries {
			return
		}
		fmt.Fprintf(os.Stderr, "stead guard: remove %s from %s: %v\n", address.Prefix, address.Interface, err)
	}
	w.armed, w.done = false, true
}

// next is when to look again, and whether there is anything left to remove
// should the daemon be gone.
func (k *keeper) next() (at uint64, left bool) {
	now := k.now()
	at = uint64(now.Add(longestSleep))
	for i := range k.shared.used.Load() {
		word := k.shared.bindings[i].word.Load()
		w := &k.places[i]
		if slotOf(word) == freeSlot {
			continue
		}
		if word != w.word || k.closedAgain(w, word) {
			left = true
			at = min(at, uint64(now))
			continue
		}
		serve := k.serveOf(word)
		open := serve > uint64(now)
		left = left || open || !w.done
		switch {
		case open && w.armed:
			at = min(at, serve)
		case open:
			at = min(at, uint64(now)) // not seen yet
		case k.due(w, serve) && w.tries > 0:
			at = min(at, uint64(now.Add(retryAfter)))
		case k.due(w, serve):
			at = min(at, uint64(now))
		}
	}
	return at, left
}

// closedAgain tells of a closing that was not heeded.
func (k *keeper) closedAgain(w *watched, word uint64) bool {
	slot := slotOf(word)
	return slot < core.FenceSlots && k.shared.closingsNow(slot) != w.closings
}

// sleep returns when it is time, when the daemon wakes the guard, or when the
// daemon is gone.
func (k *keeper) sleep(until uint64) error {
	// A timer set to 0 would never fire.
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(max(until, 1)))}
	if err := unix.TimerfdSettime(k.timer, unix.TFD_TIMER_ABSTIME, &spec, nil); err != nil {
		return fmt.Errorf("guard: set the timer: %w", err)
	}
	fds := []unix.PollFd{
		{Fd: int32(k.timer), Events: unix.POLLIN},
		{Fd: guardWakerFD, Events: unix.POLLIN},
		{Fd: guardAliveFD, Events: unix.POLLIN},
	}
	if !k.alive {
		fds = fds[:2] // the end of file would wake it all the time
	}
	if _, err := unix.Ppoll(fds, nil, nil); err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("guard: wait: %w", err)
	}
	var drained [8]byte
	if fds[1].Revents != 0 {
		_, _ = unix.Read(guardWakerFD, drained[:])
	}
	if len(fds) > 2 && fds[2].Revents != 0 {
		k.alive = false
	}
	return nil
}
