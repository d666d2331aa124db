package doctor

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/core"
)

// probeWait is how long an answer to one size is waited for; each is asked for
// probeTries times, because a packet may be lost.
const (
	probeWait  = 250 * time.Millisecond
	probeTries = 2
	smallProbe = 128 // bytes: it fits everywhere
)

// prober measures one path. All are measured at once, in rounds.
type prober struct {
	m       PathMTU
	fd      int
	raw     bool // answers come with their IPv4 header
	cookie  [8]byte
	seq     uint16
	size    int // under way
	low     int // answered
	high    int // not answered, or one more than what is wanted
	waiting bool
}

// measurePaths asks every path with ICMP echo requests that may not be fragmented:
// first with the wanted size, then with a small one, then by halves in between. That
// measures the way there: the answers may come back in fragments.
func measurePaths(ctx context.Context, now func() core.Instant, paths []Path) []PathMTU {
	probers := make([]*prober, len(paths))
	for i, p := range paths {
		probers[i] = &prober{m: PathMTU{Path: p}, fd: -1, high: p.Size + 1}
		if err := probers[i].open(); err != nil {
			probers[i].m.Problem = err.Error()
		}
		defer probers[i].close()
	}
	const rounds = 16 // enough to halve 65,535
	for round := 0; round < rounds && ctx.Err() == nil; round++ {
		for _, p := range probers {
			p.next(round)
		}
		for try := 0; try < probeTries; try++ {
			wait(ctx, now, probers)
		}
		for _, p := range probers {
			p.conclude()
		}
	}
	out := make([]PathMTU, len(paths))
	for i, p := range probers {
		p.m.Passed = p.low
		if p.high <= p.m.Size {
			p.m.Lost = p.high
		}
		if ctx.Err() != nil {
			p.m.Problem = "interrupted"
		}
		out[i] = p.m
	}
	return out
}

func (p *prober) open() (err error) {
	domain, protocol := unix.AF_INET, unix.IPPROTO_ICMP
	if p.m.Remote.Addr().Is6() {
		domain, protocol = unix.AF_INET6, unix.IPPROTO_ICMPV6
	}
	p.raw = domain == unix.AF_INET
	p.fd, err = unix.Socket(domain, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, protocol)
	if err != nil {
		p.raw = false
		p.fd, err = unix.Socket(domain, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, protocol)
	}
	if err != nil {
		return fmt.Errorf("open an ICMP socket: %w (needs CAP_NET_RAW)", err)
	}
	_, _ = rand.Read(p.cookie[:])
	return prepare(p.fd, netip.AddrPortFrom(p.m.Local.Addr(), 0), netip.AddrPortFrom(p.m.Remote.Addr(), 0))
}

// prepare connects a socket whose packets may not be fragmented, and that does not
// believe what the kernel has learned of the path before.
func prepare(fd int, local, remote netip.AddrPort) error {
	var err error
	if remote.Addr().Is6() {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_PROBE)
	} else {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_PROBE)
	}
	if err != nil {
		return fmt.Errorf("forbid fragments: %w", err)
	}
	if err := unix.Bind(fd, sockaddr(local)); err != nil {
		return fmt.Errorf("send from %s: %w", local.Addr(), err)
	}
	if err := unix.Connect(fd, sockaddr(remote)); err != nil {
		return fmt.Errorf("send to %s: %w", remote.Addr(), err)
	}
	return nil
}

func (p *prober) close() {
	if p.fd >= 0 {
		_ = unix.Close(p.fd)
	}
}

// next chooses the size of a round.
func (p *prober) next(round int) {
	switch {
	case p.m.Problem != "" || p.high-p.low <= 1 || round > 1 && p.low == 0:
		p.size = 0
		return
	case round == 0:
		p.size = p.m.Size
	case round == 1 && p.low == 0:
		p.size = smallProbe
	default:
		p.size = (p.low + p.high) / 2
	}
	p.waiting = true
}

// conclude notes what a round has shown.
func (p *prober) conclude() {
	switch {
	case p.size == 0:
	case p.waiting:
		p.high = p.size
	default:
		p.low = p.size
	}
	p.size, p.waiting = 0, false
}

// send sends an echo request of p.size bytes with its IP header.
func (p *prober) send() {
	header, kind := 20, byte(8)
	if p.m.Remote.Addr().Is6() {
		header, kind = 40, 128
	}
	b := make([]byte, p.size-header)
	p.seq++
	b[0] = kind
	binary.BigEndian.PutUint16(b[6:], p.seq)
	copy(b[8:], p.cookie[:])
	if kind == 8 { // the kernel sums up ICMPv6 by itself
		binary.BigEndian.PutUint16(b[2:], checksum(b))
	}
	// Larger than the interface's MTU: not sent, so not answered.
	_, _ = unix.Write(p.fd, b)
}

// receive reads what has arrived; an answer to this round ends the waiting.
func (p *prober) receive(b []byte) {
	for {
		n, err := unix.Read(p.fd, b)
		if err == unix.ECONNREFUSED || err == unix.EMSGSIZE {
			continue
		}
		if err != nil || n <= 0 {
			return
		}
		m := b[:n]
		if p.raw {
			m = m[min(len(m), int(m[0]&15)*4):]
		}
		reply := len(m) >= 16 && (m[0] == 0 || m[0] == 129)
		if reply && binary.BigEndian.Uint16(m[6:]) == p.seq && [8]byte(m[8:16]) == p.cookie {
			p.waiting = false
		}
	}
}

// wait sends what is under way once more, and waits for the answers.
func wait(ctx context.Context, now func() core.Instant, probers []*prober) {
	var poll []unix.PollFd
	var asked []*prober
	for _, p := range probers {
		if p.waiting {
			p.send()
			poll = append(poll, unix.PollFd{Fd: int32(p.fd), Events: unix.POLLIN})
			asked = append(asked, p)
		}
	}
	b := make([]byte, 1<<16)
	open := len(asked)
	for end := now().Add(probeWait); open > 0 && ctx.Err() == nil; {
		left := end.Sub(now())
		if left <= 0 {
			return
		}
		_, _ = unix.Poll(poll, int(min(left, pollMost).Milliseconds())+1)
		open = 0
		for i, p := range asked {
			p.receive(b)
			if !p.waiting {
				poll[i].Fd = -1
				continue
			}
			open++
		}
	}
}

// checksum is that of the Internet (RFC 1071).
func checksum(b []byte) uint16 {
	var sum uint32
	for ; len(b) >= 2; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}
