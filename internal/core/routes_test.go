package core

import (
	"slices"
	"strings"
	"testing"
	"time"
)

const testHold = 9 * time.Second

// watched, as the refresh of announcements, asks for BFD beside the sessions.
const watched = 61 * time.Second

// routedBench is a bench whose nodes announce group 0 to two route servers.
func routedBench(t *testing.T, members, witnesses int, change ...func(*Config)) *bench {
	t.Helper()
	b := emptyBench(t)
	for i := range members + witnesses {
		cfg := testConfig(i, members, witnesses, witnesses > 0)
		if i < members {
			withRoutes(&cfg, 2, testHold)
			cfg.Groups[0].Linger = time.Second
		}
		for _, f := range change {
			f(&cfg)
		}
		b.add(cfg)
	}
	if b.nodes[0].cfg.Groups[0].Everyone {
		b.mayBe = 0
	}
	b.serve(2, testHold)
	if b.nodes[0].cfg.Groups[0].Refresh == watched {
		b.watchPaths()
	}
	for i := range b.nodes {
		b.start(i)
	}
	return b
}

// wantBest checks to whom every route server sends packets.
func (b *bench) wantBest(nodes ...int) {
	b.t.Helper()
	for i, s := range b.servers {
		if got := s.best(); !slices.Equal(got, nodes) {
			b.fail("at %s: route server %d prefers %v, want %v", b.since(), i+1, got, nodes)
		}
	}
}

// wantPath checks how long the AS_PATH is that the route servers have from a
// node; 0: none.
func (b *bench) wantPath(node, length int) {
	b.t.Helper()
	for i, s := range b.servers {
		if got := s.ends[node].paths[vip]; got != length {
			b.fail("at %s: route server %d has a path of %d from n%d, want %d", b.since(), i+1, got, node, length)
		}
	}
}

// neverLost lets time pass and checks at every step that packets to the VIP reach
// a node that accepts them.
func (b *bench) neverLost(d time.Duration) {
	b.t.Helper()
	for end := b.now.Add(d); b.now < end; {
		b.run(50 * time.Microsecond)
		for i, s := range b.servers {
			best := s.best()
			if len(best) == 0 {
				b.fail("at %s: route server %d has no path", b.since(), i+1)
			}
			for _, n := range best {
				x := b.nodes[n]
				if slot := x.bound[0]; slot == 0 || x.slots[slot].Serve <= b.now || !x.held(0) {
					b.fail("at %s: route server %d sends packets to n%d, which drops them", b.since(), i+1, n)
				}
			}
		}
	}
}

func (n *benchNode) held(g GroupID) bool {
	return n.core.groups[g].want.Held && n.core.groups[g].applied
}

func TestOnlyTheActiveNodeAnnounces(t *testing.T) {
	b := routedBench(t, 2, 1)
	b.run(3 * time.Second)
	b.wantHolder(0)
	b.wantBest(0)
	b.wantPath(0, 3)
	b.wantPath(1, 0)
}

func TestNothingIsAnnouncedBeforeTheAddressIsInPlace(t *testing.T) {
	b := routedBench(t, 2, 1)
	b.nodes[0].apply = func(w Want) (time.Duration, bool, bool) { return 2 * time.Second, true, true }
	b.nodes[1].apply = b.nodes[0].apply
	b.run(1900 * time.Millisecond)
	b.wantBest()
	b.run(2 * time.Second)
	b.wantBest(0)
}

func TestKilledNodesPathIsReplacedWithinTheDetectionTime(t *testing.T) {
	b := routedBench(t, 2, 1)
	b.run(3 * time.Second)
	b.kill(0)
	b.run(17 * time.Millisecond)
	b.wantBest(1)
}

func TestTakeoverIsPreferredToTheStalePath(t *testing.T) {
	b := routedBench(t, 2, 1)
	b.run(3 * time.Second)
	b.nodes[0].frozen = true
	b.run(17 * time.Millisecond)
	b.wantBest(1)
	b.wantPath(0, 3) // stays until the hold time is over
	b.wantPath(1, 2)
	b.run(testHold)
	b.wantPath(0, 0)
	b.wantPath(1, 2)
	b.run(1500 * time.Millisecond)
	b.wantPath(1, 3) // has stepped back
	b.wantBest(1)
}

