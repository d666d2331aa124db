package core

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"stead/internal/core/bgp"
	"stead/internal/core/reason"
)

// changeConfig has a node of a bench read a configuration that is changed a little.
func (b *bench) changeConfig(i int, change func(*Config)) {
	b.t.Helper()
	b.reload(i, func(c *Config) {
		c.Peers, c.BFD = slices.Clone(c.Peers), slices.Clone(c.BFD)
		for j := range c.Groups {
			if r := c.Groups[j].Routes; r != nil {
				routes := *r
				c.Groups[j].Routes = &routes
			}
		}
		change(c)
	})
}

// What packets under way find at the old holder does not go with a reload.
func TestReloadLeavesALingerAlone(t *testing.T) {
	b := routedBench(t, 2, 1)
	b.run(3 * time.Second)
	b.step(0, Command{ID: 1, Verb: Switchover, To: 1})
	b.neverLost(10 * time.Millisecond)
	b.changeConfig(0, func(c *Config) { c.Groups[0].Routes.Prepend.Drain = 7 })
	b.neverLost(500 * time.Millisecond)
	b.wantBest(1)
	b.wantPath(0, 8)
	b.neverLost(2 * time.Second)
	b.wantPath(0, 0)
	if b.nodes[0].core.groups[0].want.Held {
		t.Error("the address is still there")
	}
}

// A group that leaves, or is decided in another way, lets its addresses go also
// where they are kept for packets under way or for a switchover that is prepared.
func TestGroupThatLeavesWhileItLingers(t *testing.T) {
	changes := map[string]func(*Config){
		"gone":     func(c *Config) { c.Groups = nil },
		"everyone": func(c *Config) { everyone(c) },
		"no member": func(c *Config) {
			c.Groups[0].Members = c.Groups[0].Members[1:]
			c.Groups[0].Routes = nil
		},
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			b := routedBench(t, 2, 1)
			b.mayBe = 2
			b.run(3 * time.Second)
			b.step(0, Command{ID: 1, Verb: Switchover, To: 1})
			b.run(50 * time.Millisecond)
			var last Want
			b.told = func(i int, a *Actions) {
				for _, w := range a.Want {
					if i == 0 {
						last = w
					}
				}
			}
			b.changeConfig(0, change)
			if last.Held || last.Generation == 0 {
				t.Errorf("the last that was wanted: %+v", last)
			}
			b.run(time.Second)
			b.wantPath(0, 0)
		})
	}
}

func TestGroupThatLeavesWhileItPrepares(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"gone":     func(c *Config) { c.Groups = nil },
		"everyone": func(c *Config) { everyone(c) },
	} {
		t.Run(name, func(t *testing.T) {
			b := routedBench(t, 2, 1, func(c *Config) { c.Groups[0].PrepareHook = true })
			b.mayBe = 2
			b.run(3 * time.Second)
			b.step(0, Command{ID: 1, Verb: Switchover, To: 1})
			b.run(20 * time.Millisecond)
			if w := b.nodes[1].core.groups[0].want; !w.Held || w.Stay {
				t.Fatal("nothing is prepared")
			}
			var last Want
			b.told = func(i int, a *Actions) {
				for _, w := range a.Want {
					if i == 1 {
						last = w
					}
				}
			}
			b.changeConfig(1, change)
			b.run(50 * time.Millisecond)
			if last.Held || last.Generation == 0 {
				t.Errorf("the last that was wanted: %+v", last)
			}
		})
	}
}

// A node that is no member for a while, and is again, serves again.
func TestMemberAgainWithoutAnElection(t *testing.T) {
	b := routedBench(t, 2, 0, everyone)
	b.passing()
	b.run(3 * time.Second)
	b.wantBest(0, 1)
	members, routes := b.nodes[0].cfg.Groups[0].Members, b.nodes[0].cfg.Groups[0].Routes
	b.changeConfig(0, func(c *Config) { c.Groups[0].Members, c.Groups[0].Routes = members[1:], nil })
	b.run(time.Second)
	b.wantBest(1)
	b.changeConfig(0, func(c *Config) { c.Groups[0].Members, c.Groups[0].Routes = members, routes })
	b.step(0, CheckResult{Outcome: Passed})
	b.run(time.Minute)
	b.wantBest(0, 1)
}

// A group that a reload brings while the node ends is not begun with.
func TestNoGroupBeginsWhileTheNodeEnds(t *testing.T) {
	b := routedBench(t, 2, 1)
	b.run(3 * time.Second)
	b.step(0, Command{ID: 1, Verb: Stop, Group: AllGroups, Why: reason.Stopping})
	b.run(300 * time.Millisecond)
	b.changeConfig(0, func(c *Config) {
		second := c.Groups[0]
		second.Name, second.Everyone, second.Interval, second.Multiplier, second.Routes = "second", true, 0, 0, nil
		c.Groups = append(c.Groups, second)
	})
	ended := false
	b.told = func(i int, a *Actions) { ended = ended || i == 0 && len(a.Reply) > 0 }
	b.run(3 * time.Second)
	if !ended {
		t.Error("the node does not end")
	}
}

