package fence

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"stead/internal/core"
)

// guard is the daemon's end of the fence that is a child process.
type guard struct {
	reason  string // why it is not the kernel fence
	command []string
	file    *os.File // the shared memory
	shared  *shared
	waker   int            // eventfd
	alive   *os.File       // the guard reads its other end: the end of file is our end
	watched *os.File       // that other end
	home    netns.NsHandle // the network namespace of the guard
	closing chan struct{}
	ended   chan struct{} // the supervisor's

	mu       sync.Mutex
	places   map[netip.Addr]int // in shared.bindings
	restarts uint64
	problem  string
}

// Limits on starting a guard.
const (
	guardReadyWithin  = 5 * time.Second
	guardEndWithin    = 3 * time.Second
	guardRestartPause = 200 * time.Millisecond
)

// openGuard starts a guard for the calling thread's network namespace.
func openGuard(opts Options, reason string) (_ *guard, err error) {
	g := &guard{
		reason: reason, command: opts.Guard, waker: -1, home: netns.None(),
		places: make(map[netip.Addr]int), closing: make(chan struct{}), ended: make(chan struct{}),
	}
	if len(g.command) == 0 {
		g.command = []string{"/proc/self/exe", "guard"}
	}
	defer func() {
		if err != nil {
			g.release()
			err = fmt.Errorf("guard: %w", err)
		}
	}()
	if err := g.share(); err != nil {
		return nil, err
	}
	if g.home, err = netns.Get(); err != nil {
		return nil, fmt.Errorf("open the network namespace: %w", err)
	}
	ready := make(chan error)
	go g.supervise(ready)
	if err := <-ready; err != nil {
		return nil, err
	}
	return g, nil
}

// share makes what the daemon and the guard have in common.
func (g *guard) share() error {
	fd, err := unix.MemfdCreate("stead-fence", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return fmt.Errorf("make shared memory: %w", err)
	}
	g.file = os.NewFile(uintptr(fd), "stead-fence")
	if err := g.file.Truncate(int64(sharedSize)); err != nil {
		return fmt.Errorf("size the shared memory: %w", err)
	}
	// A shrunk file would kill whoever touches the memory.
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL); err != nil {
		return fmt.Errorf("seal the shared memory: %w", err)
	}
	if g.shared, err = mapShared(fd); err != nil {
		return err
	}
	g.shared.format()
	if g.waker, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return fmt.Errorf("make an eventfd: %w", err)
	}
	if g.watched, g.alive, err = os.Pipe(); err != nil {
		return fmt.Errorf("make a pipe: %w", err)
	}
	return nil
}

// supervise keeps a guard running until the fence is closed.
func (g *guard) supervise(ready chan<- error) {
	// The thread is not given back: it may be in another namespace than the rest.
	runtime.LockOSThread()
	defer close(g.ended)
	child, err := g.start()
	ready <- err
	if err != nil {
		return
	}
	for {
		why := "the guard ended"
		if child != nil {
			err = child.Wait()
		}
		select {
		case <-g.closing:
			return
		default:
		}
		if err != nil {
			why = fmt.Sprintf("the guard ended: %v", err)
		}
		g.note(why, 0)
		if child, err = g.start(); err == nil {
			g.note("", 1)
			continue
		}
		g.note(fmt.Sprintf("the guard does not start: %v", err), 0)
		select {
		case <-g.closing:
			return
		case <-time.After(guardRestartPause):
		}
	}
}

// note keeps the present problem for status.
func (g *guard) note(problem string, restarts uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.problem = problem
	g.restarts += restarts
}

// start starts a guard and waits until it keeps watch.
func (g *guard) start() (*exec.Cmd, error) {
	if err := enter(g.home); err != nil {
		return nil, err
	}
	waker, err := unix.FcntlInt(uintptr(g.waker), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("duplicate the eventfd: %w", err)
	}
	wake := os.NewFile(uintptr(waker), "eventfd")
	defer wake.Close()
	child := exec.Command(g.command[0], g.command[1:]...)
	if child.Path == "/proc/self/exe" {
		child.Args[0] = os.Args[0] // so that a list of processes names it as the daemon
	}
	child.Stderr = os.Stderr
	child.ExtraFiles = []*os.File{g.file, wake, g.watched} // guardMemoryFD and those behind it
	// A session of its own: what is sent to the daemon's process group does not
	// reach the guard.
	child.SysProcAttr = &unix.SysProcAttr{Setsid: true}
	said, err := child.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := child.Start(); err != nil {
		return nil, err
	}
	late := time.AfterFunc(guardReadyWithin, func() { _ = child.Process.Kill() })
	line, err := bufio.NewReader(said).ReadString('\n')
	if !late.Stop() {
		err = fmt.Errorf("not ready within %v", guardReadyWithin)
	}
	if line = strings.TrimSpace(line); line != guardReady {
		if line != "" {
			err = errors.New(line)
		}
		_ = child.Process.Kill()
		_ = child.Wait()
		return nil, fmt.Errorf("start %s: %w", strings.Join(g.command, " "), err)
	}
	return child, nil
}

