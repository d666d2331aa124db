package gate

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// accessBounds tell a local store from one in another region, and a share that hangs.
var accessBounds = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5}

// metrics are those of one gate.
type metrics struct {
	of      func() *Status
	changes *prometheus.CounterVec
	exits   prometheus.Counter
	store   *prometheus.HistogramVec
}

func newMetrics() *metrics {
	return &metrics{
		changes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "stead_gate_changes_total", Help: "Lines that the gate has logged, by their message.",
		}, []string{"change"}),
		exits: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "stead_gate_workload_exits_total", Help: "How often the workload has ended, by itself or because it had to.",
		}),
		store: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "stead_gate_store_seconds", Help: "How long an access of the store took, one that failed too.", Buckets: accessBounds,
		}, []string{"what", "access"}),
	}
}

// access counts an access of a store.
func (m *metrics) access(what, access string, took time.Duration) {
	m.store.WithLabelValues(what, access).Observe(took.Seconds())
}

// What is read of the status when it is asked for.
var (
	verdictDesc   = describe("stead_gate_verdict", "1 for the present verdict on the other site.", "other", "verdict")
	openDesc      = describe("stead_gate_open", "1 while the workload may run.")
	epochDesc     = describe("stead_gate_epoch", "The epoch of the right with which the workload runs; 0 while it does not.")
	heldDesc      = describe("stead_gate_right_held", "1 while the right to run is this site's.")
	ageDesc       = describe("stead_gate_heartbeat_age_seconds", "Since the other site's heartbeat was seen to change. Missing until it was.", "witness")
	witnessDesc   = describe("stead_gate_witness_verdict", "1 for the present verdict of a witness.", "witness", "verdict")
	writtenDesc   = describe("stead_gate_written_age_seconds", "Since this site's own heartbeat was written. Missing until it was.")
	writesDesc    = describe("stead_gate_writes_total", "Heartbeats of this site: ok, or failed where it is not certain that the other site can see it.", "outcome")
	healthyDesc   = describe("stead_gate_healthy", "1 while the gate does its work; see /healthz.")
	progressDesc  = describe("stead_gate_progress", progressHelp)
	theDescs      = []*prometheus.Desc{progressDesc, verdictDesc, openDesc, epochDesc, heldDesc, ageDesc, witnessDesc, writtenDesc, writesDesc, healthyDesc}
	theVerdicts   = []string{"alive", "flatlined", "cannot-tell"}
	theCollectors = []prometheus.Collector{
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	}
)

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range theDescs {
		ch <- d
	}
	m.changes.Describe(ch)
	m.exits.Describe(ch)
	m.store.Describe(ch)
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	m.changes.Collect(ch)
	m.exits.Collect(ch)
	m.store.Collect(ch)
	s := m.of()
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	for _, v := range theVerdicts {
		gauge(verdictDesc, flag(s.Verdict == v), s.Other, v)
	}
	gauge(openDesc, flag(s.Open))
	gauge(epochDesc, float64(s.Epoch))
	gauge(healthyDesc, flag(s.Healthy))
	if s.Right != nil {
		gauge(heldDesc, flag(s.Right.Mine))
	}
	for _, w := range s.Witnesses {
		for _, v := range theVerdicts {
			gauge(witnessDesc, flag(w.Verdict == v), w.Name, v)
		}
		if w.Age != nil {
			gauge(ageDesc, *w.Age, w.Name)
		}
	}
	s.Progress.collect(ch, progressDesc)
	if s.Heartbeat.Age != nil {
		gauge(writtenDesc, *s.Heartbeat.Age)
	}
	count := func(value uint64, outcome string) {
		ch <- prometheus.MustNewConstMetric(writesDesc, prometheus.CounterValue, float64(value), outcome)
	}
	count(s.Heartbeat.Written, "ok")
	count(s.Heartbeat.Unproven, "failed")
}

func flag(on bool) float64 {
	if on {
		return 1
	}
	return 0
}

// Collector collects the metrics of this gate.
func (g *Gate) Collector() prometheus.Collector { return g.metrics }
