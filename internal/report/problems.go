package report

import (
	"fmt"
	"strings"
)

// everyReady is the election of a group that every ready node serves: nothing is
// heard of the others.
const everyReady = "none"

// Problems says in words what a person should look at, the worst first.
// A healthy status has none.
func (s *Status) Problems() []string {
	var worst, rest []string
	for i := range s.Groups {
		w, r := s.Groups[i].problems(s.Node)
		worst, rest = append(worst, w...), append(rest, r...)
		g := &s.Groups[i]
		g.announceProblems(s, func(format string, args ...any) {
			worst = append(worst, "group "+g.Name+": "+fmt.Sprintf(format, args...))
		})
		g.waitProblems(s.Node, s.At, func(format string, args ...any) {
			rest = append(rest, "group "+g.Name+": "+fmt.Sprintf(format, args...))
		})
	}
	if s.Vote != nil {
		rest = append(rest, s.Vote.problems()...)
	}
	rest = append(rest, s.sessionProblems()...)
	rest = append(rest, s.Counters.sendProblems()...)
	for i := range s.Peers {
		rest = append(rest, s.Peers[i].problems()...)
	}
	rest = append(rest, s.Gate.problems()...)
	for _, o := range s.Overlays {
		if !o.OK {
			rest = append(rest, fmt.Sprintf("overlay %s is not as configured%s", o.Name, after(": ", o.Detail)))
		}
	}
	for _, r := range s.Notify {
		if r.LastError != "" {
			rest = append(rest, fmt.Sprintf("%s: nobody is told: %s", strings.TrimSpace(r.Kind+" "+r.Name), r.LastError))
		}
	}
	if s.Fence.Kind == "none" && len(s.Groups) > 0 {
		rest = append(rest, "no fence: if stead is killed or frozen, this host goes on answering"+after(": ", s.Fence.Detail))
	}
	return append(worst, rest...)
}

// Problems says in words what a person should look at in the group, on the node
// that is called self.
func (g *Group) Problems(self string) []string {
	worst, rest := g.problems(self)
	return append(worst, rest...)
}

func (g *Group) problems(self string) (worst, rest []string) {
	say := func(list *[]string, format string, args ...any) {
		*list = append(*list, "group "+g.Name+": "+fmt.Sprintf(format, args...))
	}
	if g.Holder() == "" && g.Election != everyReady {
		say(&worst, "nobody is active")
	}
	if g.Stalled {
		say(&worst, "%s is active but its fence is closed: the lease was not renewed in time", self)
	}
	if g.ApplyError != "" {
		say(&worst, "the addresses are not in place: %s", g.ApplyError)
	}
	if g.Quorum.Needed > 0 && g.Role == RoleActive && g.Quorum.Granted < g.Quorum.Needed {
		say(&worst, "%d of the %d votes it needs", g.Quorum.Granted, g.Quorum.Needed)
	}
	if g.Draining {
		say(&rest, "%s is drained; `stead resume` lets it take part again", self)
	} else if !g.Ready && g.Role != RoleWitness {
		say(&rest, "%s is not ready: %s%s", self, ReasonText(g.NotReadyBecause), after(": ", g.NotReadyDetail))
	}
	if spare := g.Spares(); g.Role != RoleWitness && len(g.Members) > 1 && g.HearsMembers() && g.ActiveNode != "" && spare == 0 {
		say(&rest, "nobody else could take over")
	}
	if g.Lease != nil {
		add := func(list *[]string) func(string, ...any) {
			return func(format string, args ...any) { say(list, format, args...) }
		}
		g.Lease.problems(g.Role == RoleActive, add(&worst), add(&rest))
	}
	g.routerProblems(func(format string, args ...any) { say(&rest, format, args...) })
	for _, c := range g.Checks {
		if c.State == CheckDown {
			say(&rest, "check %s is down%s", c.Name, after(": ", c.Detail))
		}
	}
	return worst, rest
}

// HearsMembers tells whether this node hears how the other members are.
func (g *Group) HearsMembers() bool {
	return g.VRRP == nil && g.Lease == nil && g.Election != everyReady
}

// Spares is how many members beside the active one are alive and ready.
func (g *Group) Spares() int {
	n := 0
	for _, m := range g.Members {
		if m.Name != g.ActiveNode && m.Alive && m.Ready {
			n++
		}
	}
	return n
}

func (p *Peer) problems() []string {
	if !p.Alive {
		return []string{fmt.Sprintf("peer %s is not heard", p.Name)}
	}
	var out []string
	for _, path := range p.Paths {
		switch {
		case !path.Alive:
			out = append(out, fmt.Sprintf("peer %s is not heard over %s", p.Name, path.Address))
		case path.Deaf:
			out = append(out, fmt.Sprintf("peer %s does not hear us over %s", p.Name, path.Address))
		}
	}
	return out
}

// after puts a separator before a text that is not empty.
func after(separator, text string) string {
	if text == "" {
		return ""
	}
	return separator + text
}

// Printable makes a text that others wrote (the answer of a check, the output of
// a hook) safe for a terminal: one line, no control characters, at most limit runes.
func Printable(text string, limit int) string {
	var b strings.Builder
	n := 0
	for _, r := range text {
		if n == limit {
			b.WriteString("…")
			break
		}
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			r = ' '
		}
		b.WriteRune(r)
		n++
	}
	return strings.TrimSpace(b.String())
}
