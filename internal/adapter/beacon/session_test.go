package beacon

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"stead/internal/core/clock"
)

const second = clock.Instant(time.Second)

// site is one end of a talk without sockets.
type site struct {
	*session
	*sealer
	heard []uint64 // numbers of heartbeats that have counted
	runs  []uint64 // and of which run they were
	sent  [][]byte // all that was ever sent
}

var testKey = []byte("0123456789abcdef")

// counter stands for randomness: no value comes twice.
func counter(from uint64) func() uint64 {
	return func() uint64 { from++; return from }
}

func newSite(self, other string, from uint64) *site {
	return &site{session: newSession(self, other, time.Second, counter(from)), sealer: newSealer([][]byte{testKey})}
}

func newPair() (east, west *site) {
	return newSite("east", "west", 1000), newSite("west", "east", 2000)
}

func (s *site) say(now clock.Instant) []byte {
	raw := s.seal(s.compose(now, nil))
	s.sent = append(s.sent, raw)
	return raw
}

// get takes in a datagram as the Beacon does.
func (s *site) get(now clock.Instant, raw []byte) outcome {
	d, err := parse(raw)
	if err != nil || d.Sender != s.other || d.Receiver != s.self || s.verify(raw) != nil {
		return outcome{}
	}
	o := s.receive(now, &d)
	if o.heard {
		s.heard, s.runs = append(s.heard, d.Beat), append(s.runs, d.Run)
	}
	return o
}

// acquaint lets two sites hear each other.
func acquaint(now clock.Instant, a, b *site) {
	b.get(now, a.say(now))
	a.get(now, b.say(now))
	b.get(now, a.say(now))
}

func TestHeartbeatCountsOnceItIsEchoed(t *testing.T) {
	east, west := newPair()
	east.tell(0, []byte("one"))
	first := east.say(0)
	if o := west.get(0, first); o.heard || !o.greet {
		t.Errorf("from a stranger: %+v", o)
	}
	if o := east.get(0, west.say(0)); o.heard || !o.greet {
		t.Errorf("the answer: %+v", o)
	}
	if o := west.get(0, east.say(0)); !o.heard {
		t.Errorf("the same heartbeat with an echo: %+v", o)
	}
	if o := west.get(0, east.say(0)); o.heard {
		t.Error("it counts twice")
	}
	if o := west.get(0, first); o.heard {
		t.Error("the first one counts late")
	}
	if o := east.get(0, west.say(0)); !o.acked || east.acked != 1 {
		t.Errorf("east does not learn that it was heard: %+v, %d", o, east.acked)
	}
	if o := east.get(0, west.say(0)); o.acked {
		t.Error("east learns it twice")
	}
	if !slices.Equal(west.heard, []uint64{1}) || west.counters.Repeated != 1 || west.counters.Stale != 2 {
		t.Errorf("%v, %+v", west.heard, west.counters)
	}
}

// The stream of a site is recorded and sent again after its death, by somebody
// who has no key: in order, backwards, and at any speed.
func TestRecordedStreamDoesNotCount(t *testing.T) {
	east, west := newPair()
	acquaint(0, east, west)
	now := clock.Instant(0)
	for range 20 {
		now += second
		east.tell(now, []byte("alive"))
		west.get(now, east.say(now))
		east.get(now, west.say(now))
	}
	if len(west.heard) != 20 {
		t.Fatalf("%d of 20 have counted", len(west.heard))
	}
	death, recorded := now, slices.Clone(east.sent)
	for _, order := range []string{"in order", "backwards"} {
		for i := range recorded {
			if order == "backwards" {
				i = len(recorded) - 1 - i
			}
			now += second / 7
			west.get(now, recorded[i])
			west.say(now)
		}
	}
	if len(west.heard) != 20 {
		t.Errorf("%d heartbeats of the dead count, the last %v after its death", len(west.heard)-20, time.Duration(now-death))
	}
}

// What was held back on the way counts while it is fresh, and never afterwards.
func TestDelayedHeartbeat(t *testing.T) {
	for late, counts := range map[clock.Instant]bool{second: true, 3 * second: true, 3*second + 1: false, 3600 * second: false} {
		east, west := newPair()
		acquaint(0, east, west)
		east.tell(0, nil)
		raw := east.say(0)
		if o := west.get(late, raw); o.heard != counts {
			t.Errorf("%v late: %+v", time.Duration(late), o)
		}
	}
}

