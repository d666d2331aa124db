package link

import (
	"fmt"

	"golang.org/x/sys/unix"

	"stead/internal/core"
	"stead/internal/core/arp"
	"stead/internal/core/ndp"
)

// A burst of announcements is sent in portions, lest a slow interface or a
// switch that limits the rate of ARP drops the rest of it.
const (
	burstGroups = 128
	burstPause  = 1_000_000 // ns between portions
)

// packets is the socket that announcements leave by. It is bound to no
// interface, hears nothing, and so survives interfaces that come and go.
type packets struct {
	fd  int
	buf []byte
}

func openPackets() (*packets, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open a packet socket for announcements: %w (needs CAP_NET_RAW)", err)
	}
	return &packets{fd: fd, buf: make([]byte, 0, 128)}, nil
}

func (p *packets) close() { _ = unix.Close(p.fd) }

// announce sends what was asked for, in portions.
func (w *worker) announce() {
	w.table.announced.drain(func(id int) {
		if g := &w.groups[id]; !g.isToSend {
			g.isToSend = true
			w.toSend = append(w.toSend, id)
		}
	})
	if len(w.toSend) == 0 || w.l.now() < w.pauseEnd {
		return
	}
	portion := w.toSend[:min(len(w.toSend), burstGroups)]
	for n, id := range portion {
		if !w.announceGroup(id) {
			portion = portion[:n]
			break
		}
		w.groups[id].isToSend = false
	}
	w.toSend = append(w.toSend[:0], w.toSend[len(portion):]...)
	w.pauseEnd = w.l.now() + core.Instant(burstPause)
}

// announceGroup announces each address that a group holds. It reports false when
// the interface takes no more for now.
func (w *worker) announceGroup(id int) bool {
	if !w.groups[id].counted {
		return true // not held: a neighbour must not be sent here
	}
	for _, a := range w.table.groups[id].Addresses {
		i := w.mirror.byName[a.Interface]
		if !i.announces() {
			continue
		}
		// What the kernel does not have would be announced for nobody.
		if _, there := i.addrs[a.Prefix]; !there {
			continue
		}
		if addr := a.Prefix.Addr(); addr.Is4() {
			if !w.packets.send(i.index, arp.AppendGratuitousRequest(w.packets.buf[:0], i.mac, addr)) ||
				!w.packets.send(i.index, arp.AppendGratuitousReply(w.packets.buf[:0], i.mac, addr)) {
				return false
			}
		} else if !w.packets.send(i.index, ndp.AppendAdvertisement(w.packets.buf[:0], i.mac, addr, i.router)) {
			return false
		}
	}
	return true
}

// send sends a frame. It reports false when the queue is full; other failures,
// such as an interface that has gone, are the link state's to tell.
func (p *packets) send(index int, frame []byte) bool {
	protocol := native.Uint16(frame[12:]) // in network byte order, as the kernel wants it
	err := unix.Sendto(p.fd, frame, 0, &unix.SockaddrLinklayer{Protocol: protocol, Ifindex: index, Halen: 6})
	return err != unix.EAGAIN && err != unix.ENOBUFS
}
