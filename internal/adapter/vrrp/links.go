package vrrp

import (
	"errors"
	"fmt"
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

// listen calls changed when something has changed that may concern a router,
// until close. A message that is about an address concerns where matters says so.
func (l *links) listen(matters func(address) bool, changed func()) {
	for {
		messages, _, err := l.socket.Receive()
		if err != nil && !errors.Is(err, unix.ENOBUFS) && !errors.Is(err, unix.EINTR) {
			return
		}
		hit := l.note(errors.Is(err, unix.ENOBUFS))
		for _, m := range messages {
			hit = l.hear(m.Header.Type, m.Data, matters) || hit
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

// hear tells whether a message may concern a router.
func (l *links) hear(kind uint16, body []byte, matters func(address) bool) bool {
	switch kind {
	case unix.RTM_NEWADDR, unix.RTM_DELADDR:
		a, ok := readAddress(body)
		return ok && matters(a)
	case unix.RTM_DELLINK:
		// Messages of the bridge family are about a bridge's port.
		if len(body) >= unix.SizeofIfInfomsg && body[0] == unix.AF_UNSPEC {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.gone[int32(native.Uint32(body[4:]))] = true
		}
		return true
	}
	return kind == unix.RTM_NEWLINK
}

// take returns what went away since it was called last.
func (l *links) take() (gone map[int32]bool, lost bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	gone, lost = l.gone, l.lost
	l.gone, l.lost = map[int32]bool{}, false
	return gone, lost
}
