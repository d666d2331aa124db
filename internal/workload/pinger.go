package workload

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"stead/internal/core/clock"
)

// Proto is what the requests are sent over.
type Proto string

// The protocols of the workload.
const (
	UDP  Proto = "udp"
	HTTP Proto = "http"
)

// The limits of a client.
const (
	MinInterval = 100 * time.Microsecond
	MaxTimeout  = time.Minute
	MaxFlows    = 256
)

// Options are how a Pinger asks.
type Options struct {
	Target   netip.AddrPort
	Proto    Proto
	Interval time.Duration // between requests, MinInterval or more
	Timeout  time.Duration // an answer that takes longer is a loss, up to MaxTimeout
	Count    int           // of requests; 0: until the context ends, at most MaxRequests
	Flows    int           // sockets that take turns, so that routers that share the load by flow see several; 0: one. UDP only
	Realtime bool          // ask for real-time priority; see Pinger.Realtime
}

// Check tells what is wrong with the options, or nil.
func (o *Options) Check() error {
	switch {
	case !o.Target.IsValid():
		return errors.New("target: not an address and a port, such as 192.168.0.200:3000")
	case o.Proto != UDP && o.Proto != HTTP:
		return fmt.Errorf("proto %q: choose udp or http", o.Proto)
	case o.Interval < MinInterval:
		return fmt.Errorf("interval %v: the shortest is %v", o.Interval, MinInterval)
	case o.Timeout <= 0 || o.Timeout > MaxTimeout:
		return fmt.Errorf("timeout %v: choose more than 0 and at most %v", o.Timeout, MaxTimeout)
	case o.Count < 0 || o.Count > MaxRequests:
		return fmt.Errorf("count %d: choose 0 to %d", o.Count, MaxRequests)
	case o.Flows < 0 || o.Flows > MaxFlows || o.Flows > 1 && o.Proto != UDP:
		return fmt.Errorf("flows %d: choose 1 to %d, and udp", o.Flows, MaxFlows)
	}
	return nil
}

// asker sends request number seq and sees to it that its answers are recorded.
// It must not wait for them.
type asker interface {
	ask(seq uint64)
	// drain waits for answers under way, at most for the timeout, and lets go of everything.
	drain()
}

// Pinger asks a target at a fixed rate. Its samples may be read while it runs.
type Pinger struct {
	opt      Options
	hist     history
	asker    asker
	realtime atomic.Bool
}

// NewPinger makes a client. Over UDP its socket belongs to the network namespace
// of the calling thread, and Run may be called from any; over HTTP each request
// opens a connection in the namespace of the process.
func NewPinger(opt Options) (*Pinger, error) {
	if err := opt.Check(); err != nil {
		return nil, err
	}
	p := &Pinger{opt: opt}
	var err error
	if opt.Proto == UDP {
		p.asker, err = newUDPAsker(opt, &p.hist)
	} else {
		p.asker = newHTTPAsker(opt, &p.hist)
	}
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", opt.Target, err)
	}
	return p, nil
}

// Run asks until the count is reached, the context ends or MaxRequests were
// sent; then it waits for answers under way. It may be called once.
func (p *Pinger) Run(ctx context.Context) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.realtime.Store(lockThread(p.opt.Realtime))
		p.askAll(ctx)
	}()
	<-done
	p.asker.drain()
}

func (p *Pinger) askAll(ctx context.Context) {
	next := Now()
	for n := 0; (p.opt.Count == 0 || n < p.opt.Count) && ctx.Err() == nil; n++ {
		sleepUntil(next)
		now := Now()
		seq, ok := p.hist.add(now)
		if !ok {
			return
		}
		p.asker.ask(seq)
		// A client that was held up does not send what it missed in one burst:
		// it goes on with the next moment of its schedule.
		next = next.Add(p.opt.Interval)
		if behind := now.Sub(next); behind > 0 {
			next = next.Add(behind - behind%p.opt.Interval)
		}
	}
}

// Realtime tells whether the sending thread has real-time priority.
func (p *Pinger) Realtime() bool { return p.realtime.Load() }

// Samples copies what was sent at or after from and before to. A request whose
// timeout has not passed may still be answered.
func (p *Pinger) Samples(from, to clock.Instant) []Sample { return p.hist.between(from, to) }

// All copies all samples.
func (p *Pinger) All() []Sample { return p.hist.since(0) }