// A heartbeat is sent again for two periods, and no longer: who is not told to beat
// looks dead soon although it still talks.
func TestTalkIsNoHeartbeat(t *testing.T) {
	east, west := newPair()
	acquaint(0, east, west)
	east.tell(0, []byte("last"))
	for now := clock.Instant(0); now < 30*second; now += second / 2 {
		raw := east.say(now)
		if d, _ := parse(raw); (d.Beat != 0) != (now <= 2*second) {
			t.Errorf("at %v heartbeat %d is said", time.Duration(now), d.Beat)
		}
		west.get(now, raw)
		east.get(now, west.say(now))
	}
	if len(west.heard) != 1 {
		t.Errorf("%v count", west.heard)
	}
}

func TestRestartOfEitherSide(t *testing.T) {
	east, west := newPair()
	acquaint(0, east, west)
	east.tell(0, nil)
	west.get(0, east.say(0))
	old := slices.Clone(east.sent)

	east = newSite("east", "west", 5000)
	acquaint(second, east, west)
	east.tell(second, nil)
	if o := west.get(second, east.say(second)); !o.heard {
		t.Error("the sender that was started again is not heard")
	}
	for _, raw := range old {
		if o := west.get(second, raw); o.heard {
			t.Error("an old run counts twice")
		}
	}

	west = newSite("west", "east", 6000)
	for _, raw := range slices.Concat(old, east.sent) {
		if o := west.get(second, raw); o.heard {
			t.Error("a receiver that was started again counts what was said before")
		}
	}
	acquaint(2*second, east, west)
	east.tell(2*second, nil)
	if o := west.get(2*second, east.say(2*second)); !o.heard {
		t.Error("the receiver that was started again hears nothing")
	}
}

// Two processes of one site, as while one replaces the other: the one that lives is
// heard whichever it is.
func TestTwoProcessesOfOneSite(t *testing.T) {
	old, west := newPair()
	fresh := newSite("east", "west", 5000)
	both := []*site{old, fresh}
	now := clock.Instant(0)
	round := func(alive []*site) (heard int) {
		now += second
		before := len(west.heard)
		for _, s := range alive {
			s.tell(now, nil)
			s.get(now, west.say(now))
			west.get(now, s.say(now))
		}
		return len(west.heard) - before
	}
	round(both)
	for range 5 {
		if n := round(both); n != 2 {
			t.Fatalf("%d of 2 are heard", n)
		}
	}
	for range 100 {
		if n := round(both[:1]); n != 1 {
			t.Fatalf("%d of the old one are heard", n)
		}
	}
}

// Runs that somebody sends again take no place from one that is alive.
func TestManyRunsDoNotDisplaceTheLiving(t *testing.T) {
	east, west := newPair()
	acquaint(0, east, west)
	var recorded [][]byte
	for i := range uint64(20) {
		s := newSite("east", "west", 10000*(i+1))
		s.tell(0, nil)
		recorded = append(recorded, s.say(0))
	}
	for now := second; now < 30*second; now += second {
		for _, raw := range recorded {
			west.get(now, raw)
		}
		east.get(now, west.say(now))
		east.tell(now, nil)
		if o := west.get(now, east.say(now)); !o.heard {
			t.Fatalf("at %v the living is not heard", time.Duration(now))
		}
		for _, raw := range recorded {
			west.get(now, raw)
		}
		if o := west.get(now, east.say(now)); o.heard {
			t.Fatalf("at %v one heartbeat of the living counts twice", time.Duration(now))
		}
	}
}

// A datagram of the same run that is sent again does not make us give back an old nonce.
func TestOldDatagramDoesNotChangeTheEcho(t *testing.T) {
	east, west := newPair()
	acquaint(0, east, west)
	old := west.say(0)
	for now := second; now < 30*second; now += second {
		east.get(now, west.say(now))
		east.get(now, old)
		east.tell(now, nil)
		if o := west.get(now, east.say(now)); !o.heard {
			t.Fatalf("at %v: %+v", time.Duration(now), o)
		}
	}
}

