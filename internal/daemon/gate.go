package daemon

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stead/internal/config"
	coregate "stead/internal/core/gate"
	"stead/internal/engine"
	"stead/internal/gate"
	"stead/internal/report"
)

// site is the gate of the site that this node is in, if it has one.
type site struct {
	running atomic.Pointer[gate.Gate]
}

// gatePause is how long after a run of the gate that has ended the next one begins.
const gatePause = time.Second

// gateNever are the words of the configuration for what was never seen.
var gateNever = map[string]coregate.Policy{
	config.NeverAuto: coregate.NeverAuto, config.NeverWait: coregate.NeverWait, config.NeverFlatlined: coregate.NeverFlatlined,
}

// gateSettings are those of this node's gate; nil: it has none.
func gateSettings(cfg *config.Config) *gate.Settings {
	c := cfg.Gate
	if c == nil {
		return nil
	}
	url := func(name string) string {
		s, ok := cfg.Store(name)
		if !ok {
			return ""
		}
		return s.URL
	}
	set := &gate.Settings{
		Site: c.Site, Other: c.Other, Preferred: c.Preferred, Store: url(c.Store), Any: c.Any, Never: gateNever[c.Never],
		OpenAfter: c.OpenAfter, Timing: c.Timing(cfg.GateTimeout()),
		Network: gate.Network{Listen: c.Listen, SendTo: c.Advertise, Keys: cfg.Security.Keys},
		Command: c.Command, User: c.User, Stay: true, EpochFile: c.EpochFile,
		Release: c.OnStop == config.OnStopRelease,
	}
	if !c.Right {
		set.Right = gate.NoRight
	}
	if c.Format == config.FormatTicks {
		set.Format = coregate.FormatTicks
	}
	if p := c.Progress; p != nil {
		set.Progress = &gate.Progress{Progress: p.Progress, Interval: p.Interval, Pause: p.Pause, Stores: map[string]string{}}
		for i := range cfg.Stores {
			set.Progress.Stores[cfg.Stores[i].Name] = cfg.Stores[i].URL
		}
	}
	for _, w := range c.Witnesses {
		set.Witnesses = append(set.Witnesses, gate.Witness{Name: w.Name, Store: url(w.Store), Network: w.Network})
	}
	return set
}

// checkGate refuses a gate that cannot work before anything has begun.
func (d *Daemon) checkGate() error {
	set := gateSettings(d.cfg)
	if set == nil {
		return nil
	}
	if err := set.Check(); err != nil {
		return fmt.Errorf("gate: %w", err)
	}
	return nil
}

// runGate runs the gate until ctx ends: another run begins when one has ended, for
// example because what it guarded was lost. The workload has ended when it returns.
func (d *Daemon) runGate(ctx context.Context) {
	set := gateSettings(d.cfg)
	for ctx.Err() == nil {
		if err := d.runGateOnce(ctx, set); err != nil {
			d.complain(fmt.Errorf("gate: %w", err))
		}
		select {
		case <-ctx.Done():
		case <-time.After(gatePause):
		}
	}
}

func (d *Daemon) runGateOnce(ctx context.Context, set *gate.Settings) error {
	var session [8]byte
	_, _ = rand.Read(session[:]) // it does not fail
	g, err := gate.Open(ctx, set, gate.Surroundings{
		Now: engine.Now, Wall: time.Now, Log: d.log.With("part", "gate"), Session: binary.NativeEndian.Uint64(session[:]) | 1,
		Boot: bootID(), Environ: os.Environ(),
	})
	if err != nil {
		return err
	}
	defer g.Close()
	d.site.running.Store(g)
	defer d.site.running.Store(nil)
	outcome, err := g.Run(ctx)
	if err == nil && outcome.Lost {
		d.log.Warn("gate: the workload was stopped", "site", set.Site, "reason", outcome.Why)
	}
	return err
}

// bootID names this boot of the machine; empty where the kernel does not tell.
func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// switchSites asks that the other site, or this one, runs the workload.
func (d *Daemon) switchSites(to string) (report.Result, error) {
	g := d.site.running.Load()
	if g == nil {
		return report.Result{}, fmt.Errorf("gate: it does not run at the moment: the log says why")
	}
	g.HandOver(to)
	d.say(report.Event{Kind: report.Commanded, Peer: to, Detail: "switchover of the site"})
	return report.Result{OK: true, To: to}, nil
}

// describeGate puts the state of the gate into the words of the report.
func (d *Daemon) describeGate(cfg *config.Config) *report.Gate {
	if cfg.Gate == nil {
		return nil
	}
	out := &report.Gate{Site: cfg.Gate.Site, Other: cfg.Gate.Other, Trouble: "it does not run"}
	g := d.site.running.Load()
	if g == nil {
		return out
	}
	s := g.Status()
	out.Phase, out.Open, out.Verdict, out.Reason, out.Detail = s.Phase, s.Open, s.Verdict, s.Reason, s.Detail
	out.Epoch, out.Trouble = s.Epoch, s.Trouble
	if s.Right != nil {
		out.Holder, out.RightState = s.Right.Holder, s.Right.State
	}
	for _, w := range s.Witnesses {
		out.Witnesses = append(out.Witnesses, report.GateWitness{Name: w.Name, Verdict: w.Verdict, Detail: w.Detail})
	}
	return out
}

// gateCollector is the metrics of the gate that runs.
type gateCollector struct{ d *Daemon }

// Describe implements prometheus.Collector: there may be no gate.
func (c gateCollector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c gateCollector) Collect(out chan<- prometheus.Metric) {
	if g := c.d.site.running.Load(); g != nil {
		g.Collector().Collect(out)
	}
}
