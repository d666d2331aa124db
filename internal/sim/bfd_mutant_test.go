package sim

import "testing"

// bfdBugs are bugs planted in internal/core/bfd.
var bfdBugs = []sourceBug{
	{name: "the Detection Time has the own multiplier", file: "timers.go", checks: []string{checkFalseDown, checkLateDown, checkAgree},
		old: "return time.Duration(s.remote.mult) *", new: "return time.Duration(s.cfg.DetectMult) *"},
	{name: "packets come less often before the other end knows", file: "timers.go", checks: []string{checkBFDCalm},
		old: "if s.state != Up || desired < o.tx {", new: "if true {"},
	{name: "more packets are expected before the other end knows", file: "timers.go", checks: []string{checkBFDCalm},
		old: "if s.state != Up || required > o.rx {", new: "if true {"},
	{name: "a change of intervals is not polled", file: "timers.go", checks: []string{checkAgree},
		old: "	if changed {\n		s.startPoll()\n	}\n", new: "	_ = changed\n"},
	{name: "AdminDown is told once", file: "states.go", checks: []string{checkAdmin},
		old: "if s.state == Up && s.every > 0 {", new: "if false {"},
	{name: "AdminDown of the other end looks like a failure", file: "receive.go", checks: []string{checkAdmin},
		old: "PeerAdmin: true", new: "PeerAdmin: false"},
	{name: "Down becomes Up though the other end has not noticed", file: "receive.go", checks: []string{checkHandshake},
		old: "case s.state == Down && received == Init,", new: "case s.state == Down && (received == Init || received == Up),"},
	{name: "sequence numbers are never forgotten", file: "auth.go", checks: []string{checkComesBack, checkBFDCalm},
		old: "if !a.known || now >= a.knownUntil {", new: "if !a.known {"},
	{name: "silence is counted from the packet before", file: "receive.go", checks: []string{checkFalseDown, checkBFDCalm},
		old: "	s.heard, s.expect = now, true\n", new: "	if s.heard == 0 || s.expect {\n		s.heard = max(s.heard, now-Instant(s.detectionTime()/2))\n	} else {\n		s.heard = now\n	}\n	s.expect = true\n"},
	{name: "the fast rate begins before Up", file: "timers.go", checks: []string{checkSlow},
		old: "		desired = max(desired, slowInterval)\n", new: ""},
}

// TestPlantedBFDBugsAreCaught plants each bug in turn. Sound sessions pass the same
// worlds: TestRandomBFDWorlds.
func TestPlantedBFDBugsAreCaught(t *testing.T) {
	plantEach(t, bfdBugs, "bfd", "TestRandomBFDWorlds", "40")
}