func TestSecondTakeoverIsPreferredToBothStalePaths(t *testing.T) {
	b := routedBench(t, 3, 0)
	b.run(3 * time.Second)
	b.nodes[0].frozen = true
	b.run(100 * time.Millisecond)
	b.wantBest(1)
	b.nodes[1].frozen = true
	b.run(100 * time.Millisecond)
	b.wantBest(2)
	b.wantPath(2, 1)
	b.run(testHold + 2*time.Second)
	b.wantPath(2, 3)
}

// A node that comes back has its own path with the peers, and the one that stood
// in for it hands over: nothing has to be beaten.
func TestNodeThatComesBackLeavesRoom(t *testing.T) {
	b := routedBench(t, 2, 1)
	b.run(3 * time.Second)
	for range 3 {
		b.nodes[0].frozen = true
		b.run(100 * time.Millisecond)
		b.wantBest(1)
		b.wantPath(1, 2)
		b.thaw(0)
		b.run(100 * time.Millisecond)
		b.step(1, Command{ID: 1, Verb: Switchover, To: 0})
		b.run(1500 * time.Millisecond)
		b.wantBest(0)
		b.wantPath(0, 3)
		b.wantPath(1, 0)
	}
}

// A node that was killed does not know that it was the silent one, and leaves room
// all the same.
func TestNodeThatStartsAgainLeavesRoom(t *testing.T) {
	b := routedBench(t, 2, 1)
	b.run(3 * time.Second)
	b.kill(0)
	b.run(100 * time.Millisecond)
	b.wantPath(1, 2)
	b.start(0)
	b.run(time.Second)
	b.step(1, Command{ID: 1, Verb: Switchover, To: 0})
	b.run(1500 * time.Millisecond)
	b.wantBest(0)
	b.wantPath(0, 3)
	b.nodes[0].frozen = true
	b.run(17 * time.Millisecond)
	b.wantBest(1)
}

// A node that stood in for another has a short path. Who stands in for it has to
// have a shorter one.
func TestStandInOfAStandInIsPreferred(t *testing.T) {
	b := routedBench(t, 2, 1)
	b.run(3 * time.Second)
	b.nodes[0].frozen = true
	b.run(100 * time.Millisecond)
	b.wantPath(1, 2)
	b.thaw(0)
	b.run(100 * time.Millisecond)
	b.nodes[1].frozen = true
	b.run(100 * time.Millisecond)
	b.wantBest(0)
	b.wantPath(0, 1)
}

func TestBlackHoledNodesPathIsLeftBehind(t *testing.T) {
	b := routedBench(t, 2, 1)
	b.run(3 * time.Second)
	b.cut = func(from, to int) bool { return from == 0 || to == 0 }
	b.run(17 * time.Millisecond)
	b.wantHolder(1)
	b.wantBest(1)
}

func TestSwitchoverLosesNothing(t *testing.T) {
	for _, standby := range []int{Withdrawn, 4} {
		b := routedBench(t, 2, 1, func(c *Config) {
			if r := c.Groups[0].Routes; r != nil {
				r.Prepend.Standby = standby
			}
		})
		b.run(3 * time.Second)
		b.neverLost(10 * time.Millisecond)
		b.step(0, Command{ID: 1, Verb: Switchover, To: 1})
		b.neverLost(500 * time.Millisecond)
		b.wantBest(1)
		b.wantPath(0, 5) // for those who still come this way
		b.neverLost(2 * time.Second)
		b.wantPath(0, standby+1)
		b.step(1, Command{ID: 2, Verb: Switchover, To: 0})
		b.neverLost(3 * time.Second)
		b.wantBest(0)
	}
}

func TestDrainAndStopLoseNothing(t *testing.T) {
	for _, verb := range []Verb{Drain, Stop} {
		b := routedBench(t, 2, 1)
		b.run(3 * time.Second)
		b.step(0, Command{ID: 1, Verb: verb, Group: AllGroups})
		b.run(overlap + 10*time.Millisecond)
		b.wantBest(1)
		if !b.servers[0].ends[0].graceful {
			t.Error("the path that is left is not marked with GRACEFUL_SHUTDOWN")
		}
		b.neverLost(3 * time.Second)
		b.wantPath(0, 0)
		if b.nodes[0].core.groups[0].want.Held {
			t.Error("the address is still held")
		}
		if cease := b.servers[1].ends[0].cease; verb == Stop && !strings.Contains(cease, "stopping") {
			t.Errorf("the route server heard %q", cease)
		}
	}
}

