package config

import (
	"fmt"
	"io"
	"strings"
	"time"
)

func fenceWords(m FenceMode) string {
	switch m {
	case FenceKernel:
		return "kernel: stead does not start where the kernel cannot close the fence by itself"
	case FenceGuard:
		return "guard: a second process removes the addresses when the lease ends"
	case FenceNone:
		return "none: a node that hangs keeps answering for its addresses"
	default:
		return "auto: the kernel's where it can be had, else the guard"
	}
}

func realtimeWords(r Realtime) string {
	switch r.Mode {
	case "off":
		return "off"
	case "required":
		return fmt.Sprintf("required: stead does not start without real-time priority %d", r.Priority)
	default:
		return fmt.Sprintf("auto: priority %d where permitted", r.Priority)
	}
}

func checkWords(k *Check) string {
	if k.Progress != nil {
		return fmt.Sprintf("%s: progress of %s; read every %s, timeout %s%s", k.Name, k.Progress.Words(), length(k.Interval), length(k.Timeout),
			k.effect(k.Progress.Stalled+k.Interval*time.Duration(k.Fall)+k.Timeout))
	}
	if k.Kind == CheckBFD {
		return fmt.Sprintf("%s: bfd %s, %s%s", k.Name, k.Target, k.BFD.words(), k.effect(k.BFD.detection()))
	}
	target := k.Target
	if k.Kind == CheckExec {
		target = commandWords(k.Command)
	}
	text := fmt.Sprintf("%s: %s %s every %s, timeout %s, up after %d, down after %d", k.Name, k.Kind, target,
		length(k.Interval), length(k.Timeout), k.Rise, k.Fall)
	return text + k.effect(k.Interval*time.Duration(k.Fall)+k.Timeout)
}

// effect tells what a check that is down does, and within what time that is found.
func (k *Check) effect(within time.Duration) string {
	switch {
	case k.Number && k.Fatal && k.Weight == 0:
		return fmt.Sprintf("; a number other than 0, or down, means not ready (found within %s)", length(k.Interval+k.Timeout))
	case k.Fatal:
		return fmt.Sprintf("; down means not ready (found within %s)", length(within))
	case k.Number && k.Weight != 0:
		return fmt.Sprintf("; priority %+d × the number that it reads", k.Weight)
	case k.Weight < 0:
		return fmt.Sprintf("; priority %d while down", k.Weight)
	case k.Weight > 0:
		return fmt.Sprintf("; priority +%d while up", k.Weight)
	default:
		return "; shown only"
	}
}

func hookWords(kind HookKind, h Hook) string {
	text := fmt.Sprintf("%s: %s, at most %s", kind, commandWords(h.Command), length(h.Timeout))
	if h.User != "" {
		text += ", as user " + h.User
	}
	if h.Shell {
		text += ", by /bin/sh"
	}
	if h.Arguments != "" {
		text += ", with the arguments of " + h.Arguments
	}
	return text
}

func commandWords(command []string) string {
	return clipped(strings.ReplaceAll(strings.Join(command, " "), "\n", " "))
}

// electionWords tells who serves when, in sentences.
func electionWords(g *Group) []string {
	e := g.Election
	if e.VRRP != nil {
		return routerWords(g)
	}
	if e.Right != nil {
		return leaseWords(g)
	}
	if e.Type == ElectionNone {
		return []string{"no election: every node that is ready is active: " + strings.Join(preference(g), ", ")}
	}
	order := withPriorities(g)
	words := []string{order[0] + " is preferred"}
	if len(order) > 1 {
		words[0] += ", then " + strings.Join(order[1:], ", ")
	}
	if len(order) == 1 && !e.Quorum {
		return append(words, "one member: nobody takes over")
	}
	words = append(words, fmt.Sprintf("a silent fault is found after %s (%s × %d, timing %s)",
		length(e.Lease()), length(e.Interval), e.Multiplier, e.Timing))
	voters := e.voterWords()
	switch {
	case e.Quorum && e.OnQuorumLoss == "hold":
		words = append(words, fmt.Sprintf("quorum: %d of %d voters (%s); an active node that reaches no majority goes on serving: in a partition two may serve",
			e.Votes()/2+1, e.Votes(), voters))
	case e.Quorum:
		words = append(words, fmt.Sprintf("quorum: %d of %d voters (%s); in a partition only the side with the majority serves, and without one nobody does",
			e.Votes()/2+1, e.Votes(), voters))
	default:
		words = append(words, fmt.Sprintf("no quorum (voters: %s): in a partition each side serves; when it heals, one releases", voters))
	}
	if e.Quorum && e.Votes()%2 == 0 {
		words = append(words, "the number of voters is even: a partition into halves leaves no majority")
	}
	return append(words, takeOver(g, len(order))...)
}

