package core

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"stead/internal/transcript"
)

// The transcripts in testdata read like the report of an incident: a line at the
// margin is done to the bench, the indented lines below it are what the nodes
// say and ask for. -rewrite regenerates those; the diff is to be read. Lines that
// begin with "expect" hold whatever -rewrite writes.
//
// Every line has the time since the bench began. "answers" is what clients see:
// whose kernel answers for the address.
func TestTranscripts(t *testing.T) { transcript.Files(t, 20, play) }

// script is a transcript that is being played.
type script struct {
	*bench
	cuts    map[[2]int]bool
	out     []string
	silent  bool
	answers string
	stepped Instant // when a node did something last
	epoch   uint64  // the highest that any node activated
	command uint64
}

func play(t *testing.T, text string) string {
	s := &script{bench: emptyBench(t), cuts: map[[2]int]bool{}, answers: "nobody"}
	s.cut = func(from, to int) bool { return s.cuts[[2]int{from, to}] }
	s.told = s.tell
	return transcript.Play(t, text, &s.out, s.do)
}

func (s *script) sayAt(at Instant, format string, args ...any) {
	if !s.silent {
		s.out = append(s.out, fmt.Sprintf("%12.3fms ", float64(at.Sub(benchStart))/1e6)+fmt.Sprintf(format, args...))
	}
}

func (s *script) say(format string, args ...any) { s.sayAt(s.now, format, args...) }

// tell writes what a step asks for in the order in which it is carried out,
// but for heartbeats and renewals of the lease.
func (s *script) tell(i int, a *Actions) {
	n := s.nodes[i]
	s.watch()
	s.stepped = s.now
	for _, f := range a.Bind {
		what := "fence open"
		switch {
		case f.Slot == 0:
			what = "fence closed"
		case f.Slot >= FenceSlots-lingerSlots:
			what = "fence closed but for packets under way"
		case n.bound[f.Group] > 0 && n.bound[f.Group] < FenceSlots-lingerSlots:
			continue // from one lease to another
		}
		s.say("%s %s%s", n.name, what, ofGroup(f.Group))
	}
	for _, w := range a.Want {
		what := "want released"
		switch {
		case w.Active:
			what = fmt.Sprintf("want held, active, epoch=%d", w.Epoch)
			if w.Epoch < s.epoch && w.Group == 0 && s.mayBe == 1 {
				s.fail("%s asks for epoch %d after %d", n.name, w.Epoch, s.epoch)
			}
			s.epoch = max(s.epoch, w.Epoch)
		case w.Held:
			what = "want held behind the fence"
		}
		s.say("%s %s%s", n.name, what, ofGroup(w.Group))
	}
	for _, x := range a.Advertise {
		if x.Bytes[2] == 0 { // those of a calm state are left out, as heartbeats are
			s.say("%s advertises priority 0%s", n.name, ofGroup(x.Group))
		}
	}
	for _, x := range a.Announce {
		s.say("%s announce%s", n.name, ofGroup(x.Group))
	}
	for _, r := range a.Reply {
		what := "done"
		if !r.OK {
			what = "refused (" + string(r.Why) + ")"
		}
		s.say("%s reply: %s", n.name, what)
	}
	for _, note := range a.Note {
		line := s.noteLine(i, note)
		s.sayAt(note.At, "%s", line[strings.Index(line, "ms ")+3:])
	}
}

func ofGroup(g GroupID) string {
	if g == 0 {
		return ""
	}
	return fmt.Sprintf(" group=%d", g)
}

// watch writes who answers the clients, if that has changed.
func (s *script) watch() {
	names, at := []string{}, s.stepped
	for _, i := range s.holders(0) {
		names = append(names, s.nodes[i].name)
	}
	if len(names) == 0 {
		names = append(names, "nobody")
	}
	for _, n := range s.nodes {
		if slot := n.slots[n.bound[0]]; n.bound[0] > 0 && slot.Answer > s.stepped && slot.Answer <= s.now && strings.Contains(s.answers, n.name) {
			at = slot.Answer // the kernel closed the fence by itself
		}
	}
	if now := strings.Join(names, " and "); now != s.answers {
		s.answers = now
		s.sayAt(at, "%s answers", now)
	}
}

// do carries out a line.
func (s *script) do(words []string) error {
	verb, args := words[0], words[1:]
	if verb == "bench" {
		return s.build(args)
	}
	defer s.watch()
	if len(args) == 0 && verb != "heal" && verb != "start" {
		return fmt.Errorf("an argument is missing")
	}
	switch verb {
	case "run", "settle":
		d, err := time.ParseDuration(args[0])
		s.silent = verb == "settle"
		s.run(d)
		s.watch()
		s.silent = false
		return err
	case "expect":
		return s.expect(args)
	case "cut", "heal":
		return s.rewire(verb, args)
	case "start", "kill", "freeze", "thaw":
		return s.life(verb, args)
	}
	return s.event(verb, args)
}