// A group that is served goes on being served when it is announced as well.
func TestAnnouncedByAReload(t *testing.T) {
	var routes [3]*Routes
	var peers [3][]Peer
	b := routedBench(t, 2, 1, func(c *Config) {
		routes[c.Self], peers[c.Self] = c.Groups[0].Routes, c.Peers
		c.Groups[0].Routes, c.Peers = nil, nil
	})
	b.run(3 * time.Second)
	b.wantHolder(0)
	at := b.now
	for i := range 2 {
		b.changeConfig(i, func(c *Config) { c.Groups[0].Routes, c.Peers = routes[i], peers[i] })
		b.run(time.Second)
	}
	b.wantHolder(0)
	b.wantBest(0)
	if n := b.noted(0, BecameStandby, at); n > 0 {
		b.fail("%d times let go", n)
	}
}

// Nor does it wait for ever for a session that does not come.
func TestAnnouncedByAReloadInVain(t *testing.T) {
	var routes *Routes
	var peers []Peer
	b := routedBench(t, 2, 1, func(c *Config) {
		if c.Self == 0 {
			routes, peers = c.Groups[0].Routes, c.Peers
			c.Groups[0].Routes, c.Peers = nil, nil
		}
	})
	b.run(3 * time.Second)
	b.wantHolder(0)
	b.cut = func(from, to int) bool { return from == 0 && to >= firstServed }
	b.changeConfig(0, func(c *Config) { c.Groups[0].Routes, c.Peers = routes, peers })
	b.run(firstSession - time.Second)
	b.wantHolder(0)
	b.run(1100 * time.Millisecond)
	b.wantHolder(1)
	b.wantBest(1)
}

// A check that a reload makes of a path which is up already passes.
func TestCheckOfAPathThatIsUp(t *testing.T) {
	b := routedBench(t, 2, 1, byBFD)
	b.run(5 * time.Second)
	b.wantHolder(0)
	at := b.now
	b.changeConfig(0, func(c *Config) {
		c.Groups[0].Checks = []Check{{Name: "gateway", Rise: 1, Fall: 1, Fatal: true, IsBFD: true, BFD: 1}}
	})
	b.run(2 * time.Second)
	b.wantHolder(0)
	b.wantBest(0)
	if n := b.noted(0, BecameStandby, at); n > 0 {
		b.fail("%d times let go", n)
	}
	b.cut = func(from, to int) bool { return from == 0 && to == firstServed+1 }
	b.run(40 * time.Millisecond)
	b.wantHolder(1)
}

// One that looks at another path from now on knows nothing of it yet.
func TestCheckOfAnotherPath(t *testing.T) {
	b := routedBench(t, 2, 1, byBFD, func(c *Config) {
		c.Groups[0].Checks = []Check{{Name: "gateway", Rise: 1, Fall: 1, Fatal: true, IsBFD: true, BFD: 1}}
	})
	b.run(5 * time.Second)
	b.wantHolder(0)
	b.changeConfig(0, func(c *Config) {
		c.BFD = append(c.BFD, Path{Name: "other", Remote: routerAt(99), Multihop: true, Session: watching(33)})
		c.Groups[0].Checks = slices.Clone(c.Groups[0].Checks)
		c.Groups[0].Checks[0].BFD = 2
	})
	b.run(50 * time.Millisecond)
	b.wantHolder(1)
}

// An address that a reload adds is in place before the path to it is announced.
func TestAddressOfAReloadComesBeforeItsPath(t *testing.T) {
	second := netip.MustParsePrefix("192.0.2.201/32")
	b := routedBench(t, 1, 0)
	b.run(3 * time.Second)
	b.nodes[0].apply = func(Want) (time.Duration, bool, bool) { return 50 * time.Millisecond, true, true }
	b.changeConfig(0, func(c *Config) {
		c.Groups[0].Routes.Paths = append(slices.Clone(c.Groups[0].Routes.Paths), bgp.Path{Prefix: second})
	})
	announced := func() bool { _, ok := b.servers[1].ends[0].paths[second]; return ok }
	b.neverLost(45 * time.Millisecond)
	if announced() {
		t.Error("it is announced, and not in place")
	}
	b.neverLost(10 * time.Millisecond)
	if !announced() {
		t.Error("it is not announced")
	}
	b.neverLost(time.Second)
	b.changeConfig(0, func(c *Config) { c.Groups[0].Routes.Paths = c.Groups[0].Routes.Paths[:1] })
	b.neverLost(time.Second)
	if announced() {
		t.Error("it is still announced")
	}
}
