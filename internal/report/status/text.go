// Package status draws a status for people: what is wrong first, then who is
// active, since when and why, then the rest. It fits on a screen and reads the
// same in a log. Texts that others wrote are made safe for a terminal.
package status

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"stead/internal/report"
)

// Text draws a status.
func Text(w io.Writer, s *report.Status) error {
	var b strings.Builder
	head(&b, s)
	groups(&b, s)
	if s.Gate != nil {
		b.WriteString("\n" + s.Gate.Text())
	}
	peers(&b, s)
	sessions(&b, s)
	paths(&b, s)
	overlays(&b, s)
	_, err := io.WriteString(w, b.String())
	return err
}

const indent = "  "

// fewGroups is up to how many groups are drawn with their members and checks.
// With more, only those that have a problem are.
const fewGroups = 8

func head(b *strings.Builder, s *report.Status) {
	fmt.Fprintf(b, "%s · stead %s · up %s · fence %s%s", s.Node, s.Version, Age(time.Duration(s.Uptime*float64(time.Second))), s.Fence.Kind, stalls(s.Fence.Stalls))
	switch {
	case s.Realtime.Active:
		fmt.Fprintf(b, " · real-time %d", s.Realtime.Priority)
	case s.Realtime.Mode != "" && s.Realtime.Mode != "off":
		b.WriteString(" · not real-time" + because(s.Realtime.Detail))
	}
	b.WriteString("\n\n")
	problems := s.Problems()
	switch {
	case len(s.Groups) == 0 && s.Gate == nil:
		b.WriteString("No groups.\n")
	case len(problems) == 0:
		b.WriteString("All is well.\n")
	}
	for _, p := range problems {
		fmt.Fprintf(b, "! %s\n", report.Printable(p, 200))
	}
}

func stalls(n uint64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" (%d stalls)", n)
}

func because(detail string) string {
	if detail == "" {
		return ""
	}
	return " (" + report.Printable(detail, 80) + ")"
}

func groups(b *strings.Builder, s *report.Status) {
	if len(s.Groups) == 0 && s.Gate != nil {
		return
	}
	b.WriteString("\n")
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "GROUP\tTHIS NODE\tACTIVE\tEPOCH\tSINCE\tWHY\tADDRESSES")
	for i := range s.Groups {
		g := &s.Groups[i]
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%s\t%s\t%s\n", g.Name, role(g), holder(g), g.Epoch,
			since(s.At, g.Since), or(string(g.Reason), "-"), strings.Join(g.Addresses, " "))
	}
	t.Flush()
	for i := range s.Groups {
		if g := &s.Groups[i]; len(s.Groups) <= fewGroups || len(g.Problems(s.Node)) > 0 {
			group(b, s, g)
		}
	}
}

func role(g *report.Group) string {
	switch {
	case g.Stalled:
		return string(g.Role) + ", stalled"
	case g.Draining:
		return string(g.Role) + ", drained"
	case !g.Ready && g.Role != report.RoleWitness:
		return string(g.Role) + ", not ready"
	}
	return string(g.Role)
}

func group(b *strings.Builder, s *report.Status, g *report.Group) {
	if len(g.Members) == 0 && len(g.Checks) == 0 && g.Announces == nil {
		return
	}
	fmt.Fprintf(b, "\n%s\n", g.Name)
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, m := range g.Members {
		fmt.Fprintf(t, indent+"member\t%s\t%s\tpriority %d%s\n", m.Name, member(m, g), m.Priority, base(m, g, s.Node))
	}
	for _, c := range g.Checks {
		fmt.Fprintf(t, indent+"check\t%s\t%s\t%s\n", c.Name, c.State, checkDetail(s, c))
	}
	t.Flush()
	router(b, g)
	lease(b, s, g)
	announces(b, s, g)
	if g.Quorum.Needed > 0 {
		fmt.Fprintf(b, indent+"quorum  %d of %d voters needed", g.Quorum.Needed, g.Quorum.Voters)
		if g.Role == report.RoleActive {
			fmt.Fprintf(b, ", %d granted, lease runs %.1f ms more", g.Quorum.Granted, g.LeaseRemainingMS)
		}
		b.WriteString("\n")
	}
	vote(b, s, g)
}

