package bgp

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"stead/internal/core/clock"
)

const (
	boot  = Instant(1000 * time.Second)
	delay = 100 * time.Microsecond // of everything, one way
)

var (
	localAddr  = netip.MustParseAddr("10.0.1.1")
	remoteAddr = netip.MustParseAddr("10.0.1.4")
)

// standard is a session with a route server.
func standard() Config {
	return Config{
		LocalAS: 65001, PeerAS: 65515, RouterID: localAddr, Peer: remoteAddr,
		HoldTime: 9 * time.Second, Retry: time.Second, MaxRetry: 30 * time.Second, IPv4: true, IPv6: true, Seed: 1,
	}
}

// world is a Session and a router that does what a test wants of it.
type world struct {
	t      *testing.T
	now    Instant
	cfg    Config
	s      *Session
	rs     router
	queue  []happening // in the order of time
	paths  []Path
	out    []string
	silent bool
	frozen bool // the Session's host
	waits  []func()
	stuck  bool // the kernel takes nothing of what the Session writes

	changes []Change
	hungup  map[Conn]bool
}

// happening is what is done at a moment.
type happening struct {
	at Instant
	do func()
}

// router is the other side: it answers OPEN with OPEN and KEEPALIVE, and KEEPALIVE
// with KEEPALIVE, unless a test wants it otherwise.
type router struct {
	open    Open
	refuse  string // what the kernel says of attempts to connect
	dead    bool   // no packet arrives
	frozen  bool   // the kernel lives
	mute    bool   // no OPEN
	closes  bool   // at an OPEN
	strange bool   // it has forgotten its connections: a packet on one is answered with a reset
	known   map[Conn]bool
	last    Conn
	in      *ribIn
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, now: boot, cfg: standard(), hungup: map[Conn]bool{}}
	w.rs = router{
		open:  Open{AS: 65515, HoldTime: 180, RouterID: remoteAddr, IPv4: true, IPv6: true, FourOctet: true, Refresh: true},
		known: map[Conn]bool{}, last: FirstIncoming,
	}
	return w
}

func (w *world) say(format string, args ...any) {
	if !w.silent {
		w.out = append(w.out, fmt.Sprintf("%14s  ", fmt.Sprintf("%.4fs", w.now.Sub(boot).Seconds()))+fmt.Sprintf(format, args...))
	}
}

func (w *world) after(d time.Duration, do func()) {
	h := happening{w.now.Add(d), do}
	i := len(w.queue)
	for i > 0 && w.queue[i-1].at > h.at {
		i--
	}
	w.queue = slices.Insert(w.queue, i, h)
}

// do runs a step of the Session, with a Tick as in the engine.
func (w *world) do(input func(s *Session)) {
	w.t.Helper()
	if w.frozen {
		w.waits = append(w.waits, func() { w.do(input) })
		return
	}
	if w.s == nil {
		w.s = New(w.cfg)
	}
	before := w.s.current()
	w.s.Begin(w.now)
	input(w.s)
	if w.now >= w.s.Deadline() {
		w.s.Tick(w.now)
	}
	w.carryOut(w.s.Finish(w.now))
	if after := w.s.current(); after != before && after != EstablishedState {
		w.say("%v", after)
	}
	if w.s.Deadline() <= w.now {
		w.t.Fatalf("%v: the deadline %v is over", w.now.Sub(boot), w.s.Deadline().Sub(boot))
	}
}

func (w *world) carryOut(out *Out) {
	for _, c := range out.Changes {
		w.changes = append(w.changes, c)
		w.say("told: %s", describeChange(c))
	}
	for _, write := range slices.Concat(out.Retracts, out.Writes) {
		w.write(write)
	}
	for _, conn := range out.Dials {
		w.say("dials %s", connName(conn))
		w.after(delay, func() { w.rs.dialled(w, conn) })
	}
	for _, conn := range out.Hangups {
		w.say("hangs %s up", connName(conn))
		w.hungup[conn] = true
		w.after(delay, func() { delete(w.rs.known, conn) })
	}
}

var kindNames = map[Kind]string{Established: "established", Down: "down", Refused: "refused", Announced: "", Delivered: "delivered"}

func describeChange(c Change) string {
	var words []string
	for _, word := range []string{kindNames[c.Kind], string(c.Reason)} {
		if word != "" {
			words = append(words, word)
		}
	}
	if head := strings.Join(words, " "); head != "" && c.Detail != "" {
		return head + ": " + c.Detail
	} else {
		return head + c.Detail
	}
}

func connName(c Conn) string {
	if c >= FirstIncoming {
		return fmt.Sprintf("theirs-%d", c-FirstIncoming)
	}
	return fmt.Sprintf("ours-%d", c)
}

// write sends what the Session writes: whole messages, never after a hang-up.
func (w *world) write(write Write) {
	w.t.Helper()
	if w.hungup[write.Conn] {
		w.t.Fatalf("bytes for %s, which was hung up", connName(write.Conn))
	}
	if !w.stuck {
		n := len(write.Bytes)
		w.after(delay/2, func() { w.do(func(s *Session) { s.Sent(w.now, write.Conn, n) }) })
	}
	for _, message := range split(w.t, write.Bytes) {
		w.say("sends %s on %s", messageName(message), connName(write.Conn))
		w.after(delay, func() { w.rs.receive(w, write.Conn, message) })
	}
}

