package status

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"stead/internal/report"
)

// holder names who is active. Without an election nothing is heard of the others.
func holder(g *report.Group) string {
	if g.Election == "none" {
		return "each that is ready"
	}
	return or(g.Holder(), "nobody")
}

// announces draws what a group announces by BGP.
func announces(b *strings.Builder, s *report.Status, g *report.Group) {
	a := g.Announces
	if a == nil {
		return
	}
	up := 0
	for _, name := range a.To {
		if p := s.BGPSession(name); p != nil && p.Up() {
			up++
		}
	}
	over := fmt.Sprintf("%d of %d sessions", up, len(a.To))
	if a.Role == "" {
		fmt.Fprintf(b, indent+"bgp     nothing is announced; %s\n", over)
		return
	}
	fmt.Fprintf(b, indent+"bgp     announced as %s, prepended %d times, over %s", a.Role, a.Prepend, over)
	if left := a.Until.Sub(s.At); !a.Until.IsZero() && left > 0 {
		fmt.Fprintf(b, ", for %s more", Age(left))
	}
	b.WriteString("\n")
}

// sessions draws the BGP sessions, and what each peer was told.
func sessions(b *strings.Builder, s *report.Status) {
	if len(s.BGP) == 0 {
		return
	}
	b.WriteString("\n")
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "BGP\tADDRESS\tAS\tSTATE\tSINCE\tHOLD\tFLAPS\tBFD\tANNOUNCED")
	for i := range s.BGP {
		p := &s.BGP[i]
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\t%s\t%d\t%s\t%s\n", p.Name, p.Address, p.AS, state(p.State), since(s.At, p.Since),
			hold(p), p.Flaps, or(p.BFD, "-"), announced(p))
	}
	t.Flush()
}

// state keeps BGP's own Active apart from an active node.
func state(s string) string {
	if s == "Active" {
		return "BGP Active"
	}
	return s
}

func hold(p *report.BGPSession) string {
	if !p.Up() {
		return "-"
	}
	return strconv.Itoa(p.HoldTime) + "s"
}

// fewPaths is how many paths of a session are drawn.
const fewPaths = 4

func announced(p *report.BGPSession) string {
	var list []string
	for _, path := range p.Announced {
		list = append(list, path.Prefix+" via "+path.NextHop+attributes(&path))
	}
	slices.Sort(list)
	if len(list) > fewPaths {
		list = append(list[:fewPaths], fmt.Sprintf("and %d more", len(p.Announced)-fewPaths))
	}
	if len(list) == 0 {
		list = []string{"nothing"}
	}
	if p.Unsent {
		list = append(list, "not all sent yet")
	}
	return strings.Join(list, "; ")
}

func attributes(p *report.Path) string {
	var words []string
	if len(p.ASPath) > 0 {
		numbers := make([]string, len(p.ASPath))
		for i, as := range p.ASPath {
			numbers[i] = strconv.FormatUint(uint64(as), 10)
		}
		words = append(words, "path "+strings.Join(numbers, " "))
	}
	if p.MED != nil {
		words = append(words, fmt.Sprintf("med %d", *p.MED))
	}
	if p.LocalPref != nil {
		words = append(words, fmt.Sprintf("local_pref %d", *p.LocalPref))
	}
	if len(p.Communities) > 0 {
		words = append(words, strings.Join(p.Communities, " "))
	}
	if len(words) == 0 {
		return ""
	}
	return " (" + strings.Join(words, ", ") + ")"
}

// paths draws the BFD sessions.
func paths(b *strings.Builder, s *report.Status) {
	if len(s.BFD) == 0 {
		return
	}
	b.WriteString("\n")
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "BFD\tREMOTE\tSTATE\tSINCE\tSENDS EVERY\tDETECTS IN\tLARGEST GAP\tDOWNS")
	for i := range s.BFD {
		p := &s.BFD[i]
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\n", p.Name, p.Remote, pathState(p), since(s.At, p.Since),
			micros(p.TXInterval), micros(p.DetectionTime), micros(p.MaxGap), p.Downs)
	}
	t.Flush()
}

func pathState(p *report.BFDSession) string {
	if !p.Up() && p.RemoteState == "AdminDown" {
		return p.State + ", the other AdminDown"
	}
	return p.State
}

func micros(us int64) string {
	if us <= 0 {
		return "-"
	}
	return (time.Duration(us) * time.Microsecond).Round(10 * time.Microsecond).String()
}