// The order of a release: withdrawn, sent, then the address goes.
func TestAddressOutlivesItsPath(t *testing.T) {
	b := routedBench(t, 2, 1, func(c *Config) { c.Groups[0].Checks = []Check{{Name: "web", Rise: 1, Fall: 1, Fatal: true}} })
	b.step(0, CheckResult{Outcome: Passed})
	b.step(1, CheckResult{Outcome: Passed})
	b.run(3 * time.Second)
	b.wantBest(0)
	var order []string
	b.told = func(i int, a *Actions) {
		if i != 0 {
			return
		}
		if len(a.Retract) > 0 {
			order = append(order, "withdraw")
		}
		for _, x := range a.Bind {
			if x.Slot == 0 {
				order = append(order, "close")
			}
		}
		for _, w := range a.Want {
			if !w.Held {
				order = append(order, "remove")
			}
		}
	}
	b.step(0, CheckResult{Outcome: Failed})
	b.run(20 * time.Millisecond)
	order = slices.Compact(order)
	if got := strings.Join(order, " "); got != "withdraw close remove" {
		t.Errorf("the order was %s", got)
	}
	b.wantBest(1)
}

func TestAddressGoesThoughThePeerDoesNotListen(t *testing.T) {
	b := routedBench(t, 1, 0)
	b.run(3 * time.Second)
	b.deafWriter = true
	b.step(0, Command{ID: 1, Verb: Stop, Group: AllGroups})
	b.run(withdrawPatience - time.Millisecond)
	if !b.nodes[0].core.groups[0].want.Held {
		t.Error("the address was removed before its withdrawal was sent")
	}
	b.run(2 * time.Millisecond)
	if b.nodes[0].core.groups[0].want.Held {
		t.Error("the address is still there")
	}
}

func TestStandbyAnnouncesBehindAClosedFence(t *testing.T) {
	b := routedBench(t, 2, 1, func(c *Config) {
		if r := c.Groups[0].Routes; r != nil {
			r.Prepend.Standby = 4
		}
	})
	b.run(3 * time.Second)
	b.wantHolder(0)
	b.wantPath(1, 5)
	b.wantBest(0)
	if !b.nodes[1].held(0) {
		t.Error("the standby announces an address that it does not have")
	}
	b.kill(0)
	b.run(20 * time.Millisecond)
	b.wantBest(1)
	b.wantHolder(1)
}

func TestNodeWithoutSessionsIsNotReady(t *testing.T) {
	b := routedBench(t, 2, 1)
	b.run(3 * time.Second)
	b.cut = func(from, to int) bool { return from == 0 && to >= firstServed }
	b.run(testHold + time.Second)
	b.wantHolder(1)
	b.wantBest(1)
	b.cut = func(from, to int) bool { return false }
	b.run(20 * time.Second)
	b.wantHolder(0)
	b.wantBest(0)
}

// What lets a session come again lets heartbeats come, a little later at times. A
// node that stood by for want of a session does not take the group from one that
// it does not hear yet.
func TestHealedNodeListensBeforeItServes(t *testing.T) {
	b := routedBench(t, 2, 0, func(c *Config) { c.Groups[0].Preempt = false })
	b.mayBe = 2
	b.run(3 * time.Second)
	b.cut = func(from, to int) bool { return from == 0 || to == 0 }
	b.run(testHold + 3*time.Second)
	b.wantBest(1)
	b.wantHolder(1)
	healed := b.now
	b.cut = func(from, to int) bool { return from == 1 && to == 0 }
	for b.sessionNotes(0, SessionUp, healed) == nil {
		b.run(time.Millisecond)
	}
	b.run(100 * time.Millisecond)
	b.cut = func(from, to int) bool { return false }
	b.run(time.Second)
	b.wantHolder(1)
	if n := b.noted(0, BecameActive, healed) + b.noted(1, BecameStandby, healed); n > 0 {
		b.fail("%d changes of role by a heal", n)
	}
	// Alone it does not wait for ever.
	b.cut = func(from, to int) bool { return from == 0 || to == 0 }
	b.run(testHold + 3*time.Second)
	b.kill(1)
	b.cut = func(from, to int) bool { return false }
	b.run(2 * time.Second)
	b.wantHolder(0)
	b.wantBest(0)
}

func everyone(c *Config) {
	g := &c.Groups[0]
	g.Everyone, g.Interval, g.Multiplier = true, 0, 0
	if g.Routes != nil {
		g.Routes.Needed, g.Routes.Room, g.Routes.Prepend.Active = false, 0, 0
	}
	g.Checks = []Check{{Name: "web", Rise: 1, Fall: 1, Fatal: true}}
	g.Damping = 40 * time.Second
}

