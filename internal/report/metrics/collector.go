package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"stead/internal/report"
	"stead/internal/report/build"
)

// takeoverBounds resolve the budgets of the fast timing and still tell a slow one.
var takeoverBounds = []float64{.001, .002, .003, .005, .010, .015, .020, .030, .050, .1, .2, .5, 1, 2, 5, 10, 30}

// Collector collects the metrics of one daemon.
type Collector struct {
	snapshot report.Snapshotter
	descs    map[*Info]*prometheus.Desc

	transitions *prometheus.CounterVec
	takeover    *prometheus.HistogramVec
	dualActive  *prometheus.CounterVec
	events      *prometheus.CounterVec
}

// New makes a collector. Count has to be called with every event: see eventlog.Log.Observe.
func New(snapshot report.Snapshotter) *Collector {
	c := &Collector{
		snapshot:    snapshot,
		descs:       map[*Info]*prometheus.Desc{},
		transitions: counters(&transitions),
		dualActive:  counters(&dualActive),
		events:      counters(&events),
		takeover: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: takeover.Name, Help: takeover.Help, Buckets: takeoverBounds,
		}, takeover.Labels),
	}
	for _, info := range Table {
		if !c.counted(info) {
			c.descs[info] = info.desc()
		}
	}
	return c
}

func counters(i *Info) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: i.Name, Help: i.Help}, i.Labels)
}

// counted tells whether a metric comes from events and not from snapshots.
func (c *Collector) counted(i *Info) bool {
	return i == &transitions || i == &takeover || i == &dualActive || i == &events
}

// Registry makes a registry with this collector and those of the Go runtime and the process.
func (c *Collector) Registry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(c, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// Count counts an event.
func (c *Collector) Count(e report.Event) {
	c.events.WithLabelValues(string(e.Kind)).Inc()
	took := time.Duration(e.TookUS) * time.Microsecond
	switch e.Kind {
	case report.BecameActive:
		c.transitions.WithLabelValues(e.Group, string(report.RoleActive), string(e.Reason)).Inc()
		if took > 0 {
			c.takeover.WithLabelValues(e.Group).Observe(took.Seconds())
		}
	case report.BecameStandby:
		c.transitions.WithLabelValues(e.Group, string(report.RoleStandby), string(e.Reason)).Inc()
	case report.DualSeen:
		c.dualActive.WithLabelValues(e.Group).Add(max(took, 0).Seconds())
	}
}

func (c *Collector) fromEvents() []prometheus.Collector {
	return []prometheus.Collector{c.transitions, c.takeover, c.dualActive, c.events}
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		out <- d
	}
	for _, v := range c.fromEvents() {
		v.Describe(out)
	}
}

// Collect implements prometheus.Collector.
func (c *Collector) Collect(out chan<- prometheus.Metric) {
	for _, v := range c.fromEvents() {
		v.Collect(out)
	}
	b := build.Get()
	c.put(out, &buildInfo, 1, b.Version, b.Commit, b.Go)
	s := c.snapshot.Snapshot()
	if s == nil {
		return
	}
	for i := range s.Groups {
		c.group(out, &s.Groups[i])
	}
	for i := range s.Peers {
		c.peer(out, &s.Peers[i])
	}
	if v := s.Vote; v != nil {
		c.put(out, &voteHeld, number(v.Held), v.Store)
		c.store(out, v.Store, "", v.Problem == "", !v.Unreadable, &v.Operations)
	}
	c.sessions(out, s)
	for _, o := range s.Overlays {
		c.put(out, &overlayOK, number(o.OK), o.Name)
		c.put(out, &overlayRepairs, float64(o.Repairs), o.Name)
	}
	for _, kind := range []string{"kernel", "guard", "none"} {
		c.put(out, &fence, number(s.Fence.Kind == kind), kind)
	}
	c.put(out, &leaseStalls, float64(s.Fence.Stalls))
	c.counters(out, &s.Counters)
	c.notified(out, s)
	c.loop(out, s)
}

func (c *Collector) put(out chan<- prometheus.Metric, info *Info, value float64, labels ...string) {
	kind := prometheus.GaugeValue
	if info.Type == Counter {
		kind = prometheus.CounterValue
	}
	out <- prometheus.MustNewConstMetric(c.descs[info], kind, value, labels...)
}

