package lab

import (
	"encoding/json"
	"io"
	"math"
	"time"
)

// reportJSON is what `stead lab --json` prints. Keys are only ever added.
type reportJSON struct {
	Setup  Setup       `json:"setup"`
	Faults []faultJSON `json:"faults"`
}

type faultJSON struct {
	Name        string      `json:"name"`
	Timing      string      `json:"timing"`
	Quorum      bool        `json:"quorum"`
	Runs        int         `json:"runs"`
	Sent        int         `json:"sent"`
	Lost        int         `json:"lost"`
	OutageMS    spreadJSON  `json:"outage_ms"`
	DetectMS    spreadJSON  `json:"detect_ms"`
	SettledMS   *spreadJSON `json:"settled_ms,omitempty"` // of a partition that heals
	DualMS      float64     `json:"dual_active_ms_max"`
	RestoreLost int         `json:"restore_lost"`    // while the world was put back as it was
	LateRuns    int         `json:"late_runs"`       // in which the client itself was held up
	Own         string      `json:"trial,omitempty"` // what it cost in the original trial
	Shares      string      `json:"shares,omitempty"`
	Budget      string      `json:"budget"`
	Met         bool        `json:"met"`
	Missed      []string    `json:"missed"`
	Failed      []string    `json:"failed"` // of runs after which the service was not restored
	Each        []eachRunMS `json:"each"`
}

type spreadJSON struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// eachRunMS is one run in milliseconds.
type eachRunMS struct {
	Outage      float64  `json:"outage_ms"`
	Silence     float64  `json:"silence_ms"`
	Detect      *float64 `json:"detect_ms"` // null: not found in the event log
	Lost        int      `json:"lost"`
	Holder      string   `json:"holder"`
	DualNetwork float64  `json:"dual_network_ms"`
	DualService float64  `json:"dual_service_ms"`
	RestoreLost int      `json:"restore_lost"`
	Late        bool     `json:"late"`
}

func inMS(d time.Duration) float64 { return math.Round(d.Seconds()*1e5) / 100 }

func (s Spread) inMS() spreadJSON { return spreadJSON{inMS(s.P50), inMS(s.P99), inMS(s.Max)} }

// WriteJSON writes the results for a program.
func (r *Results) WriteJSON(w io.Writer) error {
	out := reportJSON{Setup: r.Setup, Faults: []faultJSON{}}
	for i := range r.Faults {
		out.Faults = append(out.Faults, r.Faults[i].inJSON(r.Setup.Timing))
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(out)
}

func (r *FaultResult) inJSON(timing string) faultJSON {
	f := faultJSON{
		Name: r.Name, Timing: timing, Quorum: r.Quorum, Runs: len(r.Runs), Sent: r.Sent, Lost: r.Lost,
		OutageMS: r.Outage.inMS(), DetectMS: r.Detect.inMS(), DualMS: inMS(r.DualMax),
		RestoreLost: r.RestoreLost, LateRuns: r.Late, Own: r.Own, Shares: r.shares(), Budget: r.Budget.Text, Met: len(r.Missed) == 0,
		Missed: append([]string{}, r.Missed...), Failed: append([]string{}, r.Failed...),
	}
	if r.Budget.SettledMax > 0 {
		settled := r.Settled.inMS()
		f.SettledMS = &settled
	}
	for i := range r.Runs {
		run := &r.Runs[i]
		each := eachRunMS{
			Outage: inMS(run.Outage), Silence: inMS(run.Silence), Lost: run.Lost, Holder: run.Holder,
			DualNetwork: inMS(run.DualNetwork), DualService: inMS(run.DualService),
			RestoreLost: run.RestoreLost, Late: run.Late,
		}
		if run.Detected != 0 {
			detect := inMS(run.Detected.Sub(run.Injected))
			each.Detect = &detect
		}
		f.Each = append(f.Each, each)
	}
	return f
}
