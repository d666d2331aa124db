package workload

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"stead/internal/core/clock"
)

// WriteText writes the report for a person.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	interval := time.Duration(r.Interval)
	fmt.Fprintf(&b, "%d sent, %d answered, %d lost, one every %v\n", r.Sent, r.Answered, r.Lost, interval)
	for _, c := range r.ByID {
		fmt.Fprintf(&b, "  %-12s answered %d\n", c.ID, c.Answers)
	}
	if r.Late > 0 {
		fmt.Fprintf(&b, "  %d requests left late: this machine was too busy to ask in time\n", r.Late)
	}
	if len(r.Outages) == 0 {
		fmt.Fprintf(&b, "no outage\n")
	} else {
		fmt.Fprintf(&b, "longest outage %s\n", ms(r.Longest))
	}
	for _, o := range r.Outages {
		fmt.Fprintf(&b, "  at %10s  outage %10s  %5d lost  %s -> %s\n", r.offset(o.Start), ms(o.Length), o.Lost, name(o.From), name(o.To))
	}
	for _, c := range r.Changes {
		fmt.Fprintf(&b, "  at %10s  %s -> %s\n", r.offset(c.At), c.From, c.To)
	}
	for i := range r.Dual {
		d := &r.Dual[i]
		fmt.Fprintf(&b, "  at %10s  two holders for %s: %s and %s (%d requests)\n", r.offset(d.From), ms(d.Length(interval)), d.First, d.Second, d.Requests)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func name(id string) string {
	if id == "" {
		return "nobody"
	}
	return id
}

func (r *Report) offset(at clock.Instant) string {
	return fmt.Sprintf("%.3f s", at.Sub(r.From).Seconds())
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", milliseconds(d)) }

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// reportJSON is what `stead probe ping --json` prints. Keys are only ever added.
type reportJSON struct {
	IntervalMS      float64          `json:"interval_ms"`
	FromNS          int64            `json:"from_boot_ns"`
	ToNS            int64            `json:"to_boot_ns"`
	Sent            int              `json:"sent"`
	Answered        int              `json:"answered"`
	Lost            int              `json:"lost"`
	Late            int              `json:"late"`
	LongestOutageMS float64          `json:"longest_outage_ms"`
	SilenceMS       float64          `json:"longest_silence_ms"`
	LatencyMS       float64          `json:"longest_latency_ms"`
	DualMS          float64          `json:"dual_holders_ms"`
	ByID            []map[string]any `json:"answers"`
	Outages         []map[string]any `json:"outages"`
	Changes         []map[string]any `json:"changes"`
	Dual            []map[string]any `json:"dual_holders"`
}

// DualTime is how long two servers answered, all times together.
func (r *Report) DualTime() (sum time.Duration) {
	for i := range r.Dual {
		sum += r.Dual[i].Length(time.Duration(r.Interval))
	}
	return sum
}

// MarshalJSON gives the report with times in milliseconds, offsets from the first request.
func (r Report) MarshalJSON() ([]byte, error) {
	interval := time.Duration(r.Interval)
	at := func(i clock.Instant) float64 { return milliseconds(i.Sub(r.From)) }
	out := reportJSON{
		IntervalMS: milliseconds(interval), FromNS: int64(r.From), ToNS: int64(r.To),
		Sent: r.Sent, Answered: r.Answered, Lost: r.Lost, Late: r.Late,
		LongestOutageMS: milliseconds(r.Longest), SilenceMS: milliseconds(r.Silence),
		LatencyMS: milliseconds(r.Latency), DualMS: milliseconds(r.DualTime()),
		ByID: []map[string]any{}, Outages: []map[string]any{}, Changes: []map[string]any{}, Dual: []map[string]any{},
	}
	for _, c := range r.ByID {
		out.ByID = append(out.ByID, map[string]any{"id": c.ID, "answers": c.Answers})
	}
	for _, o := range r.Outages {
		out.Outages = append(out.Outages, map[string]any{"at_ms": at(o.Start), "ms": milliseconds(o.Length), "lost": o.Lost, "from": o.From, "to": o.To})
	}
	for _, c := range r.Changes {
		out.Changes = append(out.Changes, map[string]any{"at_ms": at(c.At), "from": c.From, "to": c.To})
	}
	for i := range r.Dual {
		d := &r.Dual[i]
		out.Dual = append(out.Dual, map[string]any{"at_ms": at(d.From), "ms": milliseconds(d.Length(interval)), "requests": d.Requests, "servers": []string{d.First, d.Second}})
	}
	return json.Marshal(out)
}
