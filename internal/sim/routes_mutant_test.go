package sim

import "testing"

// routesBugs are the planted bugs of what is announced.
var routesBugs = []sourceBug{
	{name: "who takes over leaves no room", file: "routes.go", checks: []string{checkBest},
		old: "max(0, r.Prepend.Active-min(g.route.silent.depth, r.Room))", new: "r.Prepend.Active"},
	{name: "who took over does not step back", file: "stale_paths.go", checks: []string{checkBest},
		old: "return p.until <= now })\n\ts.measure()", new: "return p.until <= now })"},
	{name: "addresses go before the withdrawal is sent", file: "routes.go", checks: []string{checkInPlace},
		old: "if c.unsent(g) && now < g.route.releaseBy", new: "if c.unsent(g) && now < 0"},
	{name: "addresses are announced before they are in place", file: "routes.go", checks: []string{checkInPlace},
		old: "case !g.applied || !g.want.Held:", new: "case !g.want.Held:"},
	{name: "nothing is damped where nobody is elected", file: "routes.go", checks: []string{checkDamping},
		old: "now.Sub(g.route.movedAt) < g.cfg.Damping:", new: "now.Sub(g.route.movedAt) < 0:"},
	{name: "a drained node goes on where nobody is elected", file: "everyone.go", checks: []string{checkSick},
		old: "able := e.ready && !e.heldOff && ", new: "able := e.ready && "},
	{name: "the start-up delay never ends", file: "everyone.go", checks: []string{checkSomeHolder},
		old: "\te.c.due = clock.Min(e.c.due, e.due(now))\n", new: ""},
	{name: "the end of a session is not noticed", file: "session.go", checks: []string{checkHeard, checkSomeHolder},
		old: "n.Kind = SessionDown\n\t\tc.note(n)\n\t\tc.assessAnnounced(now, s)", new: "n.Kind = SessionDown\n\t\tc.note(n)"},
	{name: "who hands over is the last choice at once", file: "announce.go", checks: []string{checkPlanned},
		old: "now.Add(min(g.cfg.Linger/2, overlap))", new: "clock.Never"},
}

// peerBugs are those of the election that only paths show.
var peerBugs = []sourceBug{
	{name: "the group is handed over to whoever asked the node before", file: "active.go", checks: []string{checkDamping},
		old: "return now >= at && int(r.Priority) > g.priority && !g.pinned", new: "return true"},
}

// sessionBugs are those of BGP sessions.
var sessionBugs = []sourceBug{
	{name: "a session that has ended is not tried again", file: "session_end.go", checks: []string{checkSessions, checkSomeHolder},
		old: "if s.started && failed {", new: "if s.started && failed && was.state != EstablishedState {"},
	{name: "nothing is announced in the next session", file: "rib.go", checks: []string{checkBest, checkPlanned, checkSessions},
		old: "\tr.has = r.has[:0]\n", new: ""},
}

// routesMutantSeeds is within how many worlds every planted bug has to be found.
const routesMutantSeeds = "150"

// TestPlantedRoutesBugsAreCaught plants each bug in turn. The sound core passes the
// same worlds: TestRandomRoutesWorlds.
func TestPlantedRoutesBugsAreCaught(t *testing.T) {
	plantEach(t, routesBugs, ".", "TestRandomRoutesWorlds", routesMutantSeeds)
	plantEach(t, peerBugs, "peer", "TestRandomRoutesWorlds", routesMutantSeeds)
	plantEach(t, sessionBugs, "bgp", "TestRandomRoutesWorlds", routesMutantSeeds)
}
