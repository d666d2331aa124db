package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// row is what a pair did under a fault.
type row struct {
	Fault      string    `json:"fault"`
	Pair       string    `json:"pair"`
	OutageMS   []float64 `json:"outage_ms"`
	Lost       []int     `json:"lost"`
	TakeoverMS []float64 `json:"takeover_ms"`
	BothMS     []float64 `json:"both_ms"`
	Unserved   int       `json:"unserved"` // trials at whose end nobody answered
	Errors     []string  `json:"errors,omitempty"`
}

func (r *row) add(o outcome, err error) {
	if err != nil {
		r.Errors = append(r.Errors, err.Error())
		return
	}
	r.OutageMS = append(r.OutageMS, ms(o.outage))
	r.Lost = append(r.Lost, o.lost)
	r.BothMS = append(r.BothMS, ms(o.both))
	if o.takeover > 0 {
		r.TakeoverMS = append(r.TakeoverMS, ms(o.takeover))
	}
	if o.unserved {
		r.Unserved++
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// quantile is the value that a share q of the values does not exceed.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func summary(values []float64) string {
	if len(values) == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f / %.1f / %.1f", quantile(values, 0.5), quantile(values, 0.99), slices.Max(values))
}

// printRows writes a table in which the first pair is the measure of the others.
func printRows(out io.Writer, rows []row) {
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(out, "Median / p99 / max in ms.\n\n")
	fmt.Fprintln(out, "| Fault | Pair | n | outage | lost | takes over | both hold | times shorter |")
	fmt.Fprintln(out, "|---|---|---|---|---|---|---|---|")
	reference := map[string]float64{}
	for _, r := range rows {
		median := quantile(r.OutageMS, 0.5)
		if _, ok := reference[r.Fault]; !ok {
			reference[r.Fault] = median
		}
		ratio := "–"
		if median > 0 && reference[r.Fault] > 0 {
			ratio = fmt.Sprintf("%.1f", reference[r.Fault]/median)
		}
		lost := 0
		for _, each := range r.Lost {
			lost += each
		}
		note := ""
		if r.Unserved > 0 {
			note = fmt.Sprintf(" (%d still out)", r.Unserved)
		}
		fmt.Fprintf(out, "| %s | %s | %d | %s%s | %d | %s | %s | %s |\n", r.Fault, r.Pair, len(r.OutageMS),
			summary(r.OutageMS), note, lost, summary(r.TakeoverMS), summary(r.BothMS), ratio)
	}
}

// cost is what a pair takes on the active host while nothing happens.
type cost struct {
	Pair        string  `json:"pair"`
	CorePercent float64 `json:"core_percent"`
	MemoryMB    float64 `json:"memory_mb"` // proportional share
	Error       string  `json:"error,omitempty"`
}

func printCosts(out io.Writer, costs []cost) {
	if len(costs) == 0 {
		return
	}
	fmt.Fprintln(out, "\n| Idle, active host | % of a core | MB |\n|---|---|---|")
	for _, c := range costs {
		wrong, _, _ := strings.Cut(c.Error, "\n")
		fmt.Fprintf(out, "| %s | %.2f | %.1f %s |\n", c.Pair, c.CorePercent, c.MemoryMB, wrong)
	}
}
