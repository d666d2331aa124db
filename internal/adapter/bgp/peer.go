package bgp

import (
	"fmt"
	"net/netip"
	"slices"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"stead/internal/core/bgp"
)

// maxPending is how many connections of a peer's own there may be at once: one
// that is in use, and one that is to replace it when the peer has started again.
const maxPending = 2

// peer is what is known of a peer for as long as the configuration has its name.
type peer struct {
	name     string
	streams  atomic.Pointer[[]*stream] // the loop replaces it, anybody reads it
	in, out  atomic.Uint64             // bytes
	refused  atomic.Uint64             // connections of the peer's that were not taken
	problem  atomic.Pointer[string]
	settings atomic.Pointer[Peer] // the loop replaces it

	next bgp.Conn // of the peer's own; the loop's
}

func newPeer(name string) *peer {
	p := &peer{name: name, next: bgp.FirstIncoming}
	p.streams.Store(&[]*stream{})
	p.settings.Store(&Peer{Name: name})
	p.problem.Store(new(string))
	return p
}

func (p *peer) list() []*stream { return *p.streams.Load() }

func (p *peer) add(st *stream) {
	list := append(slices.Clip(p.list()), st)
	p.streams.Store(&list)
}

func (p *peer) remove(st *stream) {
	list := slices.DeleteFunc(slices.Clone(p.list()), func(other *stream) bool { return other == st })
	p.streams.Store(&list)
}

// pending is how many connections that the peer has opened are in use.
func (p *peer) pending() (n int) {
	for _, st := range p.list() {
		if st.conn >= bgp.FirstIncoming && st.phase != closing {
			n++
		}
	}
	return n
}

// plain returns the peer with addresses as they stand in packets.
func (p Peer) plain() Peer {
	p.Remote = netip.AddrPortFrom(p.Remote.Addr().Unmap(), p.Remote.Port())
	if p.Source.IsValid() {
		p.Source = p.Source.Unmap().WithZone("")
	}
	p.MD5 = slices.Clone(p.MD5)
	return p
}

// Check tells what Open and Replace would refuse.
func Check(peers []Peer) error {
	names := map[string]bool{}
	for _, given := range peers {
		p := given.plain()
		if err := p.check(); err != nil {
			return fmt.Errorf("bgp peer %q: %w", p.Name, err)
		}
		if names[p.Name] {
			return fmt.Errorf("bgp peer %q: there is another one with this name", p.Name)
		}
		names[p.Name] = true
	}
	return nil
}

func (p *Peer) check() error {
	addr := p.Remote.Addr()
	switch {
	case !addr.IsValid() || addr.IsUnspecified() || addr.IsMulticast() || p.Remote.Port() == 0:
		return fmt.Errorf("%v is not the address of a router", p.Remote)
	case p.Source.IsValid() && p.Source.Is4() != addr.Is4():
		return fmt.Errorf("%v is no source for a connection to %v", p.Source, addr)
	case p.TTL < 1 || p.TTL > 255:
		return fmt.Errorf("TTL %d is not in 1–255", p.TTL)
	case p.MinTTL < 0 || p.MinTTL > 255:
		return fmt.Errorf("least TTL %d is not in 0–255", p.MinTTL)
	case len(p.MD5) > unix.TCP_MD5SIG_MAXKEYLEN:
		return fmt.Errorf("a password of %d bytes is longer than %d", len(p.MD5), unix.TCP_MD5SIG_MAXKEYLEN)
	case p.UserTimeout < 0:
		return fmt.Errorf("user timeout %v is negative", p.UserTimeout)
	}
	return nil
}