func (s *script) node(name string) (int, error) {
	for i, n := range s.nodes {
		if n.name == name {
			return i, nil
		}
	}
	return 0, fmt.Errorf("no node %q", name)
}

func (s *script) life(verb string, names []string) error {
	if len(names) == 0 {
		for _, n := range s.nodes {
			names = append(names, n.name)
		}
	}
	for _, name := range names {
		i, err := s.node(name)
		if err != nil {
			return err
		}
		switch verb {
		case "start":
			s.start(i)
		case "kill":
			s.kill(i)
		case "freeze":
			s.nodes[i].frozen = true
		case "thaw":
			s.thaw(i)
		}
	}
	return nil
}

// rewire cuts "a>b", what a sends to b; "a-b", both ways; with * for every node.
func (s *script) rewire(verb string, links []string) error {
	if verb == "heal" {
		clear(s.cuts)
	}
	for _, link := range links {
		at := strings.IndexAny(link, ">-")
		if at < 0 {
			return fmt.Errorf("no link %q", link)
		}
		for i, a := range s.nodes {
			for j, b := range s.nodes {
				fits := func(name, pattern string) bool { return pattern == "*" || pattern == name }
				if i != j && fits(a.name, link[:at]) && fits(b.name, link[at+1:]) {
					s.cuts[[2]int{i, j}] = true
					s.cuts[[2]int{j, i}] = s.cuts[[2]int{j, i}] || link[at] == '-'
				}
			}
		}
	}
	return nil
}

// event puts an event into a node.
func (s *script) event(verb string, args []string) error {
	i, err := s.node(args[0])
	if err != nil {
		return err
	}
	arg := func(n int) string {
		if n < len(args) {
			return args[n]
		}
		return ""
	}
	s.command++
	c := Command{ID: s.command, Group: AllGroups, To: NoNode}
	switch verb {
	case "check":
		outcome := map[string]Outcome{"passed": Passed, "failed": Failed, "could-not-run": CouldNotRun}[arg(2)]
		check := slices.IndexFunc(s.nodes[i].cfg.Groups[0].Checks, func(c Check) bool { return c.Name == arg(1) })
		s.step(i, CheckResult{Check: check, Outcome: outcome, Detail: arg(2)})
		return nil
	case "link":
		s.step(i, LinkState{Interface: arg(1), Up: arg(2) == "up"})
		return nil
	case "hook":
		s.step(i, HookDone{Generation: s.nodes[i].core.groups[0].want.Generation, OK: arg(1) == "ended"})
		return nil
	case "addresses":
		s.nodes[i].apply = nil
		if arg(1) == "refused" {
			s.nodes[i].apply = func(w Want) (time.Duration, bool, bool) { return applyTime, !w.Held, true }
		}
		return nil
	case "stranger-removes-address":
		s.step(i, AddressRepaired{Address: netip.MustParsePrefix("192.0.2.1/24")})
		return nil
	case "switchover":
		c.Verb, c.Group = Switchover, 0
		if arg(1) != "" {
			to, err := s.node(arg(1))
			if err != nil {
				return err
			}
			c.To = NodeID(to)
		}
	case "drain", "resume", "stop", "abort":
		c.Verb = map[string]Verb{"drain": Drain, "resume": Resume, "stop": Stop, "abort": Abort}[verb]
	default:
		return fmt.Errorf("unknown verb %q", verb)
	}
	s.step(i, c)
	return nil
}

// expect checks what holds whatever -rewrite writes.
func (s *script) expect(args []string) error {
	s.watch()
	what, rest := args[0], strings.Join(args[1:], " ")
	got := ""
	switch what {
	case "answers":
		got = s.answers
	case "epoch":
		got = strconv.FormatUint(s.epoch, 10)
	case "reason":
		i, err := s.node(args[1])
		if err != nil {
			return err
		}
		got = args[1] + " " + string(s.nodes[i].core.groups[0].cause)
	case "quiet":
		lines := len(s.out)
		d, err := time.ParseDuration(rest)
		if err != nil {
			return err
		}
		s.run(d)
		s.watch()
		if got = rest; len(s.out) != lines {
			got = "not quiet"
		}
	default:
		return fmt.Errorf("unknown expectation %q", what)
	}
	if got != rest {
		return fmt.Errorf("got %q", got)
	}
	return nil
}
