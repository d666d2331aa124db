package overlay

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// watchBuffer is the receive buffer of the watcher's socket, in bytes. When it
// overflows everything is looked at.
const watchBuffer = 1 << 20

// watcher hears of changes of links, addresses and forwarding entries.
type watcher struct {
	socket *nl.NetlinkSocket
	once   sync.Once
}

func openWatcher() (*watcher, error) {
	s, err := nl.Subscribe(unix.NETLINK_ROUTE,
		unix.RTNLGRP_LINK, unix.RTNLGRP_NEIGH, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR)
	if err != nil {
		return nil, fmt.Errorf("watch the network's changes: %w", err)
	}
	// Without CAP_NET_ADMIN the default has to do.
	_ = s.SetReceiveBufferSize(watchBuffer, true)
	return &watcher{socket: s}, nil
}

func (w *watcher) close() { w.once.Do(w.socket.Close) }

// read puts a token into kick whenever a message concerns, until close.
func (w *watcher) read(concerns func(kind uint16, body []byte) bool, kick chan<- struct{}) {
	for {
		messages, _, err := w.socket.Receive()
		if errors.Is(err, os.ErrClosed) || errors.Is(err, unix.EBADF) {
			return
		}
		if err != nil && !errors.Is(err, unix.ENOBUFS) && !errors.Is(err, unix.EINTR) {
			return
		}
		hit := err != nil
		for _, m := range messages {
			hit = hit || concerns(m.Header.Type, m.Data)
		}
		if hit {
			select {
			case kick <- struct{}{}:
			default:
			}
		}
	}
}

// concerns reports whether a message is about one of the devices, or about what
// they stand on. It reads no more than needed: a busy overlay learns stations at
// a high rate.
func (v *Overlays) concerns(kind uint16, body []byte) bool {
	switch kind {
	case unix.RTM_NEWLINK, unix.RTM_DELLINK:
		return true
	case unix.RTM_NEWNEIGH, unix.RTM_DELNEIGH:
		return len(body) >= unix.SizeofNdMsg && body[0] == unix.AF_BRIDGE && isFlood(body[unix.SizeofNdMsg:])
	case unix.RTM_DELADDR:
		return len(body) >= unix.SizeofIfAddrmsg && v.owns(int(binary.NativeEndian.Uint32(body[4:])))
	}
	return false
}

// isFlood reports whether a forwarding entry is one of the all-zero address.
func isFlood(b []byte) bool {
	attrs, err := nl.ParseRouteAttr(b)
	if err != nil {
		return true
	}
	for _, a := range attrs {
		if a.Attr.Type == netlink.NDA_LLADDR {
			return slices.Equal(a.Value, everyone)
		}
	}
	return false
}

// owns reports whether an interface is one of the devices.
func (v *Overlays) owns(index int) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return false
	}
	link, err := v.handle.LinkByIndex(index)
	if err != nil {
		return true
	}
	return slices.ContainsFunc(v.overlays, func(o *overlay) bool { return o.wanted.name == link.Attrs().Name })
}
