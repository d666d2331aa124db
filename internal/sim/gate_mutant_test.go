package sim

import "testing"

// rightBugs are bugs planted in internal/core/lease.
var rightBugs = []sourceBug{
	{name: "the holder counts from the answer", file: "result.go", checks: []string{checkGateOne},
		old: "m.grant(now, op.at.Add(op.use))", new: "m.grant(now, now.Add(op.use))"},
	{name: "the holder's time is cut", file: "next.go", checks: []string{checkGateOne},
		old: "at = at.Add(m.rec.TTL + m.turnOf())", new: "at = at.Add(m.rec.TTL*7/8 + m.turnOf())"},
	{name: "a write of which nothing is known renews", file: "result.go", checks: []string{checkGateOne},
		old: "			m.doubt(&op)\n", new: "			m.doubt(&op)\n			m.grant(now, op.at.Add(op.use))\n"},
	{name: "a claim has the epoch of the one before", file: "next.go", checks: []string{checkGateEpoch},
		old: "max(m.top, m.cfg.Floor) + 1,", new: "max(m.top, m.cfg.Floor, 1),"},
}

// gateBugs are bugs planted in internal/core/gate.
var gateBugs = []sourceBug{
	{name: "who cannot tell claims", file: "permit.go", checks: []string{checkGateBlind},
		old: "case m.found.verdict == Flatlined:\n		return true", new: "case m.found.verdict != Alive:\n		return true"},
	{name: "a right that the other has is claimed at once", file: "permit.go", checks: []string{checkGateBlind},
		old: "return st.Record.Holder == m.cfg.Site\n", new: "return true\n"},
	{name: "what was unmounted counts as gone", file: "witness.go", checks: []string{checkGateVerdict},
		old: "if w.known && s.Place != w.last.Place {", new: "if false {"},
	{name: "what cannot be read counts as unchanged", file: "witness.go", checks: []string{checkGateVerdict},
		old: "		w.lose(now, unreadable, s.Detail)\n	case s.Sight", new: "		w.span.till, w.span.looks = w.asked, w.span.looks+1\n	case s.Sight"},
	{name: "the right is given up before the workload has ended", file: "end.go", checks: []string{checkGateEnded},
		old: "	m.change(Change{Kind: MustEnd,", new: "	if m.right != nil {\n		m.right.Release(m.heir)\n	}\n	m.change(Change{Kind: MustEnd,"},
	{name: "the workload is killed after its right", file: "end.go", checks: []string{checkGateKill, checkGateOne},
		old: "	kill := m.limited().Add(m.cfg.Grace)\n	if m.right != nil {", new: "	kill := m.limited().Add(2 * m.cfg.Grace)\n	if false {"},
	{name: "a site that cannot write goes on", file: "pen.go", checks: []string{checkGateOne},
		old: "return p.goodAt.Add(p.limit)", new: "return p.goodAt.Add(4 * p.limit)"},
	{name: "a site without a right does not look before it starts", file: "permit.go", checks: []string{checkGateOne},
		old: "	if m.shown == clock.Never || m.pen.wrong", new: "	if m.announce != 0 {\n		return true\n	}\n	if m.shown == clock.Never || m.pen.wrong"},
	{name: "the right is handed over to anybody", file: "end.go", checks: []string{checkGatePlanned},
		old: "m.right.Release(m.heir)", new: "m.right.Release(\"\")"},
}

// storeBugs are bugs planted in the store of these worlds.
var storeBugs = []sourceBug{
	{name: "whatever the version, it is replaced", file: "gate_store.go", checks: []string{checkGateOne, checkGateEpoch},
		old: "if c.version != current {", new: "if c.version != current && c.version == \"none\" {"},
}

// gateMutantSeeds is within how many worlds every planted bug has to be found.
const gateMutantSeeds = "300"

// TestPlantedGateBugsAreCaught plants each bug in turn. Sound gates pass the same
// worlds: TestRandomGateWorlds.
func TestPlantedGateBugsAreCaught(t *testing.T) {
	plantEach(t, rightBugs, "lease", "TestRandomGateWorlds", gateMutantSeeds)
	plantEach(t, gateBugs, "gate", "TestRandomGateWorlds", gateMutantSeeds)
	plantEach(t, storeBugs, "../sim", "TestRandomGateWorlds", gateMutantSeeds)
}
