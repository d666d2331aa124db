package bgp

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"

	"stead/internal/core/clock"
)

// pair is two Sessions that talk to each other over pipes that lose nothing and
// keep the order, until they break.
type pair struct {
	t     *testing.T
	now   Instant
	sides [2]*side
	queue []happening // in the order of time
	cut   bool        // packets wait, as TCP's do
	held  []func()    // that wait
	pipes []*pipe
	log   []string
}

// side is a Session with its host.
type side struct {
	name   string
	cfg    Config
	s      *Session
	paths  []Path
	last   Conn // incoming
	ends   map[Conn]*pipeEnd
	hungup map[Conn]bool
	frozen bool
	waits  []func()
	refuse bool
}

// pipe is a connection between the two.
type pipe struct {
	ends    [2]*pipeEnd
	latency time.Duration
}

type pipeEnd struct {
	conn Conn
	open bool // the host knows the connection
	in   *ribIn
}

func newPair(t *testing.T, adapt func(a, b *Config)) *pair {
	p := &pair{t: t, now: boot}
	a := Config{
		LocalAS: 65001, PeerAS: 65002, RouterID: localAddr, Peer: remoteAddr, HoldTime: 9 * time.Second,
		Retry: time.Second, MaxRetry: 30 * time.Second, IPv4: true, Seed: 1,
	}
	b := a
	b.LocalAS, b.PeerAS, b.RouterID, b.Peer, b.Seed = 65002, 65001, remoteAddr, localAddr, 2
	adapt(&a, &b)
	for i, cfg := range []Config{a, b} {
		p.sides[i] = &side{name: string(rune('a' + i)), cfg: cfg, last: FirstIncoming}
		p.sides[i].boot()
	}
	return p
}

// boot makes a Session that knows nothing, on a host that knows no connection.
func (d *side) boot() {
	d.s = New(d.cfg)
	d.s.last = d.last - FirstIncoming // a number names a connection once, also here
	d.ends, d.hungup = map[Conn]*pipeEnd{}, map[Conn]bool{}
	d.waits, d.frozen = nil, false
}

func (p *pair) after(wait time.Duration, do func()) {
	h := happening{p.now.Add(wait), do}
	i := len(p.queue)
	for i > 0 && p.queue[i-1].at > h.at {
		i--
	}
	p.queue = slices.Insert(p.queue, i, h)
}

// over brings something over the wire.
func (p *pair) over(latency time.Duration, do func()) {
	p.after(latency, func() {
		if p.cut {
			p.held = append(p.held, do)
			return
		}
		do()
	})
}

// do runs a step of a Session of a side that has not started anew since.
func (p *pair) do(d *side, input func(s *Session)) {
	p.t.Helper()
	if d.frozen {
		s := d.s
		d.waits = append(d.waits, func() {
			if d.s == s {
				p.do(d, input)
			}
		})
		return
	}
	d.s.Begin(p.now)
	input(d.s)
	if p.now >= d.s.Deadline() {
		d.s.Tick(p.now)
	}
	out := d.s.Finish(p.now)
	p.check(d)
	for _, c := range out.Changes {
		p.log = append(p.log, fmt.Sprintf("%v %s %s", p.now.Sub(boot), d.name, describeChange(c)))
	}
	for _, w := range slices.Concat(out.Retracts, out.Writes) {
		p.write(d, w)
	}
	for _, conn := range out.Hangups {
		p.hangup(d, conn)
	}
	for _, conn := range out.Dials {
		p.dial(d, conn)
	}
}

// check looks at what has to hold after every step.
func (p *pair) check(d *side) {
	p.t.Helper()
	if d.s.ours.state == EstablishedState && d.s.theirs.state == EstablishedState {
		p.t.Fatalf("%s has two established connections\n%s", d.name, p.log)
	}
	if d.s.Deadline() <= p.now {
		p.t.Fatalf("%s has the deadline %v at %v\n%s", d.name, d.s.Deadline().Sub(boot), p.now.Sub(boot), p.log)
	}
	if st := d.s.Status(p.now); st.Unsent && st.State != EstablishedState && d.s.rib.leaving == noLeaving {
		p.t.Fatalf("%s waits for something to be sent without a connection\n%s", d.name, p.log)
	}
}

func (p *pair) other(d *side) *side {
	if d == p.sides[0] {
		return p.sides[1]
	}
	return p.sides[0]
}

// end returns a pipe and which end of it a side has by this name.
func (p *pair) end(d *side, conn Conn) (*pipe, *pipeEnd, *pipeEnd) {
	mine := d.ends[conn]
	for _, pp := range p.pipes {
		switch mine {
		case nil:
		case pp.ends[0]:
			return pp, mine, pp.ends[1]
		case pp.ends[1]:
			return pp, mine, pp.ends[0]
		}
	}
	return nil, nil, nil
}

func (p *pair) dial(d *side, conn Conn) {
	if d.hungup[conn] || d.ends[conn] != nil {
		p.t.Fatalf("%s used %s again", d.name, connName(conn))
	}
	d.last++
	peer := p.other(d)
	pp := &pipe{latency: time.Duration(1+len(p.pipes)*7%40) * time.Millisecond}
	pp.ends[0], pp.ends[1] = &pipeEnd{conn: conn, open: true}, &pipeEnd{}
	p.pipes = append(p.pipes, pp)
	d.ends[conn] = pp.ends[0]
	p.after(pp.latency, func() {
		switch {
		case p.cut: // the SYN is lost
		case peer.refuse || !peer.s.started:
			p.closed(d, pp, pp.ends[0], "connection refused")
		default:
			peer.last++
			pp.ends[1].conn, pp.ends[1].open = peer.last, true
			peer.ends[peer.last] = pp.ends[1]
			p.over(pp.latency, func() {
				if pp.ends[0].open {
					p.do(d, func(s *Session) { s.Opened(p.now, conn, d.cfg.RouterID) })
				}
			})
			p.do(peer, func(s *Session) { s.Opened(p.now, pp.ends[1].conn, peer.cfg.RouterID) })
		}
	})
}

