package sim

import "testing"

// leaseBugs are the planted bugs of leases: each replaces one place of a file.
var leaseBugs = []sourceBug{
	{name: "a refused swap counts as one that was taken", file: "result.go", checks: []string{checkOneHolder},
		old: "\t\tm.stale = true // what is there now", new: "\t\tm.wrote(now, &op, m.version)\n\t\tm.stale = true // what is there now"},
	{name: "a renewal without an answer counts", file: "result.go", checks: []string{checkOneHolder},
		old: "\t\t\tm.doubt(&op)\n", new: "\t\t\tm.doubt(&op)\n\t\t\tm.until = max(m.until, op.at.Add(op.use))\n"},
	{name: "a right is claimed before its time is over", file: "next.go", checks: []string{checkOneHolder},
		old: "at = at.Add(m.rec.TTL + m.turnOf())", new: "at = at.Add(m.rec.TTL/2 + m.turnOf())"},
	{name: "a register that was made anew is claimed at once", file: "next.go", checks: []string{checkOneHolder},
		old: "\tcase m.version == \"\":\n\tcase m.bad:", new: "\tcase m.version == \"\", m.rec.State == Made:\n\tcase m.bad:"},
	{name: "the fence is open for longer than the right", file: "machine.go", checks: []string{checkOneHolder, checkNotes},
		old: "\t\tm.out.Until = m.end()\n", new: "\t\tm.out.Until = m.end().Add(m.cfg.TTL / 8)\n"},
	{name: "a claim has the epoch of the one before", file: "next.go", checks: []string{checkEpochs, checkSomeHolder},
		old: "Epoch: max(m.top, m.cfg.Floor) + 1, Holder", new: "Epoch: max(m.top, m.cfg.Floor), Holder"},
	{name: "nodes that ask write over each other", file: "next.go", checks: []string{checkSomeHolder},
		old: "case m.rec.To != \"\" || now >= m.since.Add(m.rec.TTL/2):", new: "case false:"},
}

// voteBugs are those of the election with the vote of a store.
var voteBugs = []sourceBug{
	{name: "the epochs of two votes are not kept apart", file: "store.go", checks: []string{checkEpochs},
		old: "\t\tg.seen = max(g.seen, number*epochsPerVote)\n", new: ""},
	{name: "the vote is asked for when the lease has ended", file: "store.go", checks: []string{checkKeeps},
		old: "return c.until.Add(-c.lease / 3)", new: "return c.until"},
}

// slowBugs are those that only a slow store shows.
var (
	slowRightBugs = []sourceBug{
		{name: "the holder counts its right from the answer", file: "result.go", checks: []string{checkOneHolder},
			old: "\tcase m.ours():\n\t\tm.grant(now, op.at.Add(op.use))", new: "\tcase m.ours():\n\t\tm.grant(now, now.Add(op.use))"},
	}
	slowVoteBugs = []sourceBug{
		{name: "a slow store costs the role", file: "store.go", checks: []string{checkKeeps},
			old: "const storeGrace = time.Second", new: "const storeGrace = time.Duration(0)"},
	}
)

// endBugs are those that only a daemon shows that stops at the wrong moment.
var endBugs = []sourceBug{
	{name: "a lease outlasts the vote that it hangs on", file: "store.go", checks: []string{checkOneHolder},
		old: "now.Add(m.longestLease()) > m.storeUntil", new: "now > m.storeUntil"},
}

// witnessBugs are those of the vote itself.
var witnessBugs = []sourceBug{
	{name: "a vote that was given back is counted on", file: "witness.go", checks: []string{checkOneHolder},
		old: "\tw.c.machine.SetStoreVote(now, 0, 0)\n", new: ""},
	{name: "the vote is never given back", file: "witness.go", checks: []string{checkCalm},
		old: "\tdefault:\n\t\tw.giveBack(now)\n", new: "\tdefault:\n"},
}

// storeMutantSeeds is within how many worlds every planted bug has to be found.
const storeMutantSeeds = "300"

// TestPlantedStoreBugsAreCaught plants each bug in turn. The sound core passes the
// same worlds: TestRandomRightWorlds and TestRandomVoteWorlds.
func TestPlantedStoreBugsAreCaught(t *testing.T) {
	plantEach(t, leaseBugs, "lease", "TestRandomRightWorlds", storeMutantSeeds)
	plantEach(t, voteBugs, "peer", "TestRandomVoteWorlds", storeMutantSeeds)
	plantEach(t, slowRightBugs, "lease", "TestRightEndsBeforeAnotherHasIt", "1")
	plantEach(t, slowVoteBugs, "peer", "TestVoteWithinAThirdOfTheLeaseHidesTheDeathOfAPeer", "1")
	plantEach(t, endBugs, "peer", "TestVoteEndsWithTheLeaseThatHangsOnIt", "1")
	plantEach(t, witnessBugs, ".", "TestRandomVoteWorlds", storeMutantSeeds)
}