// What has counted of an earlier run says nothing about this one.
func TestAcknowledgementOfAnEarlierRun(t *testing.T) {
	east, west := newPair()
	acquaint(0, east, west)
	for range 3 {
		east.tell(0, nil)
		west.get(0, east.say(0))
	}
	east = newSite("east", "west", 5000)
	for range 5 {
		east.tell(0, nil)
	}
	if o := east.get(0, west.say(0)); o.acked || east.acked != 0 {
		t.Errorf("%+v, %d", o, east.acked)
	}
	west.get(0, east.say(0))
	if o := east.get(0, west.say(0)); !o.acked || east.acked != 5 {
		t.Errorf("%+v, %d", o, east.acked)
	}
}

// However many datagrams of strangers come, few are answered.
func TestGreetingsAreFew(t *testing.T) {
	_, west := newPair()
	greetings := 0
	for i := range uint64(1000) {
		now := clock.Instant(i) * second / 100 // ten seconds
		if west.get(now, newSite("east", "west", 10000*(i+1)).say(now)).greet {
			greetings++
		}
	}
	if greetings != 40 {
		t.Errorf("%d greetings in ten seconds", greetings)
	}
}

func TestKeyRotation(t *testing.T) {
	other := []byte("fedcba9876543210")
	east, west := newPair()
	step := func(name string, eastKeys, westKeys [][]byte, hears bool) {
		t.Helper()
		east.sealer, west.sealer = newSealer(eastKeys), newSealer(westKeys)
		now := second
		acquaint(now, east, west)
		east.tell(now, nil)
		if o := west.get(now, east.say(now)); o.heard != hears {
			t.Errorf("%s: %+v", name, o)
		}
	}
	one, both, turned, two := [][]byte{testKey}, [][]byte{testKey, other}, [][]byte{other, testKey}, [][]byte{other}
	step("one key", one, one, true)
	step("west accepts the new one", one, both, true)
	step("both do", both, both, true)
	step("east signs with it", turned, both, true)
	step("both sign with it", turned, turned, true)
	step("the old one is gone", two, two, true)
	step("another key", two, one, false)
}

// world plays two sites over paths that lose, repeat, delay and reorder.
func TestNothingCountsTwiceOrLate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		east, west := newPair()
		type flying struct {
			raw  []byte
			to   *site
			made clock.Instant
		}
		var air []flying
		told := map[string]clock.Instant{} // by run and number: when the heartbeat was made
		restarts := uint64(0)
		now := clock.Instant(0)
		counts := map[string]bool{}
		for range 60 {
			now += clock.Instant(rapid.Int64Range(0, int64(2*second)).Draw(t, "pause"))
			switch rapid.IntRange(0, 7).Draw(t, "what") {
			case 0, 1:
				east.tell(now, nil)
				told[fmt.Sprint(east.run, east.beat)] = now
				fallthrough
			case 2:
				air = append(air, flying{east.say(now), west, now})
			case 3:
				air = append(air, flying{west.say(now), east, now})
			case 4:
				restarts++
				east = newSite("east", "west", 100000*restarts)
			default:
				if len(air) == 0 {
					continue
				}
				// It stays in the air, so that it arrives again and in any order.
				f := air[rapid.IntRange(0, len(air)-1).Draw(t, "which")]
				if f.to != west {
					east.get(now, f.raw)
					continue
				}
				if !west.get(now, f.raw).heard {
					continue
				}
				d, _ := parse(f.raw)
				id := fmt.Sprint(d.Run, d.Beat)
				if counts[id] {
					t.Fatalf("%s counts twice", id)
				}
				counts[id] = true
				if age := now.Sub(told[id]); age > 5*time.Second {
					t.Fatalf("%s counts %v after it was made", id, age)
				}
			}
		}
	})
}

// As long as any path works in each direction, each heartbeat is heard within a
// period and a half, though every path is cut in one of them.
func TestOneWayCutsOnBothPaths(t *testing.T) {
	east, west := newPair()
	acquaint(0, east, west)
	for now := second; now < 60*second; now += second {
		raw := west.say(now)
		east.get(now, raw) // path 1: only from west to east
		if now%(3*second) == 0 {
			continue // and a third of what goes on path 2 is lost
		}
		east.tell(now, nil)
		if o := west.get(now, east.say(now)); !o.heard { // path 2: only from east to west
			t.Errorf("at %v: %+v", time.Duration(now), o)
		}
	}
}
