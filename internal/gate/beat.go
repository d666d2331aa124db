package gate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stead/internal/adapter/store/open"
	"stead/internal/core/gate"
)

// BeatSettings are what a site's heartbeat needs that no gate writes.
type BeatSettings struct {
	Site      string
	Other     string // Network: whom to send to
	Stores    []string
	Any       bool // the other site takes one silent store for a flatline: all of them have to be written
	Network   Network
	Format    gate.Format
	Every     time.Duration
	StopAfter time.Duration // Run ends when nothing could be written for so long; 0: never
	Timeout   time.Duration // of one write
	EpochFile string        // whose number goes into the heartbeat; it need not be there
	// Gated: nothing runs at this site without the right, so that the heartbeat may
	// say that it has none. Else it says nothing of that, and the other site's gate
	// takes it that the workload runs.
	Gated bool
	// Progress: the heartbeat is written only while this does not stand still; nil: always.
	Progress *Progress
}

// Check refuses what cannot work.
func (s *BeatSettings) Check() error {
	errs := []error{name("site", s.Site)}
	if len(s.Stores) == 0 && !s.Network.used() {
		errs = append(errs, errors.New("store: is missing: name the one that the other site reads"))
	}
	for _, url := range s.Stores {
		if _, err := open.Parse(url); err != nil {
			errs = append(errs, err)
		}
	}
	if s.Network.used() {
		errs = append(errs, name("other", s.Other))
	}
	if s.Every <= 0 || s.Timeout <= 0 || s.StopAfter < 0 {
		errs = append(errs, errors.New("times: the period and the time-out have to be longer than 0"))
	}
	if s.StopAfter > 0 && s.StopAfter <= s.Every {
		errs = append(errs, fmt.Errorf("stop-after %v: is not longer than the period %v: one heartbeat would be too late", s.StopAfter, s.Every))
	}
	if s.Progress != nil {
		errs = append(errs, s.Progress.check(s.Timeout))
	}
	return errors.Join(errs...)
}

// Beater writes the heartbeat of a site.
type Beater struct {
	set BeatSettings
	env Surroundings
	g   *Gate // for its stores and its network

	mu     sync.Mutex
	status BeatStatus
	at     Instant // since when one should have been written
	wrote  Instant // when the last one that was written was begun
}

// BeatStatus is how things are with a Beater.
type BeatStatus struct {
	Site     string   `json:"site"`
	Every    float64  `json:"every_seconds"`
	Age      *float64 `json:"written_seconds_ago,omitempty"`
	Trouble  string   `json:"trouble,omitempty"`
	Written  uint64   `json:"written"`
	Unproven uint64   `json:"not_written"` // or not certainly
	Healthy  bool     `json:"healthy"`

	Progress *ProgressStatus `json:"progress,omitempty"` // none is written while it is stalled; none: it is not judged
}

// OpenBeater opens the stores. Check has accepted the settings.
func OpenBeater(ctx context.Context, set *BeatSettings, env Surroundings) (*Beater, error) {
	g := &Gate{env: env, log: env.Log, stores: openStores(), metrics: newMetrics(), over: make(chan struct{})}
	g.set = Settings{Site: set.Site, Other: set.Other, Network: set.Network, Timing: gate.Timing{Timeout: set.Timeout}}
	for _, url := range set.Stores {
		s, err := g.store(ctx, url)
		if err != nil {
			g.Close()
			return nil, err
		}
		g.pages = append(g.pages, s.Blob(HeartbeatKey(set.Site)))
	}
	if err := g.openWire(); err != nil {
		g.Close()
		return nil, err
	}
	if err := g.openProgress(ctx, set.Progress); err != nil {
		g.Close()
		return nil, err
	}
	b := &Beater{set: *set, env: env, g: g, at: env.Now()}
	b.status = BeatStatus{Site: set.Site, Every: set.Every.Seconds()}
	return b, nil
}

// Run writes until ctx ends, or nothing could be written for StopAfter.
func (b *Beater) Run(ctx context.Context) error {
	if err := b.followWork(ctx); err != nil {
		return err
	}
	began := b.env.Now()
	good := began
	trouble := ""
	timer := time.NewTimer(0)
	defer timer.Stop()
	for sequence := uint64(1); ; sequence++ {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		now := b.env.Now()
		if b.holds(now) {
			good = now
			timer.Reset(b.set.Every)
			continue
		}
		err := b.write(ctx, sequence, now.Sub(began))
		if ctx.Err() != nil {
			return nil
		}
		next := now.Add(b.set.Every)
		if err == nil {
			good = now
		} else {
			next = now.Add(b.set.Every / 5)
		}
		b.note(good, err, &trouble)
		end := b.env.Now()
		if b.set.StopAfter > 0 && err != nil && end >= good.Add(b.set.StopAfter) {
			return fmt.Errorf("the heartbeat could not be written for %v: %w", end.Sub(good).Round(time.Millisecond), err)
		}
		timer.Reset(max(0, next.Sub(end)))
	}
}

