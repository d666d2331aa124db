package dr

import (
	"bufio"
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"time"

	"stead/internal/workload"
)

// Line is a line of the log of a gate.
type Line struct {
	Site    string  `json:"site"`
	At      Instant `json:"at"`   // nanoseconds since boot
	Kind    string  `json:"kind"` // verdict, open, end, closed, ...
	Verdict string  `json:"verdict,omitempty"`
	Reason  string  `json:"reason,omitempty"`
	Detail  string  `json:"detail,omitempty"`
	Epoch   uint64  `json:"epoch,omitempty"`
}

// The kind of line, and the verdict, that the trial waits for.
const (
	kindVerdict  = "verdict"
	verdictAlive = "alive"
)

// lines are what the gate of a site has logged, oldest first.
func (p *pair) lines(site string) (list []Line) {
	file, err := os.Open(filepath.Join(p.logs, p.name+"-"+site+"-gate.log"))
	if err != nil {
		return nil
	}
	defer file.Close()
	boot, wall := workload.Now(), time.Now()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var line struct {
			Time                         time.Time
			Msg, Verdict, Reason, Detail string
			Epoch                        uint64
		}
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg != "" {
			list = append(list, Line{site, boot.Add(stepless(line.Time.Sub(wall))), line.Msg, line.Verdict, line.Reason, line.Detail, line.Epoch})
		}
	}
	return list
}

// stepless is a time of a log, by a wall clock that may have been stepped by an hour.
// No trial lasts half of one.
func stepless(d time.Duration) time.Duration {
	for d > time.Hour/2 {
		d -= time.Hour
	}
	for d < -time.Hour/2 {
		d += time.Hour
	}
	return d
}

// bothLines are what both gates have logged, in order.
func (p *pair) bothLines() []Line {
	all := append(p.lines(siteA), p.lines(siteB)...)
	slices.SortStableFunc(all, func(x, y Line) int { return cmp.Compare(x.At, y.At) })
	return all
}