// closed tells a side that its end of a pipe is closed.
func (p *pair) closed(d *side, pp *pipe, e *pipeEnd, detail string) {
	s := d.s
	p.over(pp.latency, func() {
		if e.open && d.s == s {
			e.open = false
			p.do(d, func(s *Session) { s.Closed(p.now, e.conn, detail) })
		}
	})
}

func (p *pair) hangup(d *side, conn Conn) {
	d.hungup[conn] = true
	if pp, mine, theirs := p.end(d, conn); pp != nil {
		mine.open = false
		p.closed(p.other(d), pp, theirs, "EOF")
	}
}

// write carries messages, and tells that the kernel took them.
func (p *pair) write(d *side, w Write) {
	p.t.Helper()
	if d.hungup[w.Conn] {
		p.t.Fatalf("%s wrote to %s after hanging it up\n%s", d.name, connName(w.Conn), p.log)
	}
	messages := split(p.t, w.Bytes)
	n := len(w.Bytes)
	pp, mine, theirs := p.end(d, w.Conn)
	if pp == nil || !mine.open {
		return
	}
	s := d.s
	p.after(time.Microsecond, func() {
		if d.s == s {
			p.do(d, func(s *Session) { s.Sent(p.now, w.Conn, n) })
		}
	})
	p.over(pp.latency, func() {
		if !theirs.open {
			p.closed(d, pp, mine, "connection reset by peer")
			return
		}
		for _, m := range messages {
			p.arrive(p.other(d), theirs, m)
		}
	})
}

// arrive hands a message to a side. UPDATEs are read here; the Session counts them.
func (p *pair) arrive(d *side, e *pipeEnd, m []byte) {
	p.t.Helper()
	if MessageType(m[18]) != TypeUpdate {
		p.do(d, func(s *Session) { s.Receive(p.now, e.conn, m) })
		return
	}
	if e.in == nil {
		e.in = newRIBIn(p.t, true)
	}
	e.in.take(m)
	p.do(d, func(s *Session) { s.Updates(p.now, e.conn, 1) })
}

// run lets time pass.
func (p *pair) run(d time.Duration) {
	p.t.Helper()
	end := p.now.Add(d)
	for range 1000000 {
		next, who := clock.Never, (*side)(nil)
		for _, d := range p.sides {
			if !d.frozen && d.s.Deadline() < next {
				next, who = d.s.Deadline(), d
			}
		}
		switch {
		case len(p.queue) > 0 && p.queue[0].at <= min(next, end):
			h := p.queue[0]
			p.queue = p.queue[1:]
			p.now = max(p.now, h.at)
			h.do()
		case next <= end:
			p.now = max(p.now, next)
			p.do(who, func(*Session) {})
		default:
			p.now = end
			return
		}
	}
	p.t.Fatalf("time does not pass\n%s", p.log)
}

// heal mends everything.
func (p *pair) heal() {
	p.cut = false
	held := p.held
	p.held = nil
	for _, do := range held {
		p.after(0, do)
	}
	for _, d := range p.sides {
		d.refuse = false
		p.thaw(d)
		p.do(d, func(s *Session) {
			s.Start(p.now)
			s.BFD(p.now, true, false)
			s.Announce(p.now, d.paths)
		})
	}
}

func (p *pair) thaw(d *side) {
	if !d.frozen {
		return
	}
	d.frozen = false
	waits := d.waits
	d.waits = nil
	p.do(d, func(*Session) {})
	for _, input := range waits {
		input()
	}
}

// converged checks that there is one session and that each has what the other one announces.
func (p *pair) converged() {
	p.t.Helper()
	a, b := p.sides[0].s.established(), p.sides[1].s.established()
	if a == nil || b == nil {
		p.t.Fatalf("the sessions are %v and %v\n%s", p.sides[0].s.current(), p.sides[1].s.current(), p.log)
	}
	for i, d := range p.sides {
		peer := p.sides[1-i]
		_, _, far := p.end(d, d.s.established().conn)
		if far == nil || far.conn != peer.s.established().conn {
			p.t.Fatalf("%s has a session that %s does not have\n%s", d.name, peer.name, p.log)
		}
		got := slices.SortedFunc(maps.Keys(far.in.paths), netip.Prefix.Compare)
		var want []netip.Prefix
		for _, path := range d.paths {
			want = append(want, path.Prefix)
			if hops := len(splitPath(far.in.paths[path.Prefix])); hops != 1+path.Prepend {
				p.t.Fatalf("%s has %s %s, want %d hops\n%s", peer.name, path.Prefix, far.in.paths[path.Prefix], 1+path.Prepend, p.log)
			}
		}
		if !slices.Equal(got, want) {
			p.t.Fatalf("%s announces %v, %s has %v\n%s", d.name, want, peer.name, got, p.log)
		}
		if st := d.s.Status(p.now); st.Unsent || len(st.Paths) != len(want) {
			p.t.Fatalf("%s: unsent %v, %d paths\n%s", d.name, st.Unsent, len(st.Paths), p.log)
		}
	}
}