// write writes one heartbeat.
func (b *Beater) write(ctx context.Context, sequence uint64, age time.Duration) error {
	epoch, err := readEpoch(b.set.EpochFile)
	if err != nil {
		return err
	}
	h := heartbeat{
		format: b.set.Format, timeout: b.set.Timeout, pages: b.g.pages, all: b.set.Any,
		Heartbeat: gate.Heartbeat{
			Site: b.set.Site, Session: b.env.Session, Sequence: sequence, Epoch: epoch, Mute: b.set.EpochFile == "" && !b.set.Gated, Age: age, At: b.env.Wall(),
		},
	}
	began := b.env.Now()
	err = h.write(ctx)
	b.g.metrics.access("heartbeat", "write", b.env.Now().Sub(began))
	return err
}

// readEpoch reads an epoch file; 0 where there is none yet.
func readEpoch(path string) (uint64, error) {
	if path == "" {
		return 0, nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	epoch, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("epoch file %s: holds no number", path)
	}
	return epoch, nil
}

// note keeps the status, and tells people when writing begins to fail or works again.
func (b *Beater) note(good Instant, err error, trouble *string) {
	b.mu.Lock()
	b.at = good
	if err == nil {
		b.wrote = good
		b.status.Written++
		b.status.Trouble = ""
	} else {
		b.status.Unproven++
		b.status.Trouble = err.Error()
	}
	first := err == nil && b.status.Written == 1
	b.mu.Unlock()
	switch {
	case err != nil && *trouble == "":
		b.env.Log.Warn("note", "site", b.set.Site, "reason", "heartbeat-not-written", "detail", err.Error())
	case err == nil && *trouble != "":
		b.env.Log.Info("note", "site", b.set.Site, "detail", "the heartbeat can be written again")
	case first:
		b.env.Log.Info("note", "site", b.set.Site, "detail", "the first heartbeat is written")
	}
	*trouble = ""
	if err != nil {
		*trouble = err.Error()
	}
}

// Status returns how things are. It may be called by several goroutines.
func (b *Beater) Status() *BeatStatus {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.status
	ago := b.env.Now().Sub(b.at)
	if s.Progress != nil {
		work := *s.Progress
		s.Progress = &work
	}
	if s.Written > 0 {
		s.Age = seconds(b.env.Now().Sub(b.wrote))
	}
	limit := b.set.StopAfter
	if limit == 0 {
		limit = 3 * b.set.Every
	}
	s.Healthy = ago <= limit
	return &s
}

// Close closes the stores. It is called when Run has returned.
func (b *Beater) Close() {
	close(b.g.over)
	b.g.Close()
}

var (
	beatAgeDesc      = describe("stead_beat_written_age_seconds", "Since this site's heartbeat was written. Missing until it was.")
	beatProgressDesc = describe("stead_beat_progress", progressHelp)
	beatWritesDesc   = describe("stead_beat_writes_total", "Heartbeats of this site: ok, or failed where it is not certain that the other site can see it.", "outcome")
)

// Describe implements prometheus.Collector.
func (b *Beater) Describe(ch chan<- *prometheus.Desc) {
	ch <- beatAgeDesc
	ch <- beatWritesDesc
	ch <- beatProgressDesc
	b.g.metrics.store.Describe(ch)
}

// Collect implements prometheus.Collector.
func (b *Beater) Collect(ch chan<- prometheus.Metric) {
	b.g.metrics.store.Collect(ch)
	s := b.Status()
	s.Progress.collect(ch, beatProgressDesc)
	if s.Age != nil {
		ch <- prometheus.MustNewConstMetric(beatAgeDesc, prometheus.GaugeValue, *s.Age)
	}
	ch <- prometheus.MustNewConstMetric(beatWritesDesc, prometheus.CounterValue, float64(s.Written), "ok")
	ch <- prometheus.MustNewConstMetric(beatWritesDesc, prometheus.CounterValue, float64(s.Unproven), "failed")
}