func (g *guard) Kind() string { return KindGuard }

func (g *guard) Slot(s core.FenceSlot) error {
	if s.Slot <= 0 || s.Slot >= core.FenceSlots {
		return errSlot
	}
	slot := &g.shared.slots[s.Slot]
	serve := deadline(s.Serve)
	if serve == slot.serve.Load() {
		slot.answer.Store(deadline(s.Answer))
		return nil
	}
	if serve == 0 {
		g.shared.closings[s.Slot].Add(1)
	}
	g.shared.slots.move(s)
	return g.wakeFor(serve)
}

// wakeFor wakes the guard where it would sleep beyond a deadline. A renewal moves
// a deadline away, so that this happens when a slot opens and when it is closed.
func (g *guard) wakeFor(serve uint64) error {
	if serve >= g.shared.wakeAt.Load() {
		return nil
	}
	if _, err := unix.Write(g.waker, one); err != nil && err != unix.EAGAIN { // full: it is awake
		return err
	}
	return nil
}

// one is what is added to an eventfd.
var one = binary.NativeEndian.AppendUint64(nil, 1)

func (g *guard) Bind(a Address, slot int) error {
	if err := checkBind(a, slot); err != nil {
		return err
	}
	ip := a.Prefix.Addr().Unmap()
	a.Prefix = netip.PrefixFrom(ip, a.Prefix.Bits())
	g.mu.Lock()
	defer g.mu.Unlock()
	place, old := g.places[ip]
	if old && g.shared.bindings[place].get() == a {
		g.shared.move(&g.shared.bindings[place], slot)
		return g.wakeFor(g.shared.slots[slot].serve.Load())
	}
	if old {
		g.shared.bindings[place].free()
	} else if place = g.vacant(); place < 0 {
		return fmt.Errorf("bind %s: a fence has room for %d addresses", ip, maxAddresses)
	}
	if err := g.shared.set(&g.shared.bindings[place], a, slot); err != nil {
		delete(g.places, ip)
		return err
	}
	g.places[ip] = place
	if uint32(place) >= g.shared.used.Load() {
		g.shared.used.Store(uint32(place) + 1)
	}
	return g.wakeFor(g.shared.slots[slot].serve.Load())
}

// vacant finds a free place, or -1.
func (g *guard) vacant() int {
	for i := range g.shared.bindings {
		if slotOf(g.shared.bindings[i].word.Load()) == freeSlot {
			return i
		}
	}
	return -1
}

func (g *guard) Unbind(addr netip.Addr) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	addr = addr.Unmap()
	if place, ok := g.places[addr]; ok {
		g.shared.bindings[place].free()
		delete(g.places, addr)
	}
	return nil
}

func (g *guard) Bound() []netip.Addr {
	g.mu.Lock()
	defer g.mu.Unlock()
	return sortedAddrs(g.places)
}

func (g *guard) Status() Status {
	s := Status{
		Kind:   KindGuard,
		Detail: fmt.Sprintf("process %d removes addresses whose deadline has passed", g.shared.process.Load()),
		Reason: g.reason,
		Bound:  len(g.Bound()),
		Removed: RemoveCounters{
			Addresses: g.shared.removed.Load(),
			Failed:    g.shared.failed.Load(),
			Latest:    time.Duration(g.shared.latest.Load()),
		},
	}
	if g.shared.locked.Load() == 0 {
		s.Problems = append(s.Problems, "the guard's memory is not locked: it may be late (needs CAP_IPC_LOCK or a higher RLIMIT_MEMLOCK)")
	}
	if g.shared.realtime.Load() == 0 {
		s.Problems = append(s.Problems, "the guard has no real-time priority: it may be late on a busy machine (needs CAP_SYS_NICE)")
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.problem != "" {
		s.Problems = append(s.Problems, g.problem)
	}
	s.Repairs.Guards = g.restarts
	return s
}

// Close lets the guard end. Where addresses are bound it first waits for their
// deadlines and removes them; Close does not wait for that.
func (g *guard) Close() error {
	close(g.closing)
	bound := len(g.Bound()) > 0
	if !bound {
		g.shared.stopping.Store(1)
	}
	_ = g.alive.Close()
	g.alive = nil
	var err error
	if !bound {
		select {
		case <-g.ended:
		case <-time.After(guardEndWithin):
			err = fmt.Errorf("guard: did not end within %v", guardEndWithin)
		}
	}
	g.release()
	return err
}

// release gives up what this process holds, but for the shared memory: status
// may be read after Close.
func (g *guard) release() {
	for _, f := range []*os.File{g.file, g.alive, g.watched} {
		if f != nil {
			_ = f.Close()
		}
	}
	if g.waker >= 0 {
		_ = unix.Close(g.waker)
	}
	if g.home.IsOpen() {
		_ = g.home.Close()
	}
}
