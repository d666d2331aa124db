package bgp

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"stead/internal/transcript"
)

// The transcripts in testdata read like the report of an incident: a line at the
// margin is done to a session or to its peer, the indented lines below it are what
// the session does and what the peer learns. -rewrite regenerates those; the diff is
// to be read. Lines that begin with "expect" hold whatever -rewrite writes. What
// happens during "settle" is not shown.
func TestTranscripts(t *testing.T) { transcript.Files(t, 15, play) }

func play(t *testing.T, text string) string {
	w := newWorld(t)
	return transcript.Play(t, text, &w.out, func(words []string) error { return w.obey(words[0], words[1:]) })
}

// obey does what a line of a transcript says.
func (w *world) obey(verb string, args []string) error {
	switch verb {
	case "session", "reconfigure":
		if verb == "session" && w.s != nil {
			return fmt.Errorf("there is a session already")
		}
		for _, arg := range args {
			if err := w.set(arg); err != nil {
				return err
			}
		}
		if verb == "reconfigure" {
			w.do(func(s *Session) { s.Reconfigure(w.now, w.cfg) })
		}
		return nil
	case "run", "settle":
		d, err := time.ParseDuration(args[0])
		w.silent = verb == "settle"
		w.run(d)
		w.silent = false
		return err
	case "announce":
		return w.announce(args)
	case "peer":
		return w.peer(args[0], args[1:])
	case "expect":
		return w.expect(args)
	}
	return w.order(verb, args)
}

// order tells the session something.
func (w *world) order(verb string, args []string) error {
	text := strings.Join(args, " ")
	orders := map[string]func(s *Session){
		"start": func(s *Session) { s.Start(w.now) },
		"stop":  func(s *Session) { s.Announce(w.now, nil); s.Stop(w.now, Cease(AdministrativeShutdown, text)) },
		"reset": func(s *Session) { s.Reset(w.now, Cease(AdministrativeReset, text)) },
		"bfd":   func(s *Session) { s.BFD(w.now, text == "up", text == "admin") },
	}
	switch verb {
	case "freeze":
		w.frozen = true
		return nil
	case "thaw":
		return w.thaw(text)
	case "clog":
		w.stuck = true
		return nil
	}
	if orders[verb] == nil {
		return fmt.Errorf("no such line")
	}
	w.do(orders[verb])
	return nil
}

// thaw lets the session's host run again. What has arrived meanwhile is read after
// the session has found out that it is late.
func (w *world) thaw(string) error {
	w.frozen = false
	waits := w.waits
	w.waits = nil
	w.do(func(*Session) {})
	for _, input := range waits {
		input()
	}
	return nil
}

// set changes the configuration.
func (w *world) set(arg string) error {
	key, value, _ := strings.Cut(arg, "=")
	d, notTime := time.ParseDuration(value)
	n, notNumber := strconv.ParseUint(value, 10, 32)
	switch key {
	case "as":
		w.cfg.LocalAS = uint32(n)
		return notNumber
	case "peer-as":
		w.cfg.PeerAS = uint32(n)
		return notNumber
	case "hold":
		w.cfg.HoldTime = d
		return notTime
	case "retry":
		w.cfg.Retry = d
		return notTime
	case "passive":
		w.cfg.Passive = value == "yes"
	case "families":
		w.cfg.IPv4, w.cfg.IPv6 = strings.Contains(value, "4"), strings.Contains(value, "6")
	case "wait-for-bfd":
		w.cfg.WaitForBFD = value == "yes"
	case "next-hop-6":
		w.cfg.NextHop6 = netip.MustParseAddr(value)
	case "id":
		w.cfg.RouterID = netip.MustParseAddr(value)
	default:
		return fmt.Errorf("%s: no such setting", arg)
	}
	return nil
}

