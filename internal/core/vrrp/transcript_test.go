package vrrp

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"stead/internal/core/reason"
	"stead/internal/transcript"
)

// The transcripts in testdata read like the report of an incident: a line at the
// margin is done to the routers on a virtual wire, the indented lines below it are
// what they do. -rewrite regenerates those; the diff is to be read. Lines that
// begin with "expect" hold whatever -rewrite writes. Advertisements are shown but
// for those of a regular row. "answers" is what clients see: whose fence is open.
func TestTranscripts(t *testing.T) { transcript.Files(t, 10, play) }

func play(t *testing.T, text string) string {
	w := newWire(t)
	return transcript.Play(t, text, &w.out, w.obey)
}

// obey does what a line of a transcript says.
func (w *wire) obey(words []string) error {
	verb, args := words[0], words[1:]
	switch verb {
	case "router":
		return w.add(args)
	case "run", "settle":
		d, err := time.ParseDuration(args[0])
		w.silent = verb == "settle"
		w.run(d)
		w.silent = false
		return err
	case "cut", "mend":
		w.cuts[[2]string{args[0], args[1]}] = verb == "cut"
		if len(args) < 3 { // else one way
			w.cuts[[2]string{args[1], args[0]}] = verb == "cut"
		}
		return nil
	case "expect":
		return w.expect(args[0], strings.Join(args[1:], " "))
	case "start":
		w.start(w.station(args[0]))
		return nil
	}
	return w.order(verb, w.station(args[0]), args[1:])
}

// order tells a router something.
func (w *wire) order(verb string, s *station, args []string) error {
	orders := map[string]func(r *Router){
		"fail":       func(r *Router) { r.SetReady(w.now, false, reason.CheckFailed, s.priority) },
		"recover":    func(r *Router) { r.SetReady(w.now, true, reason.None, s.priority) },
		"drain":      func(r *Router) { r.SetDrained(w.now, true, reason.Drained) },
		"resume":     func(r *Router) { r.SetDrained(w.now, false, reason.Resumed); r.Resume(w.now) },
		"stop":       func(r *Router) { r.Stop(w.now, false, reason.Stopping) },
		"abort":      func(r *Router) { r.Stop(w.now, true, reason.Stopping) },
		"switchover": func(r *Router) { r.Switchover(w.now) },
		"lost":       func(r *Router) { r.Silent(w.now, w.station(args[0]).addr) },
		"interval":   func(r *Router) { r.Reconfigure(w.now, s.cfg) },
	}
	switch verb {
	case "freeze":
		s.frozen = true
	case "kill":
		s.killed = true
	case "thaw":
		w.thaw(s)
	case "priority":
		s.priority, _ = strconv.Atoi(args[0])
		w.do(s, orders["recover"])
	case "address":
		s.addr = netip.MustParseAddr(args[0])
		w.do(s, func(r *Router) { r.SetSource(w.now, s.addr) })
	case "interval":
		cfg := *s.cfg
		cfg.Interval, _ = time.ParseDuration(args[0])
		s.cfg, s.reader = &cfg, NewCodec(&cfg)
		w.do(s, orders[verb])
	default:
		if orders[verb] == nil {
			return fmt.Errorf("no such line")
		}
		w.do(s, orders[verb])
	}
	return nil
}

func (w *wire) expect(what, want string) error {
	got := w.answers
	if what != "answers" {
		st := w.station(what).r.State(w.now)
		got = st.Role.String()
	}
	if got != want {
		return fmt.Errorf("it is %s", got)
	}
	return nil
}

// add makes a router: name, address, priority, and what differs from the defaults.
func (w *wire) add(args []string) error {
	s := &station{name: args[0], cfg: standard(), addr: netip.MustParseAddr(args[1]), killed: true}
	if s.addr.Is6() {
		s.cfg.Addresses, s.cfg.To = []netip.Addr{netip.MustParseAddr("fe80::100")}, []netip.Addr{allRouters6}
	}
	for _, arg := range args[2:] {
		key, value, _ := strings.Cut(arg, "=")
		if err := s.set(key, value); err != nil {
			return fmt.Errorf("%s: %w", arg, err)
		}
	}
	w.stations = append(w.stations, s)
	return nil
}

func (s *station) set(key, value string) error {
	d, notTime := time.ParseDuration(value)
	n, notNumber := strconv.Atoi(value)
	switch key {
	case "priority":
		s.priority = n
		return notNumber
	case "version":
		s.cfg.Version = n
		return notNumber
	case "interval":
		s.cfg.Interval = d
		return notTime
	case "preempt-delay":
		s.cfg.PreemptDelay = d
		return notTime
	case "start-delay":
		s.cfg.StartDelay = d
		return notTime
	case "preempt":
		s.cfg.Preempt = value != "off"
	case "heartbeats":
		s.cfg.Detector = Detector{Interval: d, Lease: 3 * d}
		return notTime
	case "unicast":
		s.cfg.Unicast, s.cfg.To = true, nil
		for _, a := range strings.Split(value, ",") {
			s.cfg.To = append(s.cfg.To, netip.MustParseAddr(a))
		}
		s.cfg.Peers = s.cfg.To
	default:
		return fmt.Errorf("no such setting")
	}
	return nil
}
