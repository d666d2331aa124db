package lab

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"stead/internal/lab/routeserver"
)

func showMS(d time.Duration) string { return fmt.Sprintf("%.1f ms", d.Seconds()*1000) }

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func numberMS(d time.Duration) string { return fmt.Sprintf("%.1f", d.Seconds()*1000) }

// known shows a measure that the event logs may not have had.
func known(d time.Duration) string {
	if d == 0 {
		return "-"
	}
	return numberMS(d)
}

// WriteText writes the table for a person.
func (r *Results) WriteText(w io.Writer) error {
	fmt.Fprintf(w, "\n%s (a silent fault is found after %d ms), %s, fence: %s, real-time priority: %s, Linux %s, %d CPUs, as %s\n",
		r.Setup.Deciding(), r.Setup.LeaseMS, r.Setup.Family, r.Setup.Fence, r.Setup.realtime(), r.Setup.Kernel, r.Setup.CPUs, r.Setup.User)
	if r.Setup.Network != "" {
		fmt.Fprintf(w, "%s\n", r.Setup.RoutersInWords())
	}
	fmt.Fprintf(w, "one request every millisecond; times in milliseconds\n\n")
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "fault\truns\tdetected p50\tp99\toutage p50\tp99\tmax\tlost\ttwo holders\t"+r.ownColumn("the trial's own")+"  promise")
	for i := range r.Faults {
		f := &r.Faults[i]
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s  %s\n", f.Name, len(f.Runs),
			known(f.Detect.P50), known(f.Detect.P99),
			numberMS(f.Outage.P50), numberMS(f.Outage.P99), numberMS(f.Outage.Max),
			f.Lost, numberMS(f.DualMax), r.ownColumn(f.Own), f.verdict())
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s%s\n", r.remarks(), r.TrialsOwn())
	return err
}

// ownColumn is a column that only networks with figures for each fault have.
func (r *Results) ownColumn(text string) string {
	if r.Setup.Network == "" {
		return ""
	}
	return "  " + text + "\t"
}

// TrialsOwn is what the original trial of this network measured.
func (r *Results) TrialsOwn() string {
	if r.Setup.Network == NetworkBGP {
		return trialsOwnBGP
	}
	return trialsOwn
}

// Deciding is what finds a silent fault.
func (s *Setup) Deciding() string {
	switch {
	case s.Election != ElectionNone:
		return "timing " + s.Timing
	case s.BFDMS > 0:
		return "no election, BFD"
	}
	return "no election, the hold time"
}

// RoutersInWords are the route servers of the trial.
func (s *Setup) RoutersInWords() string {
	text := fmt.Sprintf("two route servers, %s, hold time %d s", map[string]string{routeserver.BIRD: "BIRD", routeserver.FRR: "FRR"}[s.Router], s.HoldMS/1000)
	if s.BFDMS > 0 {
		text += fmt.Sprintf(", BFD %d ms × %d", s.BFDMS, bfdMultiplier)
	}
	return text
}

func (s *Setup) realtime() string {
	switch {
	case s.Realtime && s.Client:
		return "yes"
	case s.Realtime:
		return "not the client"
	case s.Client:
		return "the client only"
	}
	return "no"
}

func (r *FaultResult) verdict() string {
	if len(r.Missed) == 0 {
		return r.Budget.Text + ": met"
	}
	return r.Budget.Text + ": missed, " + strings.Join(r.Missed, ", ")
}

// shares say who answered how many requests where both servers did, over all runs.
func (r *FaultResult) shares() string {
	counts, all := map[string]int{}, 0
	for i := range r.Runs {
		for _, c := range r.Runs[i].Shares {
			counts[c.ID] += c.Answers
			all += c.Answers
		}
	}
	if all == 0 {
		return ""
	}
	share := func(id string) int { return (100*counts[id] + all/2) / all }
	return fmt.Sprintf("the primary answered %d %% of the requests, the secondary %d %%", share(primary), share(secondary))
}

// remarks say what the table has no column for.
func (r *Results) remarks() string {
	var b strings.Builder
	for i := range r.Faults {
		f := &r.Faults[i]
		if f.Budget.SettledMax > 0 {
			fmt.Fprintf(&b, "%s: all requests went to the winner, and the client's neighbour entry was right, %s after the mend at most; two holders are counted from the mend on\n", f.Name, showMS(f.Settled.Max))
		}
		if shares := f.shares(); shares != "" {
			fmt.Fprintf(&b, "%s: before it, %s\n", f.Name, shares)
		}
		if f.RestoreLost > 0 {
			fmt.Fprintf(&b, "%s: %s lost while the world was put back as it was\n", f.Name, plural(f.RestoreLost, "request"))
		}
		if f.Late > 0 {
			fmt.Fprintf(&b, "%s: in %s the client itself was held up for more than 5 ms: this machine is too busy for exact figures\n", f.Name, plural(f.Late, "run"))
		}
		for _, failed := range f.Failed {
			fmt.Fprintf(&b, "%s: %s\n", f.Name, failed)
		}
	}
	if b.Len() > 0 {
		b.WriteByte('\n')
	}
	return b.String()
}
