package dr

import (
	"encoding/json"
	"io"
	"math"
	"time"

	"stead/internal/lab/dr/queue"
)

// reportJSON is what `stead lab --network dr --json` prints. Keys are only ever added.
type reportJSON struct {
	Network string      `json:"network"`
	Setup   setupJSON   `json:"setup"`
	Faults  []faultJSON `json:"faults"`
	Trial   []faultJSON `json:"trial"` // the construction that the gate replaces
}

type setupJSON struct {
	Version     string  `json:"version"`
	Kernel      string  `json:"kernel"`
	CPUs        int     `json:"cpus"`
	Timing      string  `json:"timing"`
	BeatMS      float64 `json:"beat_ms"`
	FlatlineMS  float64 `json:"flatline_ms"`
	StopAfterMS float64 `json:"stop_after_ms"`
	GraceMS     float64 `json:"grace_ms"`
	TimeoutMS   float64 `json:"timeout_ms"`
}

type faultJSON struct {
	Name      string       `json:"name"`
	About     string       `json:"about"`
	Want      string       `json:"want"`
	Runs      int          `json:"runs"`
	OpenedMS  *float64     `json:"opened_ms"`  // null: the gate did not open
	StoppedMS *float64     `json:"stopped_ms"` // null: the workload of the other site was not stopped
	AgainMS   *float64     `json:"again_ms"`   // from the end of the fault until a workload ran that did not before; null: none did
	NobodyMS  float64      `json:"nobody_ms"`
	BothMS    float64      `json:"both_ms"`
	Events    queue.Counts `json:"events"`
	Wrong     []string     `json:"wrong"`
	Each      []Result     `json:"each"`
}

func inMS(d time.Duration) float64 { return math.Round(d.Seconds()*1e5) / 100 }

// orNull is a time; null for one that there is not.
func orNull(d time.Duration) *float64 {
	if d == 0 {
		return nil
	}
	ms := inMS(d)
	return &ms
}

// WriteJSON writes the results for a program.
func (r *Results) WriteJSON(w io.Writer) error {
	s := &r.Setup
	out := reportJSON{Network: Network, Faults: []faultJSON{}, Trial: []faultJSON{}, Setup: setupJSON{
		s.Version, s.Kernel, s.CPUs, s.Timing, inMS(s.Times.Beat), inMS(s.Times.Flatline), inMS(s.Times.StopAfter), inMS(s.Times.Grace), inMS(s.Times.Timeout),
	}}
	for i := range r.Faults {
		f := &r.Faults[i]
		list := &out.Faults
		if f.Original {
			list = &out.Trial
		}
		*list = append(*list, faultJSON{
			Name: f.Name, About: f.About, Want: f.Want, Runs: len(f.Runs), OpenedMS: orNull(f.Opened()), StoppedMS: orNull(f.Stopped()), AgainMS: orNull(f.Again()),
			NobodyMS: inMS(f.Nobody()), BothMS: inMS(f.Both()), Events: f.Counts(), Wrong: append([]string{}, f.Wrong()...), Each: f.Runs,
		})
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(out)
}
