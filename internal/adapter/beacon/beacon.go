package beacon

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"stead/internal/core/clock"
)

// Options is what a Beacon has to know.
type Options struct {
	Self   string
	Other  string
	Keys   [][]byte      // the first signs, all are accepted; both sites have them
	Listen []string      // address:port where datagrams of the other site arrive; no address: all
	To     []string      // host:port of the other site, one for each path
	Every  time.Duration // the period: default 1 s. Heartbeats may be less or more frequent

	// Now is the boot clock.
	Now func() clock.Instant
	// Report takes each heartbeat that counts; nil: only sent. One call at a time. It
	// must return soon and may call Beat, but not Close.
	Report func(Heard)
	// Acked is called, with the number that Beat returned, when a heartbeat of this
	// site has counted at the other one; those before it may have been lost. As Report.
	Acked func(number uint64)
	// Trouble is called when sending to a path begins to fail, fails in another way or
	// works again (nil). It may be called by several goroutines; nil: nobody is told.
	Trouble func(to string, err error)
	// Lookup finds the addresses of a host; nil: the system's resolver.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
}

// Heard is a heartbeat of the other site.
type Heard struct {
	Payload []byte
	Run     uint64 // differs between processes of the other site
	Number  uint64 // grows within Run
	From    netip.AddrPort
	Listen  int // the place in Options.Listen by which it came first
}

// Counters count since Open.
type Counters struct {
	Sent       uint64 // datagrams, for each address of each path
	SendErrors uint64
	Received   uint64
	Heard      uint64 // heartbeats that counted
	Repeated   uint64 // heartbeats that had counted before: of another path, or sent again
	Stale      uint64 // heartbeats of who has not heard us lately: just started, or recorded before
	Malformed  uint64
	NotForUs   uint64 // from another site or to one
	BadTag     uint64
	Limited    uint64 // not looked at: too many from unknown sources
}

// Beacon is one end of the talk between two sites. Its methods may be called by
// several goroutines.
type Beacon struct {
	options Options
	listens []*listener
	paths   []*path
	wake    chan struct{}
	cancel  context.CancelFunc
	done    sync.WaitGroup

	receiving sync.Mutex // held while a datagram is taken in and reported

	mu      sync.Mutex
	session *session
	sealer  *sealer
	guard   guard
}

// Open binds the addresses and starts. An address that this machine does not have
// yet is no error: it may come.
func Open(options Options) (*Beacon, error) {
	if options.Every <= 0 {
		options.Every = time.Second
	}
	if err := options.check(); err != nil {
		return nil, err
	}
	b := &Beacon{
		options: options, wake: make(chan struct{}, 1), sealer: newSealer(options.Keys),
		session: newSession(options.Self, options.Other, options.Every, random),
	}
	if err := b.open(); err != nil {
		b.closeSockets()
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	b.cancel = cancel
	for i, l := range b.listens {
		b.done.Go(func() { b.receive(ctx, i, l) })
	}
	for _, p := range b.paths {
		b.done.Go(func() { b.sendTo(ctx, p) })
		if p.host != "" {
			b.done.Go(func() { b.resolve(ctx, p) })
		}
	}
	b.done.Go(func() { b.send(ctx) })
	return b, nil
}

func (o *Options) check() error {
	switch {
	case o.Self == "" || o.Other == "":
		return errors.New("heartbeats over the network: both sites need a name")
	case siteHash(o.Self) == siteHash(o.Other):
		return fmt.Errorf("heartbeats over the network: sites %q and %q are one on the wire: rename one", o.Self, o.Other)
	case len(o.Keys) == 0:
		return errors.New("heartbeats over the network: no key: they have to be authentic")
	case len(o.To) == 0:
		return errors.New("heartbeats over the network: nowhere to send to: the other site has to hear this one even where it only listens")
	case len(o.Listen) == 0:
		return errors.New("heartbeats over the network: nowhere to listen: the other site has to be heard even where it is only told")
	case o.Now == nil:
		return errors.New("heartbeats over the network: no clock")
	}
	return nil
}

// random returns a number that nobody can guess, never 0.
func random() uint64 {
	var b [8]byte
	for {
		_, _ = rand.Read(b[:]) // it does not fail
		if n := binary.NativeEndian.Uint64(b[:]); n != 0 {
			return n
		}
	}
}

// Beat sends a heartbeat, and again for two periods. It does not wait for the
// network. The number is that which Acked tells. The payload is copied; it is
// refused when it is longer than MaxPayload.
func (b *Beacon) Beat(payload []byte) (number uint64, err error) {
	if len(payload) > MaxPayload {
		return 0, fmt.Errorf("heartbeat over the network: %d bytes: at most %d fit", len(payload), MaxPayload)
	}
	now := b.options.Now()
	b.mu.Lock()
	b.session.tell(now, payload)
	number = b.session.beat
	b.mu.Unlock()
	b.hurry()
	return number, nil
}

// SetKeys replaces the keys: the first signs, all are accepted. There has to be one.
func (b *Beacon) SetKeys(keys [][]byte) error {
	if len(keys) == 0 {
		return errors.New("heartbeats over the network: no key")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sealer = newSealer(keys)
	return nil
}

// Counters returns what was counted so far.
func (b *Beacon) Counters() Counters {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.session.counters
}

// Close ends it. When it returns nothing is reported any more.
func (b *Beacon) Close() {
	b.cancel()
	b.closeSockets()
	b.done.Wait()
}

// hurry has the next datagram sent now.
func (b *Beacon) hurry() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// send composes a datagram each period, and when there is something to say.
func (b *Beacon) send(ctx context.Context) {
	ticker := time.NewTicker(b.options.Every)
	defer ticker.Stop()
	for {
		now := b.options.Now()
		b.mu.Lock()
		d := b.sealer.seal(b.session.compose(now, make([]byte, 0, maxDatagram)))
		b.mu.Unlock()
		for _, p := range b.paths {
			p.offer(d)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-b.wake:
		}
	}
}

// take takes in what has arrived.
func (b *Beacon) take(raw []byte, from netip.AddrPort, listen int) {
	b.receiving.Lock()
	defer b.receiving.Unlock()
	now := b.options.Now()
	d, o := b.judge(now, raw, from.Addr())
	if o.greet {
		b.hurry()
	}
	if o.acked && b.options.Acked != nil {
		b.options.Acked(d.Ack)
	}
	if o.heard && b.options.Report != nil {
		b.options.Report(Heard{Payload: bytes.Clone(d.Payload), Run: d.Run, Number: d.Beat, From: from, Listen: listen})
	}
}

// judge looks at a datagram, the cheapest things first.
func (b *Beacon) judge(now clock.Instant, raw []byte, from netip.Addr) (datagram, outcome) {
	known := b.isDestination(from)
	d, err := parse(raw)
	b.mu.Lock()
	defer b.mu.Unlock()
	counters := &b.session.counters
	counters.Received++
	switch {
	case err != nil:
		counters.Malformed++
	case d.Sender != b.session.other || d.Receiver != b.session.self:
		counters.NotForUs++
	case !b.guard.admit(now, from, known):
		counters.Limited++
	case b.sealer.verify(raw) != nil:
		counters.BadTag++
	default:
		b.guard.trust(from)
		return d, b.session.receive(now, &d)
	}
	return datagram{}, outcome{}
}

func (b *Beacon) isDestination(from netip.Addr) bool {
	for _, p := range b.paths {
		for _, to := range p.addresses() {
			if to.Addr() == from {
				return true
			}
		}
	}
	return false
}
