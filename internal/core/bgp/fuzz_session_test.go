package bgp

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// splitPath are the AS numbers in the text of a path of ribIn.
func splitPath(text string) []string {
	_, path, _ := strings.Cut(text, "path ")
	path, _, _ = strings.Cut(path, ",")
	return strings.Fields(path)
}

// fuzzOps are what happens to two Sessions, by number.
var fuzzOps = []func(p *pair, d *side, n byte){
	func(p *pair, _ *side, n byte) { p.run(time.Duration(n) * time.Millisecond) },
	func(p *pair, _ *side, n byte) { p.run(time.Duration(n) * 100 * time.Millisecond) },
	func(p *pair, d *side, n byte) { p.fuzzAnnounce(d, n) },
	func(p *pair, d *side, n byte) { p.fuzzReset(d, n) },
	func(p *pair, d *side, _ byte) { // the host is switched off and on
		d.boot()
		p.do(d, func(s *Session) { s.Announce(p.now, d.paths); s.Start(p.now) })
	},
	func(p *pair, d *side, n byte) {
		p.do(d, func(s *Session) {
			if n%2 == 0 {
				s.Announce(p.now, nil)
			}
			s.Stop(p.now, Cease(AdministrativeShutdown, "fuzz"))
		})
	},
	func(p *pair, d *side, _ byte) {
		p.do(d, func(s *Session) { s.Announce(p.now, d.paths); s.Start(p.now) })
	},
	func(p *pair, d *side, _ byte) {
		p.do(d, func(s *Session) { s.Reset(p.now, Cease(AdministrativeReset, "")) })
	},
	func(p *pair, d *side, n byte) { p.do(d, func(s *Session) { s.BFD(p.now, n%3 == 1, n%3 == 2) }) },
	func(p *pair, _ *side, _ byte) { p.cut = true },
	func(p *pair, _ *side, _ byte) { p.heal() },
	func(p *pair, d *side, _ byte) { d.frozen = true },
	func(p *pair, d *side, _ byte) { p.thaw(d) },
	func(_ *pair, d *side, n byte) { d.refuse = n%2 == 0 },
	func(p *pair, d *side, n byte) { p.fuzzReconfigure(d, n) },
	func(p *pair, d *side, n byte) { p.fuzzGarbage(d, n) },
}

// fuzzAnnounce announces as many paths as n has bits, prepended by the side's turn.
func (p *pair) fuzzAnnounce(d *side, n byte) {
	d.paths = nil
	for i := range 8 {
		if n>>i&1 == 1 {
			path := Path{Prefix: netip.MustParsePrefix(fmt.Sprintf("192.0.2.%d/32", i)), Prepend: int(n) * i % 3}
			d.paths = append(d.paths, path)
		}
	}
	p.do(d, func(s *Session) { s.Announce(p.now, d.paths) })
}

// fuzzReset breaks one of the last pipes, for both ends.
func (p *pair) fuzzReset(d *side, n byte) {
	if len(p.pipes) == 0 {
		return
	}
	pp := p.pipes[max(0, len(p.pipes)-1-int(n%3))]
	for _, side := range p.sides {
		for _, e := range pp.ends {
			if side.ends[e.conn] == e {
				p.closed(side, pp, e, "connection reset by "+d.name)
			}
		}
	}
}

func (p *pair) fuzzReconfigure(d *side, n byte) {
	switch n % 4 {
	case 0:
		d.cfg.HoldTime = time.Duration(3+n/16) * time.Second
	case 1:
		d.cfg.Retry = time.Duration(1+n/64) * time.Second
	case 2:
		d.cfg.WaitForBFD = !d.cfg.WaitForBFD
	case 3: // one has to connect
		d.cfg.Passive = !d.cfg.Passive && !p.other(d).cfg.Passive
	}
	p.do(d, func(s *Session) { s.Reconfigure(p.now, d.cfg) })
}

// fuzzGarbage hands a side a message that the other one did not send.
func (p *pair) fuzzGarbage(d *side, n byte) {
	message := headerOf(int(n)%64, MessageType(n%7))
	if n%2 == 0 {
		message = AppendKeepalive(nil)
	}
	conn := d.s.last
	if n%4 < 2 {
		conn = d.last
	}
	p.do(d, func(s *Session) { s.Receive(p.now, conn, message) })
}

// play runs what the bytes say, mends everything, and looks for one session over
// which both have announced what they are to.
func playPair(t *testing.T, ops []byte) {
	p := newPair(t, func(a, b *Config) {
		if len(ops)%5 == 0 { // an internal session of peers with the same identifier is refused; this is external
			b.RouterID = a.RouterID
		}
	})
	p.heal()
	p.run(100 * time.Millisecond)
	for i := 0; i+1 < len(ops) && i < 400; i += 2 {
		op, d := ops[i]&0x7f, p.sides[ops[i]>>7]
		fuzzOps[int(op)%len(fuzzOps)](p, d, ops[i+1])
	}
	p.heal()
	p.run(2 * time.Minute)
	p.heal() // what was mended first may have arrived since
	p.run(time.Minute)
	p.converged()
}

// Two Sessions that find each other again whatever happens to them.
func FuzzSession(f *testing.F) {
	f.Add([]byte{6, 0, 0x86, 0, 1, 10})
	f.Add([]byte{6, 0, 1, 10, 0x86, 0, 0x82, 7, 1, 10, 9, 0, 1, 100, 10, 0})
	f.Add([]byte{6, 0, 0x86, 0, 2, 255, 1, 20, 4, 0, 1, 5, 0x84, 0})
	f.Fuzz(playPair)
}

// The same with seeds, so that every run of the tests looks at many.
func TestSessionsFindEachOtherAgain(t *testing.T) {
	for seed := range 400 {
		random := rand.New(rand.NewPCG(uint64(seed), 0))
		ops := make([]byte, 20+seed%100)
		for i := range ops {
			ops[i] = byte(random.Uint32())
		}
		if !t.Run(fmt.Sprint(seed), func(t *testing.T) { playPair(t, ops) }) {
			return
		}
	}
}

// Both begin at the same moment, again and again: of two connections one stays.
func TestBothBeginAtOnce(t *testing.T) {
	for seed := range 200 {
		p := newPair(t, func(a, b *Config) { a.Seed, b.Seed = uint64(seed), uint64(seed)+1000 })
		for _, d := range p.sides {
			p.do(d, func(s *Session) { s.Start(p.now) })
			p.run(time.Duration(seed%7) * 3 * time.Millisecond)
		}
		p.run(10 * time.Second)
		p.converged()
	}
}