// router draws the virtual router of a group that VRRP decides.
func router(b *strings.Builder, g *report.Group) {
	v := g.VRRP
	if v == nil {
		return
	}
	fmt.Fprintf(b, indent+"vrrp    router %d, version %d, %s", v.VRID, v.Version, v.State)
	switch {
	case v.HandingOver:
		b.WriteString(", hands over")
	case v.HoldsBack:
		b.WriteString(", does not preempt after a switchover")
	}
	if v.ActiveAddress != "" {
		fmt.Fprintf(b, "; %s advertises priority %d every %s", v.ActiveAddress, v.ActivePriority, time.Duration(v.ActiveIntervalMS*float64(time.Millisecond)))
	}
	b.WriteString("\n")
}

func member(m report.Member, g *report.Group) string {
	switch {
	case m.Unknown:
		return "not known"
	case !m.Alive:
		return "not heard"
	case m.Name == g.ActiveNode:
		return "active"
	case m.Ready:
		return "ready"
	}
	return "not ready"
}

// base tells the configured priority where the checks have changed it.
func base(m report.Member, g *report.Group, self string) string {
	if m.Name != self || g.Priority == g.EffectivePriority {
		return ""
	}
	return fmt.Sprintf(" (%d before checks)", g.Priority)
}

func checkDetail(s *report.Status, c report.Check) string {
	parts := []string{}
	if c.Fatal {
		parts = append(parts, "fatal")
	}
	if c.Weight != 0 {
		parts = append(parts, fmt.Sprintf("weight %+d", c.Weight))
	}
	if c.LastRan.IsZero() {
		parts = append(parts, "not run yet")
	} else {
		parts = append(parts, "ran "+since(s.At, c.LastRan)+" ago")
	}
	if c.Detail != "" {
		parts = append(parts, report.Printable(c.Detail, 100))
	}
	return strings.Join(parts, ", ")
}

func peers(b *strings.Builder, s *report.Status) {
	if len(s.Peers) == 0 {
		return
	}
	b.WriteString("\n")
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "PEER\tROLE\tHEARD\tROUND TRIP\tLOSS\tPATHS")
	for _, p := range s.Peers {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%.1f%%\t%s\n", p.Name, or(p.Role, "-"), heard(s, p), rtt(p.RTT), p.Loss*100, ways(p.Paths))
	}
	t.Flush()
}

func heard(s *report.Status, p report.Peer) string {
	switch {
	case p.LastSeen.IsZero():
		return "never"
	case !p.Alive:
		return "lost " + since(s.At, p.LastSeen) + " ago"
	}
	return since(s.At, p.LastSeen) + " ago"
}

func rtt(us int64) string {
	if us <= 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f ms", float64(us)/1000)
}

func ways(list []report.PeerPath) string {
	words := make([]string, len(list))
	for i, p := range list {
		words[i] = p.Address + " up"
		switch {
		case !p.Alive:
			words[i] = p.Address + " down"
		case p.Deaf:
			words[i] = p.Address + " does not hear us"
		}
	}
	return strings.Join(words, ", ")
}

func overlays(b *strings.Builder, s *report.Status) {
	if len(s.Overlays) == 0 {
		return
	}
	b.WriteString("\n")
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "OVERLAY\tTYPE\tVNI\tMTU\tSTATE\tREPAIRS")
	for _, o := range s.Overlays {
		state := "ok"
		if !o.OK {
			state = "differs" + because(o.Detail)
		}
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%s\t%d\n", o.Name, o.Type, o.VNI, o.MTU, state, o.Repairs)
	}
	t.Flush()
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func since(now, then time.Time) string {
	if then.IsZero() {
		return "-"
	}
	return Age(now.Sub(then))
}

// Age is a duration in its two largest units, as a person says it.
func Age(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < 0:
		return "0s"
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d < day:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd%02dh", d/day, d%day/time.Hour)
}