// takeOver tells when a better node takes the group over, of so many members.
func takeOver(g *Group, members int) []string {
	switch {
	case members == 1:
		return []string{"one member: nobody takes over"}
	case !g.Preempt.Enabled:
		return []string{"a node with a higher priority that comes back does not take over from one that serves"}
	default:
		return []string{fmt.Sprintf("a node with a higher priority takes over when it has been ready for %s", length(g.Preempt.Delay))}
	}
}

// withPriorities is the members in the order of preference: `primary (200)`.
func withPriorities(g *Group) []string {
	priority := map[string]int{}
	for _, m := range g.Members {
		priority[m.Node] = m.Priority
	}
	names := preference(g)
	for i, name := range names {
		names[i] = fmt.Sprintf("%s (%d)", name, priority[name])
	}
	return names
}

// defaultLogWords are not repeated for a person.
var defaultLogWords = Log{Target: LogStderr, Format: "text", Level: "info"}.words()

// WriteText prints the plan for a person.
func (p *Plan) WriteText(w io.Writer) error {
	var b strings.Builder
	if p.Node == "" {
		fmt.Fprintf(&b, "%s is valid. For all nodes (name one with --node):\n", p.File)
	} else {
		fmt.Fprintf(&b, "%s is valid. Node %s, %s:\n", p.File, p.Node, roleWords[p.Role])
	}
	to, least := "between "+strings.Join(p.Heartbeat.To, ", "), 2
	if p.Node != "" {
		to, least = "to "+strings.Join(p.Heartbeat.To, ", "), 1
	}
	if p.Heartbeat.IntervalMS > 0 && len(p.Heartbeat.To) >= least {
		fmt.Fprintf(&b, "  heartbeats every %gms %s, %s, UDP port %d\n", p.Heartbeat.IntervalMS, to,
			counted(p.Heartbeat.Paths, "path", "paths"), p.Heartbeat.Port)
	}
	fmt.Fprintf(&b, "  fence %s\n  real time %s\n", p.Fence, p.Realtime)
	listen := "metrics and probes at " + p.Listen
	if p.Listen == "" {
		listen = "no listener for metrics and probes"
	}
	fmt.Fprintf(&b, "  control at %s, %s\n", p.Control, listen)
	if p.Log != defaultLogWords {
		fmt.Fprintf(&b, "  log %s\n", p.Log)
	}
	if p.Notify.Email != "" {
		fmt.Fprintf(&b, "  email %s\n", p.Notify.Email)
	}
	for _, w := range p.Notify.Webhooks {
		fmt.Fprintf(&b, "  webhook %s\n", w)
	}
	for i := range p.Overlays {
		p.Overlays[i].writeText(&b)
	}
	if p.BGP != nil {
		p.BGP.writeText(&b)
	}
	for _, s := range p.Stores {
		fmt.Fprintf(&b, "store %s\n", s)
	}
	if p.Gate != nil {
		p.Gate.writeText(&b, p.Node)
	}
	for i := range p.Groups {
		p.Groups[i].writeText(&b, p.Node)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

var roleWords = map[Role]string{
	RoleMember:  "a member",
	RoleWitness: "a witness (votes, never holds)",
	RoleClient:  "a client (in the overlays only)",
}

func (o *PlanLayer) writeText(b *strings.Builder) {
	mtu := "MTU derived from the underlay"
	if o.MTU > 0 {
		mtu = fmt.Sprintf("MTU %d", o.MTU)
	}
	fmt.Fprintf(b, "overlay %s: VXLAN %d over %s, UDP port %d, %s", o.Name, o.VNI, o.Underlay, o.Port, mtu)
	if o.Address != "" {
		fmt.Fprintf(b, ", own address %s", o.Address)
	}
	fmt.Fprintf(b, "\n  endpoints: %s\n", listed(o.Remotes))
}

func (g *PlanGroup) writeText(b *strings.Builder, node string) {
	fmt.Fprintf(b, "group %s", g.Name)
	switch g.Part {
	case "preferred":
		fmt.Fprintf(b, ": %s is the preferred node", node)
	case "standby":
		fmt.Fprintf(b, ": %s stands by", node)
	case "equal":
		fmt.Fprintf(b, ": %s is active while it is ready", node)
	case "votes":
		fmt.Fprintf(b, ": %s votes", node)
	case "none":
		fmt.Fprintf(b, ": %s has no part in it", node)
	}
	b.WriteString("\n")
	for _, line := range g.Words {
		fmt.Fprintf(b, "  %s\n", line)
	}
	for _, r := range g.BGP {
		for _, line := range r.Words {
			fmt.Fprintf(b, "  announced %s\n", line)
		}
	}
	for _, list := range []struct {
		noun  string
		lines []string
	}{{"address", g.Addresses}, {"check", g.Checks}, {"hook", g.Hooks}} {
		for _, line := range list.lines {
			fmt.Fprintf(b, "  %s %s\n", list.noun, line)
		}
	}
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
