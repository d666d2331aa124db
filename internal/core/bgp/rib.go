package bgp

import (
	"net/netip"
	"slices"

	"stead/internal/core/clock"
)

// rib is what the peer is to have, and what it has (Adj-RIB-Out, RFC 4271 section 3.2).
type rib struct {
	want    []Path // sorted by prefix
	has     []route
	spare   []route
	changed bool           // want, or what becomes of it, since the last flush
	touched []netip.Prefix // where nothing else has: of these
	first   bool           // nothing has been announced in this session yet
	again4  bool           // the peer wants everything of a family again
	again6  bool
	flushed bool // something was announced in this step

	unsent     bool   // something that was announced or withdrawn has not been taken by the kernel
	mark       uint64 // what has to have been taken for that
	leaving    leaving
	unsendable []string
	prefixes   []netip.Prefix // scratch
}

// route is a path as the peer has it.
type route struct {
	Path
	nextHop   netip.Addr
	asPath    []uint32 // empty to an internal peer
	localPref uint32   // to an internal peer, else 0
}

// Announce says what the peer is to have from now on: everything, sorted by prefix.
// What has changed is sent when the step ends. The paths are copied.
func (s *Session) Announce(_ Instant, paths []Path) {
	if slices.EqualFunc(s.rib.want, paths, samePath) {
		return
	}
	want := make([]Path, 0, len(paths))
	for _, p := range paths {
		p.Prefix = p.Prefix.Masked()
		p.Communities, p.Large = slices.Clone(p.Communities), slices.Clone(p.Large)
		want = append(want, p)
	}
	byPrefix := func(a, b Path) int { return a.Prefix.Compare(b.Prefix) }
	if !slices.IsSortedFunc(want, byPrefix) {
		slices.SortStableFunc(want, byPrefix)
	}
	s.rib.want = slices.CompactFunc(want, func(a, b Path) bool { return a.Prefix == b.Prefix })
	s.rib.changed = true
}

func samePath(a, b Path) bool {
	return a.Prefix == b.Prefix && a.NextHop == b.NextHop && a.Prepend == b.Prepend && a.MED == b.MED && a.HasMED == b.HasMED &&
		a.LocalPref == b.LocalPref && slices.Equal(a.Communities, b.Communities) && slices.Equal(a.Large, b.Large)
}

// fresh begins the Adj-RIB-Out of a session that has just been established.
func (r *rib) fresh() {
	r.has = r.has[:0]
	r.touched = r.touched[:0]
	r.first, r.changed, r.again4, r.again6 = true, true, false, false
	r.unsent, r.leaving = false, noLeaving
}

// lost ends it with the session. What was written to a connection that this node
// closes may still go out.
func (r *rib) lost(now Instant, f *fsm, gone bool) {
	r.unsendable = nil
	if !r.unsent || gone {
		r.unsent = false
		return
	}
	r.leaving = leaving{conn: f.conn, missing: int(r.mark - f.taken), until: now.Add(leaveTime)}
}

// refresh notes that the peer wants everything of a family again (RFC 2918).
func (s *Session) refresh(message []byte) {
	afi, safi, ok := ParseRefresh(message)
	if !ok || safi != safiUnicast {
		return
	}
	s.rib.again4 = s.rib.again4 || afi == afiIPv4 && s.speaker.IPv4
	s.rib.again6 = s.rib.again6 || afi == afiIPv6 && s.speaker.IPv6
}

// leaving is a connection that has been closed and may not have sent everything.
type leaving struct {
	conn    Conn
	missing int // bytes
	until   Instant
}

var noLeaving = leaving{until: clock.Never}

// took accounts for bytes that the kernel took after the connection was closed.
func (l *leaving) took(s *Session, conn Conn, n int) bool {
	if l.until == clock.Never || l.conn != conn {
		return false
	}
	if l.missing -= n; l.missing <= 0 {
		*l = noLeaving
		s.rib.unsent = false
		s.change(Change{Kind: Delivered})
	}
	return true
}

// gone says that nothing more is sent.
func (l *leaving) gone(s *Session, conn Conn) {
	if l.until != clock.Never && l.conn == conn {
		*l = noLeaving
		s.rib.unsent = false
	}
}
