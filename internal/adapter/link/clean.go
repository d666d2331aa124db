package link

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// clean removes every address with our mark that no group holds now.
func (w *worker) clean() error {
	for range receiveBuffer / unix.SizeofNlMsghdr {
		if w.monitor.receive(w.hear) != nil {
			break
		}
	}
	w.ops = w.ops[:0]
	for name, i := range w.mirror.byName {
		for p, a := range i.addrs {
			if at := (place{name, p}); a.ours && w.claims[at] == 0 {
				w.ops = append(w.ops, op{group: -1, place: at})
			}
		}
	}
	w.carryOut(w.ops)
	var errs []error
	for n := range w.ops {
		if o := &w.ops[n]; o.err != nil {
			errs = append(errs, errors.New(o.explain()))
		} else {
			w.l.log.Info("removed an address that an earlier run has left", "address", o.place.prefix, "interface", o.place.iface)
		}
	}
	return errors.Join(errs...)
}

// releaseAll removes what the groups hold. The worker runs it after released was set.
func (w *worker) releaseAll() error {
	for id := range w.groups {
		w.makeDue(id)
	}
	w.apply()
	var errs []error
	for n := range w.ops {
		if o := &w.ops[n]; o.err != nil {
			errs = append(errs, errors.New(o.explain()))
		}
	}
	return errors.Join(errs...)
}

// sweep removes, without the worker, every address with our mark and every
// address that a group held. It tries until nothing is left or the time is over.
func (s *rtnl) sweep(t *table, within time.Duration) error {
	held := map[place]bool{}
	for id, g := range t.groups {
		if word(t.words[id].Load()).held() {
			for _, a := range g.Addresses {
				held[placeOf(a)] = true
			}
		}
	}
	for end := time.Now().Add(within); ; time.Sleep(firstRetry) {
		left, err := s.sweepOnce(held)
		if err == nil && left == 0 {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("release without the worker: %d addresses may be left: %w", left, errors.Join(err, errors.New("time is over")))
		}
	}
}

// sweepOnce removes what is there and returns how many it could not remove.
func (s *rtnl) sweepOnce(held map[place]bool) (left int, err error) {
	m := newMirror()
	if err := m.read(s); err != nil {
		return 0, err
	}
	type target struct {
		index  int
		prefix netip.Prefix
	}
	var targets []target
	for name, i := range m.byName {
		for p, a := range i.addrs {
			if a.ours || held[place{name, p}] {
				targets = append(targets, target{i.index, p})
			}
		}
	}
	for len(targets) > 0 {
		n := min(len(targets), batchMessages)
		for _, t := range targets[:n] {
			s.removeAddress(t.index, t.prefix)
		}
		for _, e := range s.flush() {
			if e != nil && !errors.Is(e, unix.EADDRNOTAVAIL) && !errors.Is(e, unix.ENODEV) {
				left, err = left+1, e
			}
		}
		targets = targets[n:]
	}
	return left, err
}