func (c *Collector) group(out chan<- prometheus.Metric, g *report.Group) {
	c.put(out, &groupActive, number(g.Serves()), g.Name)
	c.put(out, &epoch, float64(g.Epoch), g.Name)
	if g.Role == report.RoleWitness {
		return
	}
	c.put(out, &groupReady, number(g.Ready), g.Name)
	c.announced(out, g)
	switch {
	case g.VRRP != nil:
		c.router(out, g.Name, g.VRRP)
	case g.Lease != nil:
		c.lease(out, g)
	case g.HearsMembers():
		c.put(out, &groupSpares, float64(g.Spares()), g.Name)
	}
	c.put(out, &groupPriority, float64(g.EffectivePriority), g.Name)
	c.put(out, &groupDraining, number(g.Draining), g.Name)
	c.put(out, &groupStalled, number(g.Stalled), g.Name)
	c.put(out, &wantApplied, number(g.Applied), g.Name)
	for _, check := range g.Checks {
		if check.State != report.CheckUnknown {
			c.put(out, &checkUp, number(check.State == report.CheckUp), g.Name, check.Name)
		}
	}
}

func (c *Collector) router(out chan<- prometheus.Metric, group string, v *report.VRRP) {
	for _, state := range []string{"initialize", "backup", "active"} {
		c.put(out, &routerState, number(v.State == state), group, state)
	}
	c.put(out, &routerPriority, float64(v.Priority), group)
	c.put(out, &routerSent, float64(v.Sent), group)
	c.put(out, &routerReceived, float64(v.Received), group)
	for cause, n := range v.Refused {
		c.put(out, &routerRefused, float64(n), group, cause)
	}
	c.put(out, &routerZero, float64(v.PriorityZeroSent), group, "sent")
	c.put(out, &routerZero, float64(v.PriorityZeroReceived), group, "received")
	c.put(out, &routerMismatches, float64(v.OtherChecksum), group, "checksum")
	c.put(out, &routerMismatches, float64(v.OtherAddresses), group, "addresses")
	c.put(out, &routerMismatches, float64(v.OtherInterval), group, "interval")
	if v.Device != "" {
		c.put(out, &routerRepairs, float64(v.DeviceRepairs), group)
	}
}

func (c *Collector) peer(out chan<- prometheus.Metric, p *report.Peer) {
	c.put(out, &peerAlive, number(p.Alive), p.Name)
	c.put(out, &peerLoss, p.Loss, p.Name)
	if p.RTT > 0 {
		c.put(out, &peerRTT, float64(p.RTT)/1e6, p.Name)
	}
	if !p.LastSeen.IsZero() {
		c.put(out, &peerLastSeen, seconds(p.LastSeen), p.Name)
	}
	for _, path := range p.Paths {
		c.put(out, &peerPathAlive, number(path.Alive && !path.Deaf), p.Name, path.Address)
	}
}

func (c *Collector) counters(out chan<- prometheus.Metric, n *report.Counters) {
	c.put(out, &heartbeatsSent, float64(n.HeartbeatsSent))
	c.put(out, &heartbeatsReceived, float64(n.HeartbeatsReceived))
	c.put(out, &addressRepairs, float64(n.AddressRepairs))
	c.put(out, &announcements, float64(n.Announcements))
	if n.VRRPSendFailures != nil {
		c.put(out, &routerStrangers, float64(n.VRRPStrangers))
	}
	for cause, count := range n.VRRPSendFailures {
		c.put(out, &routerFailures, float64(count), cause)
	}
	for cause, count := range n.PacketsRejected {
		c.put(out, &packetsRejected, float64(count), cause)
	}
}

func (c *Collector) notified(out chan<- prometheus.Metric, s *report.Status) {
	for _, r := range s.Notify {
		c.put(out, &notifyWaiting, float64(r.Waiting), r.Kind, r.Name)
		c.put(out, &notifications, float64(r.Sent), r.Kind, r.Name, "sent")
		c.put(out, &notifications, float64(r.Failed), r.Kind, r.Name, "failed")
		c.put(out, &notifications, float64(r.Dropped), r.Kind, r.Name, "dropped")
		c.put(out, &notifications, float64(r.Lost), r.Kind, r.Name, "lost")
	}
	for _, h := range s.Hooks {
		c.put(out, &notifications, float64(h.OK), "hook", h.Group, "sent")
		c.put(out, &notifications, float64(h.Failed), "hook", h.Group, "failed")
		c.put(out, &notifications, float64(h.Dropped), "hook", h.Group, "dropped")
	}
	c.put(out, &logDropped, float64(s.LogDropped))
}

func (c *Collector) loop(out chan<- prometheus.Metric, s *report.Status) {
	late := &s.Loop.Late
	buckets := make(map[float64]uint64, len(report.LatenessBounds))
	var below uint64
	for i, bound := range report.LatenessBounds {
		below += late.Counts[i]
		buckets[bound.Seconds()] = below
	}
	out <- prometheus.MustNewConstHistogram(c.descs[&loopLate], late.Total(), float64(late.SumUS)/1e6, buckets)
	c.put(out, &loopLateMax, float64(late.MaxUS)/1e6)
	c.put(out, &loopSteps, float64(s.Loop.Steps))
	c.put(out, &realtime, number(s.Realtime.Active))
	c.put(out, &snapshotTime, seconds(s.At))
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
