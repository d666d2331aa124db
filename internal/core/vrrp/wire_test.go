package vrrp

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"stead/internal/core/clock"
	"stead/internal/core/reason"
)

// delay is how long a packet is under way.
const delay = 100 * time.Microsecond

// wire is a virtual LAN with Routers on it.
type wire struct {
	t        *testing.T
	now      Instant
	stations []*station
	inFlight []frame
	cuts     map[[2]string]bool // from one to another
	answers  string             // who answers for the addresses
	silent   bool
	out      []string
}

// station is a Router on the wire, with the fence of its host.
type station struct {
	name     string
	cfg      *Config
	addr     netip.Addr
	priority int
	r        *Router
	reader   *Codec
	slot     Slot
	frozen   bool
	killed   bool
	waiting  []frame // in the socket of a frozen one
	lastSent struct {
		at       Instant
		priority uint8
	}
}

// frame is a packet under way.
type frame struct {
	at     Instant
	to     *station
	packet Packet
}

func newWire(t *testing.T) *wire {
	return &wire{t: t, now: boot, cuts: map[[2]string]bool{}, answers: "nobody"}
}

func (w *wire) say(format string, args ...any) {
	if !w.silent {
		w.out = append(w.out, fmt.Sprintf("%14s  ", fmt.Sprintf("%.6fs", w.now.Sub(boot).Seconds()))+fmt.Sprintf(format, args...))
	}
}

func (w *wire) station(name string) *station {
	for _, s := range w.stations {
		if s.name == name {
			return s
		}
	}
	w.t.Fatalf("no router %q", name)
	return nil
}

// do runs a step of a router; a Tick comes with every one, as in the engine when
// no other input waits.
func (w *wire) do(s *station, input func(r *Router)) {
	if s.frozen || s.killed {
		w.t.Fatalf("%s does not run", s.name)
	}
	s.r.Begin(w.now)
	input(s.r)
	s.r.Tick(w.now)
	w.carryOut(s, s.r.Finish(w.now))
	w.watch()
}

func (w *wire) carryOut(s *station, out *Out) {
	for _, slot := range out.Slots {
		s.slot = slot
	}
	for _, c := range out.Changes {
		line := s.name + " " + describe(c)
		if c.Kind == Activated {
			line += fmt.Sprintf(" (%d)", c.Count)
		}
		w.say("%s", line)
	}
	for i := range out.Sends {
		w.transmit(s, &out.Sends[i])
	}
}

// transmit tells of an advertisement unless it is one of a regular row, and
// brings it to the others.
func (w *wire) transmit(s *station, send *Send) {
	ad, refusal := s.reader.Decode(w.now, &Packet{Source: send.From, Destination: send.To, TTL: TTL, Bytes: send.Bytes})
	if refusal != Accepted {
		w.t.Fatalf("%s sends what is refused: %v", s.name, refusal)
	}
	last := &s.lastSent
	copied := w.now == last.at && ad.Priority == last.priority // to another router
	if !copied && (ad.Priority != last.priority || w.now.Sub(last.at) != s.cfg.Interval) {
		w.say("%s sends priority %d", s.name, ad.Priority)
	}
	last.at, last.priority = w.now, ad.Priority
	for _, to := range w.stations {
		if to == s || w.cuts[[2]string{s.name, to.name}] || to.killed || send.To != to.addr && !send.To.IsMulticast() {
			continue
		}
		w.inFlight = append(w.inFlight, frame{w.now.Add(delay), to, Packet{send.From, send.To, TTL, slices.Clone(send.Bytes)}})
	}
}

func (w *wire) deliver(f frame) {
	switch {
	case f.to.killed:
	case f.to.frozen:
		f.to.waiting = append(f.to.waiting, f)
	default:
		w.do(f.to, func(r *Router) { r.Receive(w.now, &f.packet) })
	}
}

// next is when something happens.
func (w *wire) next() Instant {
	at := clock.Never
	if len(w.inFlight) > 0 {
		at = w.inFlight[0].at
	}
	for _, s := range w.stations {
		if !s.frozen && !s.killed {
			at = min(at, s.r.Deadline())
		}
		if s.slot.Answer > w.now {
			at = min(at, s.slot.Answer)
		}
	}
	return at
}

func (w *wire) run(d time.Duration) {
	end := w.now.Add(d)
	for n := 0; w.next() <= end; n++ {
		if n > 1000000 {
			w.t.Fatal("time stands still")
		}
		w.now = max(w.now, w.next())
		w.event()
	}
	w.now = end
}

func (w *wire) event() {
	for len(w.inFlight) > 0 && w.inFlight[0].at <= w.now {
		f := w.inFlight[0]
		w.inFlight = w.inFlight[1:]
		w.deliver(f)
	}
	for _, s := range w.stations {
		if !s.frozen && !s.killed && s.r.Deadline() <= w.now {
			w.do(s, func(*Router) {})
		}
	}
	w.watch()
}

// watch tells who answers for the addresses: whose fence is open, whatever has
// become of the daemon.
func (w *wire) watch() {
	var open []string
	for _, s := range w.stations {
		if s.slot.Answer > w.now {
			open = append(open, s.name)
		}
	}
	answers := strings.Join(open, ", ")
	if answers == "" {
		answers = "nobody"
	}
	if answers != w.answers {
		w.answers = answers
		verb := "answers"
		if len(open) > 1 {
			verb = "answer"
		}
		w.say("%s %s", answers, verb)
	}
}

func (w *wire) start(s *station) {
	s.slot, s.frozen, s.killed, s.waiting = Slot{}, false, false, nil
	s.r, s.reader = New(s.cfg), stationReader(s)
	w.do(s, func(r *Router) {
		r.Start(w.now)
		r.SetSource(w.now, s.addr)
		r.SetReady(w.now, true, reason.None, s.priority)
	})
}

func stationReader(s *station) *Codec {
	other := *s.cfg
	other.Peers = []netip.Addr{s.addr}
	return NewCodec(&other)
}

// thaw lets a frozen router run on: it takes what waits before its own timers.
func (w *wire) thaw(s *station) {
	s.frozen = false
	waiting := s.waiting
	s.waiting = nil
	for _, f := range waiting {
		s.r.Begin(w.now)
		s.r.Receive(w.now, &f.packet)
		w.carryOut(s, s.r.Finish(w.now))
	}
	w.do(s, func(*Router) {})
}
