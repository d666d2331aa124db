package vrrp

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// hearBuffer is the receive buffer in bytes of the socket that hears of changes.
// When it overflows everything is looked at.
const hearBuffer = 1 << 20

// links hears of changes of links and addresses.
type links struct {
	socket *nl.NetlinkSocket
	once   sync.Once

	mu   sync.Mutex
	gone map[int32]bool // numbers of interfaces that went away since take
	lost bool           // messages were lost since take
}

func openLinks() (*links, error) {
	s, err := nl.Subscribe(unix.NETLINK_ROUTE, unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR)
	if err != nil {
		return nil, fmt.Errorf("watch links and addresses: %w", err)
	}
	// Without CAP_NET_ADMIN the default has to do.
	_ = s.SetReceiveBufferSize(hearBuffer, true)
	return &links{socket: s, gone: map[int32]bool{}}, nil
}

func (l *links) close() { l.once.Do(l.socket.Close) }

// listen calls changed when something has changed that matters to the routers of
// the table, until close.
func (l *links) listen(current func() *table, changed func()) {
	for {
		messages, _, err := l.socket.Receive()
		if err != nil && !errors.Is(err, unix.ENOBUFS) && !errors.Is(err, unix.EINTR) {
			return
		}
		hit := l.note(errors.Is(err, unix.ENOBUFS))
		for _, m := range messages {
			hit = l.hear(m.Header.Type, m.Data, current()) || hit
		}
		if hit {
			changed()
		}
	}
}

func (l *links) note(lost bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost = l.lost || lost
	return lost
}

// hear tells whether a message matters to a router.
func (l *links) hear(kind uint16, body []byte, t *table) bool {
	switch kind {
	case unix.RTM_NEWADDR, unix.RTM_DELADDR:
		a, ok := readAddress(body)
		return ok && t.standsOn(a)
	case unix.RTM_NEWLINK, unix.RTM_DELLINK:
		// Messages of the bridge family are about a bridge's port.
		if len(body) < unix.SizeofIfInfomsg || body[0] != unix.AF_UNSPEC {
			return false
		}
		index := int32(native.Uint32(body[4:]))
		if kind == unix.RTM_DELLINK {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.gone[index] = true
		}
		return t.uses(index, readName(body))
	}
	return false
}

func readName(body []byte) string {
	attrs, err := nl.ParseRouteAttr(body[unix.SizeofIfInfomsg:])
	if err != nil {
		return ""
	}
	for _, a := range attrs {
		if a.Attr.Type == unix.IFLA_IFNAME {
			return unix.ByteSliceToString(a.Value)
		}
	}
	return ""
}

// standsOn tells whether a change of an address can change a source. The groups'
// own addresses come and go by the thousand.
func (t *table) standsOn(a address) bool {
	return slices.ContainsFunc(t.routers, func(r *router) bool {
		return a.addr == r.Source || !a.ours && a.index == r.arrival.Load()
	})
}

// uses tells whether a link is one of the routers', was one under another name,
// or has the name of one.
func (t *table) uses(index int32, name string) bool {
	return slices.ContainsFunc(t.routers, func(r *router) bool {
		return index == r.arrival.Load() || index == r.leaving.Load() || name == r.Interface || r.VirtualMAC && name == r.device
	})
}

// take returns what went away since it was called last.
func (l *links) take() (gone map[int32]bool, lost bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	gone, lost = l.gone, l.lost
	l.gone, l.lost = map[int32]bool{}, false
	return gone, lost
}
