package daemon

import (
	"fmt"
	"strings"
	"testing"

	"stead/internal/config"
	"stead/internal/core"
	"stead/internal/core/reason"
)

// TestChanges plays what the core wants (active, hold, release) and notes (ready,
// not-ready, saw) of groups, each with its reason, and compares what is told.
func TestChanges(t *testing.T) {
	for _, c := range []struct{ name, played, want string }{
		{"the first standby", "ready:a", "a standby starting"},
		{"not known yet is standby", "not-ready:a:check-unknown", "a standby check-unknown"},
		{"a fault at the start", "not-ready:a:link-down", "a fault link-down"},
		{"once each", "ready:a not-ready:a:check-failed not-ready:a:link-down ready:a ready:a", "a standby starting, a fault check-failed, a standby link-up"},
		{"a fault passes only when ready", "not-ready:a:link-down not-ready:a:check-unknown ready:a", "a fault link-down, a standby link-up"},
		{"taking and letting go", "ready:a active:a:peer-silent release:a:switchover", "a standby starting, a activate peer-silent, a standby switchover"},
		{"a new epoch is no change", "ready:a active:a:peer-silent active:a:peer-silent", "a standby starting, a activate peer-silent"},
		{"a release by a fault is told once", "ready:a active:a:nobody-active release:a:check-failed not-ready:a:check-failed ready:a",
			"a standby starting, a activate nobody-active, a fault check-failed, a standby check-passed"},
		{"and also when it was known before", "ready:a active:a:nobody-active not-ready:a:check-failed release:a:superseded",
			"a standby starting, a activate nobody-active, a fault check-failed"},
		{"a fault that passes while active", "ready:a active:a:nobody-active not-ready:a:check-failed ready:a release:a:superseded",
			"a standby starting, a activate nobody-active, a standby superseded"},
		{"an address that is refused", "ready:a active:a:nobody-active release:a:address-failed not-ready:a:address-failed ready:a",
			"a standby starting, a activate nobody-active, a fault address-failed, a standby"},
		{"a switchover", "ready:a hold:a:switchover active:a:switchover", "a standby starting, a prepare switchover, a activate switchover"},
		{"one that fails", "ready:a hold:a:switchover release:a:switchover-late", "a standby starting, a prepare switchover, a standby switchover-late"},
		{"a target that gets a fault", "ready:a hold:a:switchover not-ready:a:link-down release:a:switchover-late", "a standby starting, a prepare switchover, a fault link-down"},
		{"the end, active", "ready:a active:a:nobody-active release:a:stopping end", "a standby starting, a activate nobody-active, a stop stopping"},
		{"the end, handed over", "ready:a active:a:nobody-active release:a:switchover end", "a standby starting, a activate nobody-active, a standby switchover, a stop stopping"},
		{"the end as standby, and nothing after", "ready:a end not-ready:a:link-down ready:a", "a standby starting, a stop stopping"},
		{"the end of what never began", "end", ""},
		{"groups on their own", "ready:a ready:b not-ready:b:link-down", "a standby starting, b standby starting, b fault link-down"},
		{"groups that change together", "ready:x ready:y not-ready:x:link-down ready:x",
			"x standby starting, y standby starting, x fault link-down, y fault sync-group, x standby link-up, y standby sync-group"},
		{"together from the start", "not-ready:x:link-down ready:y ready:x", "x fault link-down, y fault sync-group, x standby link-up, y standby sync-group"},
		{"let go together", "ready:x ready:y active:x:nobody-active active:y:sync-group release:x:link-down release:y:sync-group not-ready:x:link-down ready:x",
			"x standby starting, y standby starting, x activate nobody-active, y activate sync-group, x fault link-down, y fault sync-group, x standby link-up, y standby sync-group"},
		{"given way together", "ready:x ready:y active:x:nobody-active active:y:sync-group release:x:higher-priority release:y:sync-group",
			"x standby starting, y standby starting, x activate nobody-active, y activate sync-group, x standby higher-priority, y standby sync-group"},
	} {
		if got := strings.Join(play(c.played), ", "); got != c.want {
			t.Errorf("%s: %s\n got  %s\n want %s", c.name, c.played, got, c.want)
		}
	}
}

var played = &config.Config{Groups: []config.Group{{Name: "a"}, {Name: "b"}, {Name: "x", Sync: "s"}, {Name: "y", Sync: "s"}}}

func play(script string) (out []string) {
	c := &changes{}
	c.reset(played)
	for _, step := range strings.Fields(script) {
		parts := append(strings.Split(step, ":"), "", "")
		group, why := core.GroupID(strings.Index("abxy", parts[1])), reason.Reason(parts[2])
		var all []told
		switch parts[0] {
		case "active", "hold", "release":
			all = c.wanted(&core.Want{Group: group, Held: parts[0] != "release", Active: parts[0] == "active", Reason: why}, "me")
		case "ready":
			all = c.noted(&core.Note{Kind: core.Ready, Group: group}, "me")
		case "not-ready":
			all = c.noted(&core.Note{Kind: core.NotReady, Group: group, Reason: why}, "me")
		case "end":
			all = c.ended()
		}
		for _, t := range all {
			out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s", c.groups[t.group].name, t.kind, t.reason)))
		}
	}
	return out
}

// A release by a fault says what was seen, also when the note comes after it.
func TestChangesSayWhatWasSeen(t *testing.T) {
	c := &changes{}
	c.reset(played)
	c.wanted(&core.Want{Group: 0, Held: true, Active: true, Reason: reason.NobodyActive}, "me")
	all := c.wanted(&core.Want{Group: 0, Reason: reason.CheckFailed, Detail: "web"}, "me")
	if len(all) != 1 || all[0].kind != config.HookFault || all[0].detail != "web" {
		t.Errorf("%+v", all)
	}
}

func TestChangesKnowWhoIsActive(t *testing.T) {
	c := &changes{}
	c.reset(played)
	c.noted(&core.Note{Kind: core.SawActive, Group: 1}, "other")
	c.wanted(&core.Want{Group: 0, Held: true, Active: true}, "me")
	if c.groups[0].active != "me" || c.groups[1].active != "other" {
		t.Errorf("%q %q", c.groups[0].active, c.groups[1].active)
	}
	c.wanted(&core.Want{Group: 0}, "me")
	if c.groups[0].active != "" {
		t.Errorf("after letting go: %q", c.groups[0].active)
	}
	// A reload that gives the groups other numbers forgets nothing.
	c.reset(&config.Config{Groups: []config.Group{{Name: "b"}, {Name: "new"}}})
	if c.groups[0].active != "other" || c.groups[1].active != "" || len(c.groups) != 2 {
		t.Errorf("%+v", c.groups)
	}
}
