// Package doctor finds what would break a failover on this host before it happens.
//
// What may be wrong is a Problem, a declared value with what it means and what to
// do about it; docs/reference/doctor.md is made of them. A Check looks at one
// subject through an Env, whose readers a test replaces, and returns a Finding for
// each Problem that it sees. Looking changes nothing on the host: what has
// to be tried is tried in a network namespace that is thrown away. In a store it has
// a register of its own, which it replaces.
//
// A check that could not look says so. It never passes for that reason.
package doctor

import (
	"cmp"
	"context"
	"slices"
	"strings"
)

// Severity is how bad a Finding is.
type Severity string

// The severities, the best first.
const (
	OK      Severity = "ok"      // looked at, and as it should be
	Hint    Severity = "hint"    // worth knowing
	Warning Severity = "warning" // makes a failover slow or fail under some conditions
	Fatal   Severity = "fatal"   // a failover would fail, or two nodes serve
)

func (s Severity) rank() int { return slices.Index([]Severity{OK, Hint, Warning, Fatal}, s) }

// Problem is something that may be wrong. Words in braces are filled in.
type Problem struct {
	ID       string // stable
	Severity Severity
	Title    string
	Means    string // for a failover
	Do       string // the command where there is one
}

// at makes a Finding of the problem. fill are pairs of a name and its value.
func (p *Problem) at(subject, seen string, fill ...string) Finding {
	for i := 0; i+1 < len(fill); i += 2 {
		fill[i] = "{" + fill[i] + "}"
	}
	r := strings.NewReplacer(fill...)
	return Finding{ID: p.ID, Severity: p.Severity, Title: p.Title, Subject: subject, Seen: seen, Means: r.Replace(p.Means), Do: r.Replace(p.Do)}
}

// as gives the finding another severity where the configuration asks for it.
func (f Finding) as(s Severity) Finding {
	f.Severity = s
	return f
}

// Finding is what a check has seen.
type Finding struct {
	ID       string   `json:"id"`
	Check    string   `json:"check"` // the name of the check that has seen it
	Severity Severity `json:"severity"`
	Title    string   `json:"title,omitempty"`
	Subject  string   `json:"subject,omitempty"` // an interface, an address, a node
	Seen     string   `json:"seen"`              // with the value
	Means    string   `json:"means,omitempty"`
	Do       string   `json:"do,omitempty"`
}

// notChecked is the problem of a check that could not look.
var notChecked = &Problem{
	ID: "not-checked", Severity: Hint, Title: "could not be looked at",
	Means: "nothing is known about it", Do: "run it again once what is missing is there",
}

// unchecked says that a check could not look, and why.
func unchecked(subject, why string) Finding { return notChecked.at(subject, why) }

// fine says that what was looked at is as it should be.
func fine(subject, seen string) Finding {
	return Finding{Severity: OK, Subject: subject, Seen: seen}
}

// Check looks at one subject. Its findings without an ID get its name.
type Check struct {
	Name     string
	Problems []*Problem // all that it may find
	Run      func(context.Context, *Env) []Finding
}

// Report is what all checks have found, the worst first.
type Report struct {
	Node     string    `json:"node,omitempty"`
	File     string    `json:"file"`
	Daemon   Daemon    `json:"daemon"`
	Worst    Severity  `json:"worst"`
	Findings []Finding `json:"findings"`
}

// Daemon is the one that was asked.
type Daemon struct {
	Running bool   `json:"running"`
	Version string `json:"version,omitempty"`
	PID     int    `json:"pid,omitempty"`
	Socket  string `json:"socket"`
}

// Healthy tells whether nothing is worse than a hint.
func (r *Report) Healthy() bool { return r.Worst.rank() <= Hint.rank() }

// Examine runs the checks one after the other.
func Examine(ctx context.Context, e *Env, checks []Check) *Report {
	r := &Report{File: e.File, Worst: OK, Findings: []Finding{}, Daemon: Daemon{Socket: e.Socket, PID: e.PID}}
	if e.Config != nil {
		r.Node = e.Config.Self
	}
	if e.Status != nil {
		r.Daemon.Running, r.Daemon.Version = true, e.Status.Version
	}
	for _, c := range checks {
		if ctx.Err() != nil {
			f := unchecked(c.Name, "interrupted")
			f.Check = c.Name
			r.Findings = append(r.Findings, f)
			continue
		}
		for _, f := range c.Run(ctx, e) {
			f.ID, f.Check = cmp.Or(f.ID, c.Name), c.Name
			r.Findings = append(r.Findings, f)
		}
	}
	slices.SortStableFunc(r.Findings, func(a, b Finding) int { return cmp.Compare(b.Severity.rank(), a.Severity.rank()) })
	if len(r.Findings) > 0 {
		r.Worst = r.Findings[0].Severity
	}
	return r
}
