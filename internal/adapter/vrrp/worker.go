package vrrp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"stead/internal/core"
)

const (
	retryEvery = 250 * time.Millisecond // where a router has a problem
	auditEvery = 40                     // of those until everything is looked at without a reason
)

// worker is what Run works with. Nothing in it is shared.
type worker struct {
	s       *Set
	kernel  *kernel
	table   *table             // of the last round
	members map[membership]int // sockets that hold them
	devices devices
	trouble map[*state]string // what was logged
	blind   string            // what was logged of the whole
}

// membership is that of a multicast group on an interface.
type membership struct {
	index int32
	group netip.Addr
}

// Run follows links and addresses until ctx ends, and takes down then what it has
// put up. It is called once.
func (s *Set) Run(ctx context.Context) {
	w, err := newWorker(s)
	if err != nil {
		s.log.Error("virtual routers have no source and stay out of the election", "problem", err)
		<-ctx.Done()
		return
	}
	defer w.close()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.links.listen(s.table.Load, s.nudge)
	}()
	defer func() {
		s.links.close()
		<-ended
	}()
	tick := time.NewTicker(retryEvery)
	defer tick.Stop()
	for ticks, audit := 0, false; ; {
		troubled := w.round(audit)
		audit = false
		for waiting := true; waiting; {
			select {
			case <-ctx.Done():
				return
			case <-s.kick:
				waiting = false
			case <-tick.C:
				ticks++
				audit = ticks%auditEvery == 0
				waiting = !troubled && !audit
			}
		}
	}
}

func newWorker(s *Set) (*worker, error) {
	if err := s.space.Enter(); err != nil {
		return nil, err
	}
	k, err := openKernel()
	if err != nil {
		return nil, err
	}
	w := &worker{s: s, kernel: k, members: map[membership]int{}, trouble: map[*state]string{}}
	w.devices = devices{kernel: k, space: s.space, log: s.log, known: map[string]*device{}, were: map[string]habits{}}
	return w, nil
}

func (w *worker) close() {
	w.devices.keepOnly(nil)
	for _, fd := range w.members {
		_ = unix.Close(fd)
	}
	w.kernel.close()
}

// view is what the kernel says in a round.
type view struct {
	links     map[string]netlink.Link // nil: no such interface
	addresses [families][]address
}

// look asks for the links before the addresses: of a link whose number is stored,
// no change of an address goes unheard.
func (w *worker) look(t *table) (v view, err error) {
	v.links = map[string]netlink.Link{}
	for _, r := range t.routers {
		l, known := v.links[r.Interface]
		if !known {
			l, err = w.kernel.LinkByName(r.Interface)
			var none netlink.LinkNotFoundError
			if err != nil && !errors.As(err, &none) {
				return v, fmt.Errorf("look for %s: %w", r.Interface, err)
			}
			v.links[r.Interface] = l
		}
		r.arrival.Store(number(l))
	}
	for f := range families {
		if t.has(f) {
			if v.addresses[f], err = w.kernel.addresses(f); err != nil {
				return v, err
			}
		}
	}
	return v, nil
}

// number is that of a link, 0 of none.
func number(l netlink.Link) int32 {
	if l == nil {
		return 0
	}
	return int32(l.Attrs().Index)
}

// round looks at everything, makes it as it should be and reports what has
// changed. It reports whether anything is not as it should be.
func (w *worker) round(audit bool) (troubled bool) {
	t := w.s.table.Load()
	fresh := t != w.table
	w.table = t
	if fresh {
		clear(w.trouble)
		w.s.filter(t)
		w.devices.keepOnly(t.routers)
	}
	gone, lost := w.s.links.take()
	v, err := w.look(t)
	if err != nil {
		if w.blind != err.Error() {
			w.blind = err.Error()
			w.s.log.Warn("virtual routers: their interfaces cannot be seen", "problem", err)
		}
		return true // nothing is known to have changed
	}
	w.blind = ""
	w.renew(gone, lost)
	wanted := map[membership]bool{}
	status := make([]Status, 0, len(t.routers))
	for _, r := range t.routers {
		st := w.settle(r, v, wanted, fresh || audit)
		troubled = troubled || st.Problem != ""
		status = append(status, st)
		w.tell(r, st, fresh)
	}
	w.leave(wanted)
	w.s.mu.Lock()
	w.s.status = status
	w.s.mu.Unlock()
	return troubled
}