// announce adds a path with "announce 192.0.2.10/32 prepend=2", and takes one away
// with "announce -192.0.2.10/32".
func (w *world) announce(args []string) error {
	name, gone := strings.CutPrefix(args[0], "-")
	p := Path{Prefix: netip.MustParsePrefix(name), LocalPref: 100}
	for _, arg := range args[1:] {
		key, value, _ := strings.Cut(arg, "=")
		n, err := strconv.Atoi(value)
		switch key {
		case "prepend":
			p.Prepend = n
		case "med":
			p.MED, p.HasMED = uint32(n), true
		case "graceful":
			p.Communities, err = []Community{GracefulShutdown}, nil
		default:
			return fmt.Errorf("%s: no such attribute", arg)
		}
		if err != nil {
			return err
		}
	}
	w.paths = slices.DeleteFunc(slices.Clone(w.paths), func(other Path) bool { return other.Prefix == p.Prefix })
	if !gone {
		w.paths = append(w.paths, p)
	}
	slices.SortFunc(w.paths, func(a, b Path) int { return a.Prefix.Compare(b.Prefix) })
	w.do(func(s *Session) { s.Announce(w.now, w.paths) })
	return nil
}

// peer makes the router do or be something.
func (w *world) peer(verb string, args []string) error {
	r := &w.rs
	text := strings.Join(args, " ")
	var conn Conn // what it does something on
	if w.s != nil {
		for _, f := range []*fsm{&w.s.ours, &w.s.theirs, &w.s.parked} {
			conn = max(conn, f.conn)
		}
	}
	switch verb {
	case "as":
		n, err := strconv.ParseUint(text, 10, 32)
		r.open.AS = uint32(n)
		return err
	case "id":
		r.open.RouterID = netip.MustParseAddr(text)
	case "hold":
		n, err := strconv.Atoi(text)
		r.open.HoldTime = uint16(n)
		return err
	case "16-bit":
		r.open.FourOctet = false
	case "families":
		r.open.IPv4, r.open.IPv6 = strings.Contains(text, "4"), strings.Contains(text, "6")
	case "refuses":
		r.refuse = text
	case "accepts":
		r.refuse, r.dead, r.frozen, r.mute, r.closes = "", false, false, false, false
	case "connects":
		r.connects(w)
	case "closes":
		r.closes = true
	case "mute":
		r.mute = true
	case "freezes":
		r.frozen = true
	case "dies":
		r.dead = true
	case "reboots": // what it knew is gone
		r.known, r.strange = map[Conn]bool{}, true
	case "disconnects":
		r.hangup(w, conn, text)
	case "keepalive":
		r.send(w, conn, AppendKeepalive(nil))
	case "notifies":
		code, _ := strconv.Atoi(args[0])
		subcode, _ := strconv.Atoi(args[1])
		n := &Notification{Code: uint8(code), Subcode: uint8(subcode), Text: strings.Join(args[2:], " ")}
		r.send(w, conn, AppendNotification(nil, n))
		r.hangup(w, conn, "")
	case "sends":
		r.send(w, conn, unhex(w.t, strings.Join(args, "")))
	case "updates":
		w.do(func(s *Session) { s.Updates(w.now, conn, 1) })
	default:
		return fmt.Errorf("no such line")
	}
	return nil
}

func (w *world) expect(args []string) error {
	st := w.s.Status(w.now)
	var got string
	switch args[0] {
	case "state":
		got = st.State.String()
	case "attempts":
		got = strconv.FormatUint(st.Attempts, 10)
	case "flaps":
		got = strconv.FormatUint(st.Flaps, 10)
	case "unsent":
		got = strconv.FormatBool(st.Unsent)
	case "error":
		got = st.LastError
	case "updates":
		got = strconv.Itoa(w.rs.in.updates)
	default:
		return fmt.Errorf("no such thing")
	}
	if want := strings.Join(args[1:], " "); got != want {
		return fmt.Errorf("it is %q", got)
	}
	return nil
}
