package gate

import (
	"strings"
	"testing"
	"time"

	"stead/internal/core/gate"
)

// good are settings that Check accepts.
func good() Settings {
	t := gate.DefaultTiming()
	return Settings{Site: "west", Other: "east", Store: "folder:/share", Timing: t, Command: []string{"worker"}}
}

func TestCheck(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Settings)
		want   string // in the error; empty: there is none
	}{
		"good":      {func(*Settings) {}, ""},
		"no name":   {func(s *Settings) { s.Site = "" }, "site: is missing"},
		"bad name":  {func(s *Settings) { s.Other = "a/b" }, "is no name of a site"},
		"same name": {func(s *Settings) { s.Other = "west" }, "is this site itself"},
		"bad store": {func(s *Settings) { s.Store = "share" }, "does not begin with a kind of store"},
		"no store":  {func(s *Settings) { s.Store = "" }, "there is no store to keep it in"},
		"witness twice": {func(s *Settings) {
			s.Witnesses = []Witness{{Name: "a", Store: "folder:/a"}, {Name: "a", Store: "folder:/b"}}
		}, "is there twice"},
		"network without address": {func(s *Settings) { s.Witnesses = []Witness{{Name: "n", Network: true}} }, "nothing listens"},
		"network without key":     {func(s *Settings) { s.Network = Network{Listen: "127.0.0.1:1", SendTo: []string{"127.0.0.1:2"}} }, "has no key"},
		"watch and command":       {func(s *Settings) { s.Watch = true }, "leave one of them out"},
		"watch without right":     {func(s *Settings) { s.Watch, s.Command, s.Right = true, nil, NoRight }, "without a right"},
		"processes unwatched":     {func(s *Settings) { s.Processes = []string{"x"} }, "add watch"},
		"nothing stops it":        {func(s *Settings) { s.Right, s.Timing.Beat = NoRight, 0 }, "nothing would ever stop it"},
		"times":                   {func(s *Settings) { s.Timing.Flatline = 9 * time.Second }, "stop_after 6s + grace 2s + 140.625ms"},
		"beat too seldom":         {func(s *Settings) { s.Timing.Beat = 6 * time.Second }, "one heartbeat would be too late"},
		"negative":                {func(s *Settings) { s.OpenAfter = -1 }, "longer than 0"},
	} {
		t.Run(name, func(t *testing.T) {
			s := good()
			c.change(&s)
			switch err := s.Check(); {
			case c.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

// Whoever only opens may take over at once what an earlier run of its site has
// claimed; whoever guards may not, since that one may still be at work.
func TestInherit(t *testing.T) {
	guards, opens := good(), good()
	opens.Command = nil
	if c := guards.config(1); c.Right.Inherit {
		t.Error("a gate that guards inherits the right of an earlier run")
	}
	if c := opens.config(1); !c.Right.Inherit {
		t.Error("a gate that only opens does not inherit the right of an earlier run")
	}
}

// The heartbeat is written to where the other site looks for it, once.
func TestPages(t *testing.T) {
	s := good()
	s.Witnesses = []Witness{{Name: "a", Store: "folder:/a"}, {Name: "b", Store: "folder:/a"}, {Name: "c", Network: true}, {Name: "d", Store: "folder:/d"}}
	if got := strings.Join(s.pages(), " "); got != "folder:/a folder:/d" {
		t.Errorf("pages %s", got)
	}
}