// tell stores a router's source and reports it where it is news, and logs what is
// wrong, once.
func (w *worker) tell(r *router, st Status, fresh bool) {
	if st.Problem != w.trouble[r.state] && st.Problem != "" {
		w.s.log.Warn("virtual router without a source", "group", r.Name, "problem", st.Problem)
	}
	w.trouble[r.state] = st.Problem
	if !fresh && st.Source == r.address() {
		return
	}
	r.addr.Store(&st.Source)
	w.s.report(core.SourceAddress{Group: r.Group, Address: st.Source})
}

// settle makes one router as it should be and returns how it is.
func (w *worker) settle(r *router, v view, wanted map[membership]bool, audit bool) Status {
	st := Status{Group: r.Group, Name: r.Name, Interface: r.Interface}
	fail := func(format string, args ...any) Status {
		st.Problem = fmt.Sprintf(format, args...)
		return st
	}
	below := v.links[r.Interface]
	if below == nil {
		r.leaving.Store(0)
		return fail("%s: no such interface: make it, or correct interface in the configuration", r.Interface)
	}
	index := number(below)
	var err error
	if !r.unicast() {
		m := membership{index, r.Multicast}
		wanted[m] = true
		err = w.join(m)
	}
	leaving := index
	if r.VirtualMAC {
		var problem error
		leaving, problem = w.devices.ensure(&r.Router, below, audit)
		err = errors.Join(err, problem)
		st.Device, st.Repairs = r.device, w.devices.known[r.device].repairs
	}
	r.leaving.Store(leaving)
	switch {
	case w.s.sockets[r.family()] < 0:
		return fail("there was no %s when the daemon started: start it again", r.family())
	case err != nil:
		return fail("%v", err)
	case below.Attrs().Flags&net.FlagUp == 0:
		return fail("%s is down: set it up", r.Interface)
	}
	if st.Source = r.source(index, v.addresses[r.family()], r.address()); !st.Source.IsValid() {
		return fail("%s", r.missing())
	}
	return st
}

// missing says which address there is not.
func (r *Router) missing() string {
	switch {
	case r.Source.IsValid():
		return fmt.Sprintf("source %s is not an address of this host: add it, or correct source in the configuration", r.Source)
	case r.IPv6:
		return fmt.Sprintf("%s has no link-local address that is ready: see net.ipv6.conf.%s.disable_ipv6 and addr_gen_mode, and whether another host has the address", r.Interface, r.Interface)
	}
	return fmt.Sprintf("%s has no IPv4 address of its own: add one, or name one of this host as source in the configuration", r.Interface)
}

// join becomes a member, unless it is one already.
func (w *worker) join(m membership) error {
	if _, is := w.members[m]; is {
		return nil
	}
	fd, err := join(m.index, m.group)
	if err != nil {
		return fmt.Errorf("join %s: %w", m.group, err)
	}
	w.members[m] = fd
	return nil
}

// leave ends the memberships that are not wanted.
func (w *worker) leave(wanted map[membership]bool) {
	for m, fd := range w.members {
		if !wanted[m] {
			_ = unix.Close(fd)
			delete(w.members, m)
		}
	}
}

// renew ends those memberships that went away with their interface: another one
// may have got its number. Where that is not known for certain a second member is
// made before the first goes, so that the host does not leave the group.
func (w *worker) renew(gone map[int32]bool, lost bool) {
	for m, fd := range w.members {
		switch {
		case gone[m.index]:
			delete(w.members, m)
		case lost:
			delete(w.members, m)
			if w.join(m) != nil {
				w.members[m] = fd
				continue
			}
		default:
			continue
		}
		_ = unix.Close(fd)
	}
}
