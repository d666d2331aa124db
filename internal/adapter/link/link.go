// Package link keeps the groups' addresses where the core wants them.
//
// A Links has one worker, a goroutine on a thread of its own, which owns
// everything: a netlink socket for requests, another that hears of every change
// of links and addresses, and a packet socket for announcements. The engine
// writes a Want into the group's mailbox and goes on; the worker reads the
// latest Want of each group, sends what differs from the kernel's state in one
// batch, and reports Applied or ApplyFailed. What fails is tried again until it
// is true or no longer wanted.
//
// What a wanted address looks like:
//
//   - It carries Mark (IFA_PROTO, Linux 5.18 and later; on older kernels an IPv4
//     address has a label that ends in ":stead" instead), so that an earlier
//     run's leftovers are known.
//   - IPv6 skips duplicate address detection, and is deprecated (preferred_lft
//     0): it is nobody's source address unless a program asks for it.
//   - A host prefix (/32, /128), or a prefix in which the interface has an
//     address already, brings no prefix route. An IPv4 host prefix has scope host,
//     from which the kernel takes no source addresses; one beside another address
//     of its prefix is kept secondary, which has the same effect.
//   - Before an interface gets its first IPv4 address its promote_secondaries is
//     set, as systemd does everywhere: removing a first address would take
//     the others of its prefix with it.
//
// A stranger that removes a wanted address sees it come back at once, and the
// core hears AddressRepaired. An address that belongs to a group which is not
// held is removed, whoever added it.
//
// The sockets belong to the network namespace in which New is called.
package link

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"stead/internal/core"
)

// Mark is the IFA_PROTO value of addresses that belong to a group.
const Mark = 83

// labelSuffix marks IPv4 addresses on kernels without IFA_PROTO.
const labelSuffix = ":stead"

// Group is what moves together. Its place in the slice is its core.GroupID.
type Group struct {
	Name      string
	Addresses []Address
}

// Address is an address and the interface that it lives on.
type Address struct {
	Prefix    netip.Prefix
	Interface string
}

// Options are what New needs.
type Options struct {
	Groups []Group

	// Watch names further interfaces whose state is reported.
	Watch []string

	// Report takes core.Applied, core.ApplyFailed, core.AddressRepaired and
	// core.LinkState. The worker calls it: it must not block, nor call a Links.
	Report func(core.Event)

	// Now reads the clock of the daemon.
	Now func() core.Instant

	// OnThread, where given, is called first on the worker's thread, which the
	// worker keeps: a place to raise its priority.
	OnThread func()

	Log *slog.Logger // nil: none
}

// Links keeps the addresses of all groups. Its methods may be called from any
// goroutine; Want and Announce never block.
type Links struct {
	log    *slog.Logger
	now    func() core.Instant
	report func(core.Event)

	table    atomic.Pointer[table]
	wake     *waker
	released atomic.Bool // ReleaseAll was called: nothing is held any more

	mu       sync.Mutex
	commands []command
	closed   bool
	watch    []string
	spare    *rtnl // for ReleaseAll when the worker does not answer
	old      bool  // the kernel knows no IFA_PROTO

	done chan struct{} // the worker has ended
}

// New opens the sockets, reads the kernel's links and addresses and starts the
// worker, which reports the state of all interfaces named. It changes nothing
// before the first Want or Clean.
func New(o Options) (*Links, error) {
	if o.Report == nil || o.Now == nil {
		return nil, errors.New("link: no report or no clock given")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	t, err := newTable(o.Groups, nil)
	if err != nil {
		return nil, err
	}
	l := &Links{log: o.Log, now: o.Now, report: o.Report, watch: o.Watch, done: make(chan struct{})}
	l.old = !kernelKnowsAddressProtocol()
	l.table.Store(t)
	w, err := newWorker(l)
	if err != nil {
		return nil, err
	}
	go w.run(o.OnThread)
	return l, nil
}

// Want says whether the addresses of a group are to be held from now on. It
// replaces what was wanted before. generation, below 2^62, comes back in the report.
func (l *Links) Want(group core.GroupID, generation uint64, held bool) {
	if t := l.table.Load(); t.want(group, generation, held) {
		l.wake.wake()
	}
}

// Announce asks for gratuitous ARP in both forms and an unsolicited NA for each
// address that the group holds. Requests that wait for the worker are one.
func (l *Links) Announce(group core.GroupID) {
	if t := l.table.Load(); t.announce(group) {
		l.wake.wake()
	}
}

// Reconfigure replaces the groups and the interfaces that are watched beside
// theirs. A group keeps its Want by its name; addresses that left the
// configuration are removed. It does not wait. The caller sees to it that no
// Want with an old GroupID runs at the same time.
func (l *Links) Reconfigure(groups []Group, watch []string) error {
	t, err := newTable(groups, l.table.Load())
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.watch = watch
	l.mu.Unlock()
	l.table.Store(t)
	l.wake.wake()
	return nil
}

// command is something that the worker does once, between two batches.
type command struct {
	run    func(*worker) error
	answer chan error
}

// ask has the worker run something.
func (l *Links) ask(ctx context.Context, run func(*worker) error) error {
	c := command{run: run, answer: make(chan error, 1)}
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return errors.New("link: closed")
	}
	l.commands = append(l.commands, c)
	l.mu.Unlock()
	l.wake.wake()
	select {
	case err := <-c.answer:
		return err
	case <-l.done:
		return errors.New("link: the worker has ended")
	case <-ctx.Done():
		return fmt.Errorf("link: no answer from the worker: %w", ctx.Err())
	}
}

// takeCommands returns what waits, and whether the worker is to end.
func (l *Links) takeCommands() ([]command, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.commands
	l.commands = nil
	return c, l.closed
}

// Clean removes leftovers: every address with our mark on any interface that is
// not wanted now. It returns when that is done.
func (l *Links) Clean(ctx context.Context) error {
	return l.ask(ctx, (*worker).clean)
}

// ReleaseAll removes every address of ours and returns when that is done, or
// after about the time given. From then on no Want adds anything. It works also
// where the worker hangs or has died, which makes it fit for the path of a panic.
func (l *Links) ReleaseAll(within time.Duration) error {
	l.released.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), within/2)
	defer cancel()
	if err := l.ask(ctx, (*worker).releaseAll); err == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.spare == nil {
		return errors.New("link: closed")
	}
	return l.spare.sweep(l.table.Load(), within/2)
}

// Close ends the worker and closes the sockets. Addresses stay as they are.
func (l *Links) Close() {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		<-l.done
		return
	}
	l.closed = true
	l.mu.Unlock()
	l.wake.wake()
	<-l.done
	l.mu.Lock()
	defer l.mu.Unlock()
	l.spare.close()
	l.spare = nil
}