// split copies the messages of a write, which has to have whole ones.
func split(t *testing.T, b []byte) (messages [][]byte) {
	t.Helper()
	for len(b) > 0 {
		if len(b) < HeaderLen {
			t.Fatalf("a message of %d bytes", len(b))
		}
		kind, n, malformed := ParseHeader(b)
		if malformed != nil || n > len(b) {
			t.Fatalf("a message of type %d with length %d of %d bytes: %v", kind, n, len(b), malformed)
		}
		messages = append(messages, slices.Clone(b[:n]))
		b = b[n:]
	}
	return messages
}

func messageName(message []byte) string {
	switch MessageType(message[18]) {
	case TypeOpen:
		o, _ := ParseOpen(message)
		s := fmt.Sprintf("OPEN AS %d hold %d", o.AS, o.HoldTime)
		if !o.FourOctet {
			s += " without capabilities"
		}
		return s
	case TypeUpdate:
		return "UPDATE"
	case TypeNotification:
		n := ParseNotification(message)
		return "NOTIFICATION " + n.String()
	case TypeKeepalive:
		return "KEEPALIVE"
	}
	return "ROUTE-REFRESH"
}

// run lets time pass.
func (w *world) run(d time.Duration) {
	w.t.Helper()
	end := w.now.Add(d)
	for range 1000000 {
		next := clock.Never
		if w.s != nil && !w.frozen {
			next = w.s.Deadline()
		}
		switch {
		case len(w.queue) > 0 && w.queue[0].at <= min(next, end):
			h := w.queue[0]
			w.queue = w.queue[1:]
			w.now = h.at
			h.do()
		case next <= end:
			w.now = next
			w.do(func(*Session) {})
		default:
			w.now = end
			return
		}
	}
	w.t.Fatal("time does not pass")
}

// dialled is what the router's kernel makes of an attempt to connect.
func (r *router) dialled(w *world, conn Conn) {
	switch {
	case r.dead:
	case r.refuse != "":
		w.after(delay, func() { w.do(func(s *Session) { s.Closed(w.now, conn, r.refuse) }) })
	default:
		r.known[conn] = true
		w.after(delay, func() { w.do(func(s *Session) { s.Opened(w.now, conn, localAddr) }) })
		r.begin(w, conn)
	}
}

// connects opens a connection to the Session.
func (r *router) connects(w *world) Conn {
	r.last++
	conn := r.last
	r.known[conn] = true
	w.do(func(s *Session) { s.Opened(w.now, conn, localAddr) })
	if !w.hungup[conn] {
		r.begin(w, conn)
	}
	return conn
}

func (r *router) begin(w *world, conn Conn) {
	if !r.mute && !r.frozen {
		r.send(w, conn, AppendOpen(nil, &r.open))
	}
}

// send brings messages to the Session.
func (r *router) send(w *world, conn Conn, bytes []byte) {
	if r.dead {
		return
	}
	w.after(delay, func() { w.do(func(s *Session) { s.Receive(w.now, conn, bytes) }) })
}

// closes ends a connection as the router's kernel does.
func (r *router) hangup(w *world, conn Conn, detail string) {
	delete(r.known, conn)
	w.after(delay, func() { w.do(func(s *Session) { s.Closed(w.now, conn, detail) }) })
}

func (r *router) receive(w *world, conn Conn, message []byte) {
	switch {
	case r.dead:
	case !r.known[conn] && r.strange:
		r.hangup(w, conn, "connection reset by peer")
	case !r.known[conn] || r.frozen || r.mute:
	case r.closes:
		r.hangup(w, conn, "")
	default:
		r.answer(w, conn, message)
	}
}

func (r *router) answer(w *world, conn Conn, message []byte) {
	switch MessageType(message[18]) {
	case TypeOpen:
		o, _ := ParseOpen(message)
		r.in = newRIBIn(w.t, o.FourOctet && r.open.FourOctet)
		r.send(w, conn, AppendKeepalive(nil))
	case TypeKeepalive:
		if w.s.established() != nil && w.s.established().conn == conn {
			r.send(w, conn, AppendKeepalive(nil))
		}
	case TypeUpdate:
		before := r.in.lines()
		r.in.take(message)
		r.tell(w, before)
	case TypeNotification:
		r.hangup(w, conn, "")
	}
}

// tell shows what has changed in what the router has learned.
func (r *router) tell(w *world, before []string) {
	after := r.in.lines()
	for _, line := range before {
		prefix, _, _ := strings.Cut(line, " ")
		if !slices.ContainsFunc(after, func(s string) bool { return strings.HasPrefix(s, prefix+" ") }) {
			w.say("the peer has no %s", prefix)
		}
	}
	for _, line := range after {
		if !slices.Contains(before, line) {
			w.say("the peer has %s", line)
		}
	}
	if len(r.in.endOfRIB) > 0 {
		w.say("the peer has everything of %s", strings.Join(r.in.endOfRIB, " and "))
		r.in.endOfRIB = nil
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