// passing starts the checks of every member.
func (b *bench) passing() {
	for i := range b.nodes {
		b.step(i, CheckResult{Outcome: Passed})
	}
}

func TestWithoutAnElectionEveryReadyNodeAnnounces(t *testing.T) {
	b := routedBench(t, 2, 0, everyone)
	b.run(3 * time.Second)
	b.wantBest()
	b.passing()
	b.run(time.Second)
	b.wantBest(0, 1)
	b.step(0, CheckResult{Outcome: Failed})
	b.run(time.Millisecond)
	b.wantBest(1)
	b.run(time.Second)
	if b.nodes[0].core.groups[0].want.Held {
		t.Error("an address that is not announced is held")
	}
}

func TestFlapWaitsAsTheLastChoice(t *testing.T) {
	b := routedBench(t, 2, 0, everyone)
	b.passing()
	b.run(3 * time.Second)
	b.step(0, CheckResult{Outcome: Failed})
	b.run(10 * time.Second)
	b.wantBest(1)
	b.step(0, CheckResult{Outcome: Passed})
	b.run(time.Second)
	b.wantBest(1)
	b.wantPath(0, 3) // if the other one goes, it is there
	if b.noted(0, Damped, 0) != 1 {
		t.Error("nobody was told that the change waits")
	}
	b.kill(1)
	b.run(time.Millisecond)
	b.wantBest(0)
	b.run(30 * time.Second)
	b.wantPath(0, 1)
}

func TestUnhealthyNodeIsTheLastChoice(t *testing.T) {
	b := routedBench(t, 2, 0, everyone, func(c *Config) { c.Groups[0].Routes.Prepend.Unhealthy = 5 })
	b.run(3 * time.Second)
	b.passing()
	b.run(time.Second)
	b.wantBest(0, 1)
	b.step(0, CheckResult{Outcome: Failed})
	b.neverLost(time.Second)
	b.wantBest(1)
	b.wantPath(0, 6)
	b.kill(1)
	b.run(time.Millisecond)
	b.neverLost(time.Second)
	b.wantBest(0)
}

func TestDrainWithoutAnElection(t *testing.T) {
	b := routedBench(t, 2, 0, everyone, func(c *Config) { c.Groups[0].Linger = time.Second })
	b.passing()
	b.run(3 * time.Second)
	b.step(0, Command{ID: 1, Verb: Drain, Group: AllGroups})
	b.neverLost(500 * time.Millisecond)
	b.wantBest(1)
	b.wantPath(0, 3)
	b.neverLost(time.Second)
	b.wantPath(0, 0)
	b.step(0, Command{ID: 2, Verb: Resume, Group: AllGroups})
	b.neverLost(time.Minute)
	b.wantBest(0, 1)
}

// The path that a node leaves behind is worse than the one that another node is
// active with, which may be longer than its own was.
func TestPathOfANodeThatLeavesIsTheLastChoice(t *testing.T) {
	b := routedBench(t, 2, 0, everyone, func(c *Config) {
		c.Groups[0].Linger = time.Second
		c.Groups[0].Routes.Prepend.Active, c.Groups[0].Routes.LastChoice = 2*int(c.Self), 4
	})
	b.passing()
	b.run(3 * time.Second)
	b.wantBest(0)
	b.step(0, Command{ID: 1, Verb: Drain, Group: AllGroups})
	b.neverLost(500 * time.Millisecond)
	b.wantBest(1)
	b.wantPath(0, 5)
}

func TestSwitchoverWithoutAnElectionIsRefused(t *testing.T) {
	b := routedBench(t, 2, 0, everyone)
	b.passing()
	b.run(time.Second)
	var why []Reply
	b.told = func(i int, a *Actions) { why = append(why, a.Reply...) }
	b.step(0, Command{ID: 1, Verb: Switchover, To: 1})
	if len(why) != 1 || why[0].OK || why[0].Why != "no-election" {
		t.Errorf("got %v", why)
	}
}

func TestPreemptionWaitsForTheDampingWindow(t *testing.T) {
	b := routedBench(t, 2, 1, func(c *Config) { c.Groups[0].Damping = 40 * time.Second })
	b.run(3 * time.Second)
	b.wantHolder(0)
	b.kill(0)
	b.run(time.Second)
	b.wantHolder(1)
	b.start(0)
	b.run(35 * time.Second)
	b.wantHolder(1)
	if b.noted(0, Damped, 0) != 1 {
		t.Error("nobody was told that the change waits")
	}
	b.run(10 * time.Second)
	b.wantHolder(0)
	b.wantBest(0)
}
