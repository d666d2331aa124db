package bgp

import (
	"net/netip"
	"slices"
)

// Put says that the peer is to have a path from now on, in place of the one to the
// same prefix that it may have. Where much stays as it is, Put and Drop cost less than
// Announce. The path is copied.
func (s *Session) Put(p Path) {
	p.Prefix = p.Prefix.Masked()
	at, found := slices.BinarySearchFunc(s.rib.want, p.Prefix, pathTo)
	if found && samePath(s.rib.want[at], p) {
		return
	}
	p.Communities, p.Large = slices.Clone(p.Communities), slices.Clone(p.Large)
	if found {
		s.rib.want[at] = p
	} else {
		s.rib.want = slices.Insert(s.rib.want, at, p)
	}
	s.rib.touch(p.Prefix)
}

// Drop says that the peer is to have no path to a prefix any more.
func (s *Session) Drop(prefix netip.Prefix) {
	prefix = prefix.Masked()
	at, found := slices.BinarySearchFunc(s.rib.want, prefix, pathTo)
	if !found {
		return
	}
	s.rib.want = slices.Delete(s.rib.want, at, at+1)
	s.rib.touch(prefix)
}

func pathTo(p Path, prefix netip.Prefix) int   { return p.Prefix.Compare(prefix) }
func routeTo(r route, prefix netip.Prefix) int { return r.Prefix.Compare(prefix) }

// mostTouched is of how many prefixes the changes are looked at one by one.
const mostTouched = 64

// touch notes that something has changed for a prefix.
func (r *rib) touch(prefix netip.Prefix) {
	if r.changed || len(r.touched) == mostTouched {
		r.changed = true
		return
	}
	r.touched = append(r.touched, prefix)
}

// pending tells whether the peer has not been sent all that it is to have.
func (r *rib) pending() bool { return r.changed || len(r.touched) > 0 }

// flushSome sends what has changed for a few prefixes. It does nothing, and says so,
// where one of them cannot be announced, or could not be until now.
func (s *Session) flushSome(now Instant, f *fsm) bool {
	r := &s.rib
	if len(r.unsendable) > 0 {
		return false
	}
	slices.SortFunc(r.touched, netip.Prefix.Compare)
	r.touched = slices.Compact(r.touched)
	fresh := r.spare[:0]
	var withdrawn []netip.Prefix
	for _, prefix := range r.touched {
		had, has := slices.BinarySearchFunc(r.has, prefix, routeTo)
		at, wanted := slices.BinarySearchFunc(r.want, prefix, pathTo)
		if !wanted {
			if has {
				withdrawn = append(withdrawn, prefix)
			}
			continue
		}
		next, why := s.routeOf(&r.want[at])
		if why != "" {
			return false
		}
		if !has || compareAttributes(&r.has[had], &next) != 0 {
			fresh = append(fresh, next)
		}
	}
	r.spare, r.touched = fresh, r.touched[:0]
	s.keep(fresh, withdrawn)
	announced := make([]*route, 0, len(fresh))
	for i := range fresh {
		announced = append(announced, &fresh[i])
	}
	s.tell(now, f, announced, withdrawn)
	return true
}

// keep notes what the peer has from now on.
func (s *Session) keep(announced []route, withdrawn []netip.Prefix) {
	r := &s.rib
	for i := range announced {
		if at, has := slices.BinarySearchFunc(r.has, announced[i].Prefix, routeTo); has {
			r.has[at] = announced[i]
		} else {
			r.has = slices.Insert(r.has, at, announced[i])
		}
	}
	for _, prefix := range withdrawn {
		if at, has := slices.BinarySearchFunc(r.has, prefix, routeTo); has {
			r.has = slices.Delete(r.has, at, at+1)
		}
	}
}

// tell sends what is new, the withdrawals first, and says so.
func (s *Session) tell(now Instant, f *fsm, announced []*route, withdrawn []netip.Prefix) {
	if len(announced) == 0 && len(withdrawn) == 0 {
		return
	}
	s.withdraw(now, f, withdrawn)
	s.announce(now, f, announced)
	s.change(Change{Kind: Announced, Detail: describe(announced, withdrawn, nil)})
	s.rib.unsent, s.rib.mark = true, f.written
}
