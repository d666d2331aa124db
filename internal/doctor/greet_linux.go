package doctor

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/core"
	"stead/internal/core/peer"
)

const (
	greetWait  = 300 * time.Millisecond
	greetTries = 3
)

// greet sends a heartbeat of this node's from the daemon's port, as one that has
// just started does. The other daemon answers with a challenge, and takes nothing
// in before that is met, which it never is.
func greet(ctx context.Context, now func() core.Instant, keys [][]byte, self string, p Path) (Greeting, error) {
	if len(keys) == 0 {
		return GreetNoKey, nil
	}
	domain := unix.AF_INET
	if p.Remote.Addr().Is6() {
		domain = unix.AF_INET6
	}
	fd, err := unix.Socket(domain, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return GreetNoWay, fmt.Errorf("open a socket: %w", err)
	}
	defer func() { _ = unix.Close(fd) }()
	if err := unix.Bind(fd, sockaddr(p.Local)); errors.Is(err, unix.EADDRINUSE) {
		return GreetBusy, nil
	} else if err != nil {
		return GreetNoWay, fmt.Errorf("send from %s: %w", p.Local, err)
	}
	// From now on: a daemon that starts meanwhile gets the port.
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	if err := unix.Connect(fd, sockaddr(p.Remote)); err != nil {
		return GreetNoWay, fmt.Errorf("send to %s: %w", p.Remote, err)
	}
	var random [8]byte
	_, _ = rand.Read(random[:])
	h := peer.Header{
		Path: uint8(p.Number), Sender: peer.NodeHash(self), Receiver: peer.NodeHash(p.Node),
		Inc: binary.BigEndian.Uint64(random[:]) | 1,
	}
	sealer := peer.NewSealer(keys)
	heard := GreetSilent
	for try := 0; try < greetTries && ctx.Err() == nil; try++ {
		h.Seq++
		b := sealer.Seal(h.Append(nil), 0)
		if _, err := unix.Write(fd, b); errors.Is(err, unix.ECONNREFUSED) {
			return GreetRefused, nil
		} else if err != nil {
			return GreetNoWay, fmt.Errorf("send to %s: %w", p.Remote, err)
		}
		g := answer(ctx, now, fd, sealer, h.Inc)
		if g == GreetAnswered || g == GreetRefused {
			return g, nil
		}
		heard = max(heard, g)
	}
	return heard, nil
}

// answer waits for an answer to the run with this incarnation. What the other
// daemon sends to the last run is noted.
func answer(ctx context.Context, now func() core.Instant, fd int, sealer *peer.Sealer, inc uint64) Greeting {
	b := make([]byte, peer.MaxPacket+1)
	poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	heard := GreetSilent
	for end := now().Add(greetWait); ctx.Err() == nil; {
		left := end.Sub(now())
		if left <= 0 {
			break
		}
		_, _ = unix.Poll(poll, int(min(left, pollMost).Milliseconds())+1)
		for range 64 { // bounded, so that a flood does not keep it from ending
			n, err := unix.Read(fd, b)
			if errors.Is(err, unix.ECONNREFUSED) {
				return GreetRefused
			}
			if err != nil {
				break
			}
			h, _, err := sealer.Open(b[:n])
			switch {
			case err != nil:
				heard = max(heard, GreetStrange)
			case h.EchoInc == inc:
				return GreetAnswered
			default:
				heard = max(heard, GreetHeard)
			}
		}
	}
	return heard
}
