package sim

import (
	"testing"
	"time"

	"stead/internal/core"
)

// pairOf is a world of two members and a witness without any fault.
func pairOf(build func(core.Config) Machine) Setup {
	s := Setup{
		Config: core.Config{
			Nodes:    []core.Node{{Name: "a"}, {Name: "b"}, {Name: "w", Witness: true}},
			Interval: 5 * time.Millisecond,
			Groups: []core.Group{{
				Name: "web", Interval: 5 * time.Millisecond, Multiplier: 3, Quorum: true,
				Members: []core.Member{{Node: 0, Priority: 200}, {Node: 1, Priority: 100}},
				Voters:  []core.NodeID{0, 1, 2},
			}},
			Keys: [][]byte{make([]byte, 32)},
		},
		Length:  200 * time.Millisecond,
		Quiet:   200 * time.Millisecond,
		Network: NetworkProfile{Latency: 100 * time.Microsecond},
		Kernel:  KernelProfile{ApplyMin: 50 * time.Microsecond, ApplyMax: 100 * time.Microsecond},
		Checks:  10 * time.Millisecond,
		Clients: []core.NodeID{2},
		Build:   build,
	}
	for i := range s.Config.Nodes {
		s.Config.Nodes[i].Paths = append(s.Config.Nodes[i].Paths, nodeAddress(false, 0, i))
	}
	return s
}

func holders(ids ...core.NodeID) func(core.Config) Machine {
	return newFake(func(id core.NodeID) bool {
		for _, one := range ids {
			if one == id {
				return true
			}
		}
		return false
	})
}

// violated runs a world and returns the checks that were violated.
func violated(t *testing.T, s Setup) []string {
	t.Helper()
	var out []string
	for _, v := range NewWorld(1, s).Run().Violations {
		out = append(out, v.Check)
		t.Log(v)
	}
	return out
}

func wantViolated(t *testing.T, s Setup, check string) {
	t.Helper()
	for _, got := range violated(t, s) {
		if got == check {
			return
		}
	}
	t.Errorf("checker %s found nothing", check)
}

func TestOneHolderAtRestIsRight(t *testing.T) {
	if got := violated(t, pairOf(holders(0))); len(got) > 0 {
		t.Errorf("violated: %v", got)
	}
}

func TestTwoHoldersAreSeen(t *testing.T) { wantViolated(t, pairOf(holders(0, 1)), checkOneHolder) }

func TestTwoHoldersWithoutQuorumAreSeen(t *testing.T) {
	s := pairOf(holders(0, 1))
	s.Config.Groups[0].Quorum = false
	wantViolated(t, s, checkOneHolder)
}

func TestNoHolderIsSeen(t *testing.T) { wantViolated(t, pairOf(holders()), checkSomeHolder) }

func TestDeadHolderThatNobodyReplacesIsSeen(t *testing.T) {
	s := pairOf(holders(0))
	s.Faults = []Fault{{Kind: PowerOff, At: 150 * time.Millisecond, For: 50 * time.Millisecond, Node: 0, Path: -1}}
	s.Length = 400 * time.Millisecond
	s.Faults[0].For = 300 * time.Millisecond
	wantViolated(t, s, checkSomeHolder)
}

func TestSickHolderIsSeen(t *testing.T) {
	s := pairOf(holders(0))
	s.Config.Groups[0].Checks = []core.Check{{Name: "web", Rise: 1, Fall: 2, Fatal: true}}
	s.Faults = []Fault{{Kind: Sick, At: 100 * time.Millisecond, For: 100 * time.Millisecond, Node: 0}}
	wantViolated(t, s, checkSick)
}

func TestRepeatedEpochIsSeen(t *testing.T) {
	s := pairOf(func(cfg core.Config) Machine {
		cfg.Groups[0].EpochFloor = 0
		return holders(0)(cfg)
	})
	s.Faults = []Fault{{Kind: Kill, At: 100 * time.Millisecond, For: 20 * time.Millisecond, Node: 0}}
	wantViolated(t, s, checkEpochs)
}

func TestLateHolderIsSeen(t *testing.T) {
	s := pairOf(holders(0))
	s.Faults = []Fault{{Kind: Pause, At: 100 * time.Millisecond, For: 30 * time.Millisecond, Node: 0}}
	wantViolated(t, s, checkLate)
}

// TestKernelGoesOnWithoutDaemon kills the holder's daemon: its kernel answers
// until the deadline of the slot, which the fake has set far away.
func TestKernelGoesOnWithoutDaemon(t *testing.T) {
	s := pairOf(holders(0))
	s.Faults = []Fault{{Kind: Kill, At: 100 * time.Millisecond, For: 200 * time.Millisecond, Node: 0}}
	w := NewWorld(1, s)
	w.queue.push(entry{at: moment(250 * time.Millisecond), what: atLook})
	w.setup.Length, w.setup.Quiet = 250*time.Millisecond, 0
	w.Run()
	if w.hosts[0].up || !w.answers(w.hosts[0], 0) {
		t.Errorf("daemon runs: %t, kernel answers: %t; want a dead daemon and a kernel that answers", w.hosts[0].up, w.answers(w.hosts[0], 0))
	}
}

func TestBootClockInverts(t *testing.T) {
	r := newRandom(7)
	for range 10000 {
		c := bootClock{offset: core.Instant(r.duration(0, time.Hour)), drift: int64(r.between(-8000, 8000))}
		i := c.offset + core.Instant(r.duration(time.Nanosecond, time.Hour))
		m := c.reaches(i)
		if c.at(m) < i || c.at(m-1) >= i {
			t.Fatalf("%+v: reaches(%d) = %d, which shows %d", c, i, m, c.at(m))
		}
	}
}

func TestQueueKeepsTimeThenOrder(t *testing.T) {
	r, q := newRandom(3), queue{}
	for i := range 2000 {
		q.push(entry{at: moment(r.intn(50)), a: int32(i)})
	}
	last := entry{at: -1}
	for len(q.heap) > 0 {
		e := q.pop()
		if e.at < last.at || e.at == last.at && e.a < last.a {
			t.Fatalf("entry %d at %d after entry %d at %d", e.a, e.at, last.a, last.at)
		}
		last = e
	}
}
