package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/core"
	"stead/internal/core/arp"
	"stead/internal/core/ndp"
)

// ask asks on an interface who has the addresses, and returns all who answer.
// IPv4 is asked by an ARP probe, which leaves no trace in caches. This host does
// not hear itself.
func ask(ctx context.Context, now func() core.Instant, l *Link, addrs []netip.Addr, wait time.Duration) (map[netip.Addr][]MAC, error) {
	heard := map[netip.Addr][]MAC{}
	for _, family := range []struct {
		protocol int
		is4      bool
	}{{unix.ETH_P_ARP, true}, {unix.ETH_P_IPV6, false}} {
		var of []netip.Addr
		for _, a := range addrs {
			if a.Is4() == family.is4 {
				of = append(of, a)
			}
		}
		if len(of) == 0 {
			continue
		}
		if err := askFamily(ctx, now, l, of, family.protocol, wait, heard); err != nil {
			return nil, err
		}
	}
	return heard, nil
}

func askFamily(ctx context.Context, now func() core.Instant, l *Link, addrs []netip.Addr, protocol int, wait time.Duration, heard map[netip.Addr][]MAC) error {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("open a packet socket: %w (needs CAP_NET_RAW)", err)
	}
	defer func() { _ = unix.Close(fd) }()
	order := uint16(protocol)<<8 | uint16(protocol)>>8
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: order, Ifindex: l.Index}); err != nil {
		return fmt.Errorf("listen on %s: %w", l.Name, err)
	}
	for _, a := range addrs {
		if _, err := unix.Write(fd, question(l, a)); err != nil {
			return fmt.Errorf("ask on %s: %w", l.Name, err)
		}
	}
	b := make([]byte, 2048)
	poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for end := now().Add(wait); ctx.Err() == nil; {
		left := end.Sub(now())
		if left <= 0 {
			return nil
		}
		_, _ = unix.Poll(poll, int(min(left, pollMost).Milliseconds())+1)
		// Bounded, so that a busy network does not keep it from ending.
		for range 256 {
			n, from, err := unix.Recvfrom(fd, b, 0)
			if errors.Is(err, unix.ENETDOWN) {
				return fmt.Errorf("%s went down", l.Name)
			}
			if err != nil {
				break
			}
			if link, ok := from.(*unix.SockaddrLinklayer); ok && link.Pkttype == unix.PACKET_OUTGOING {
				continue
			}
			note(b[:n], l, addrs, heard)
		}
	}
	return ctx.Err()
}

// pollMost is how long an interruption may go unnoticed.
const pollMost = 100 * time.Millisecond

// question is the frame that asks for an address.
func question(l *Link, a netip.Addr) []byte {
	if a.Is4() {
		return arp.AppendWhoHas(nil, l.MAC, netip.IPv4Unspecified(), a)
	}
	from := netip.IPv6Unspecified()
	for _, p := range l.Addrs {
		if p.Addr().Is6() && p.Addr().IsLinkLocalUnicast() {
			from = p.Addr().WithZone("")
		}
	}
	return ndp.AppendSolicitation(nil, l.MAC, from, a)
}

// note takes an answer. What only announces its sender does not count: it may be
// from a moment before.
func note(frame []byte, l *Link, addrs []netip.Addr, heard map[netip.Addr][]MAC) {
	var who netip.Addr
	var mac MAC
	if m, err := arp.Parse(frame); err == nil && m.Op == arp.Reply && !m.Gratuitous() {
		who, mac = m.SenderIP, m.SenderHW
	} else if m, err := ndp.Parse(frame); err == nil && m.Type == ndp.Advertisement {
		who, mac = m.Target, m.SrcHW
		if m.HasLinkAddr {
			mac = m.LinkAddr
		}
	}
	if mac == l.MAC || !slices.Contains(addrs, who) || slices.Contains(heard[who], mac) {
		return
	}
	heard[who] = append(heard[who], mac)
}
