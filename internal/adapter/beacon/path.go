package beacon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Bounds of looking up a name. One of a load balancer in a cloud changes its
// addresses while it is used.
const (
	lookupLimit  = 5 * time.Second
	lookupAgain  = 30 * time.Second
	lookupSoon   = time.Second // after one that failed, twice as long each time, and after an error of the path
	maxAddresses = 4           // of one name; datagrams go to each
)

// path is one way to the other site. What is slow or broken about one holds up no other.
type path struct {
	to     string
	host   string // to be looked up; empty: an address
	port   uint16
	v4, v6 *net.UDPConn
	owned  []*net.UDPConn // not a listener's
	next   chan []byte    // the newest datagram
	broken chan struct{}  // sending has failed: the addresses may be others now
	at     atomic.Pointer[[]netip.AddrPort]

	trouble       string // as last told
	lookupTrouble atomic.Pointer[error]
}

func newPath(to string) (*path, error) {
	host, text, err := net.SplitHostPort(to)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		return nil, fmt.Errorf("port %q is not in 1–65535", text)
	}
	if host == "" {
		return nil, errors.New("no host")
	}
	p := &path{to: to, host: host, port: uint16(port), next: make(chan []byte, 1), broken: make(chan struct{}, 1)}
	p.at.Store(&[]netip.AddrPort{})
	if addr, err := netip.ParseAddr(host); err == nil {
		p.host = ""
		p.set([]netip.Addr{addr})
	}
	return p, nil
}

// wants tells whether datagrams may go to addresses of the family.
func (p *path) wants(v4 bool) bool {
	return p.host != "" || p.addresses()[0].Addr().Is4() == v4
}

// own makes a socket that only sends, nil where the machine has none of the kind.
func (p *path) own(network string) *net.UDPConn {
	conn, err := bind(network, ":0", 0)
	if err != nil {
		return nil
	}
	_ = conn.SetReadBuffer(1) // nobody reads it
	p.owned = append(p.owned, conn)
	return conn
}

func (p *path) addresses() []netip.AddrPort { return *p.at.Load() }

// set makes these the addresses, and tells whether they are others than before.
func (p *path) set(found []netip.Addr) bool {
	at := make([]netip.AddrPort, 0, maxAddresses)
	for _, a := range found[:min(len(found), maxAddresses)] {
		at = append(at, netip.AddrPortFrom(a.Unmap(), p.port))
	}
	return !slices.Equal(*p.at.Swap(&at), at)
}

// offer makes d what is sent next. It replaces one that the path has not sent yet.
func (p *path) offer(d []byte) {
	for {
		select {
		case p.next <- d:
			return
		default:
		}
		select {
		case <-p.next:
		default:
		}
	}
}

// sendTo sends what a path is offered.
func (b *Beacon) sendTo(ctx context.Context, p *path) {
	for {
		select {
		case <-ctx.Done():
			return
		case d := <-p.next:
			sent, err := p.send(d)
			if ctx.Err() != nil {
				return
			}
			b.account(p, sent, err)
		}
	}
}

// send sends to each address of the path. An error is that of the last one that failed.
func (p *path) send(d []byte) (sent int, err error) {
	at := p.addresses()
	if len(at) == 0 {
		if lookup := p.lookupTrouble.Load(); lookup != nil {
			return 0, *lookup
		}
		return 0, nil // the name is being looked up for the first time
	}
	for _, to := range at {
		conn := p.v6
		if to.Addr().Is4() {
			conn = p.v4
		}
		if conn == nil {
			err = fmt.Errorf("%s: %w", to, unix.EAFNOSUPPORT)
			continue
		}
		if _, sendErr := conn.WriteToUDPAddrPort(d, to); sendErr != nil {
			err = sendErr
			continue
		}
		sent++
	}
	return sent, err
}

// account counts, and tells what has changed about a path.
func (b *Beacon) account(p *path, sent int, err error) {
	b.mu.Lock()
	b.session.counters.Sent += uint64(sent)
	if err != nil {
		b.session.counters.SendErrors++
	}
	b.mu.Unlock()
	text := ""
	if err != nil {
		text = err.Error()
		if len(p.addresses()) > 0 {
			select {
			case p.broken <- struct{}{}:
			default:
			}
		}
	}
	if text == p.trouble {
		return
	}
	p.trouble = text
	if b.options.Trouble != nil {
		b.options.Trouble(p.to, err)
	}
}

// resolve keeps the addresses of a path up to date. Those that were found stay
// until others are.
func (b *Beacon) resolve(ctx context.Context, p *path) {
	lookup := b.options.Lookup
	if lookup == nil {
		lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	for retry := lookupSoon; ; {
		limited, cancel := context.WithTimeout(ctx, lookupLimit)
		found, err := lookup(limited, p.host)
		cancel()
		if err == nil && len(found) == 0 {
			err = fmt.Errorf("look up %s: no addresses", p.host)
		}
		if err != nil {
			p.lookupTrouble.Store(&err)
			if !pause(ctx, retry) {
				return
			}
			retry = min(2*retry, lookupAgain)
			continue
		}
		if p.set(found) {
			retry = lookupSoon
			b.hurry()
		}
		p.lookupTrouble.Store(nil)
		if !pause(ctx, retry) {
			return
		}
		switch p.untilBroken(ctx, lookupAgain-retry) {
		case ended:
			return
		case failing:
			retry = min(2*retry, lookupAgain)
		case quiet:
			retry = lookupSoon
		}
	}
}

// pathState is how a path was for a while.
type pathState uint8

const (
	ended pathState = iota
	failing
	quiet
)

// untilBroken waits for a time, or until sending fails.
func (p *path) untilBroken(ctx context.Context, d time.Duration) pathState {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ended
	case <-p.broken:
		return failing
	case <-timer.C:
		return quiet
	}
}
