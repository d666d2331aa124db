package daemon

import (
	"context"
	"fmt"
	"strings"
	"time"

	"stead/internal/adapter/overlay"
	"stead/internal/config"
	"stead/internal/core"
	"stead/internal/core/peer"
	"stead/internal/core/vrrp"
	"stead/internal/engine"
	"stead/internal/report"
	"stead/internal/report/logging"
)

// publishEvery is how often a snapshot is published while nothing changes.
const publishEvery = 200 * time.Millisecond

// publish keeps the snapshot fresh until ctx ends.
func (d *Daemon) publish(ctx context.Context) {
	tick := time.NewTicker(publishEvery)
	defer tick.Stop()
	for {
		bounded, cancel := context.WithTimeout(ctx, time.Second)
		if s, err := d.Status(bounded); err == nil {
			d.snapshot.Store(&s)
		}
		cancel()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-d.changed:
		}
	}
}

// refresh has a snapshot published soon.
func (d *Daemon) refresh() {
	select {
	case d.changed <- struct{}{}:
	default:
	}
}

// Snapshot is the last status that was published, or nil.
func (d *Daemon) Snapshot() *report.Status { return d.snapshot.Load() }

// Status asks the engine for its state.
func (d *Daemon) Status(ctx context.Context) (report.Status, error) {
	select {
	case v := <-d.engine.Inspect():
		return d.describe(&v), nil
	case <-ctx.Done():
		return report.Status{}, fmt.Errorf("the engine does not answer: %w", ctx.Err())
	}
}

// describe puts the engine's state into the words of the report.
func (d *Daemon) describe(v *engine.View) report.Status {
	cfg := d.config()
	d.mu.Lock()
	realtime := d.realtime
	d.mu.Unlock()
	s := report.Status{
		Node: cfg.Self, Version: buildVersion(), At: time.Now(), Uptime: v.At.Sub(d.started).Seconds(),
		Draining: v.Drained, Realtime: realtime, Loop: report.Loop{Steps: v.Steps, Late: v.Late},
		Counters: d.counters(v), Overlays: d.overlayStatus(),
		Notify: d.notifier.status(), Hooks: d.hookCounts(), LogDropped: logging.Dropped(d.log),
	}
	fenced := d.fence.Status()
	said := fenced.Problems
	if fenced.Reason != "" {
		said = append([]string{fenced.Reason}, said...)
	}
	s.Fence = report.Fence{Kind: fenced.Kind, Detail: strings.Join(said, "; "), Stalls: d.stalls.Load()}
	for i := range min(len(v.Groups), len(cfg.Groups)) {
		s.Groups = append(s.Groups, d.group(cfg, i, &v.Groups[i], s.At, v.At, fenced.Kind))
	}
	d.describeSpeaker(&s, cfg, v)
	if v.Witness != nil {
		s.Vote = describeVote(v.Witness, v.At)
	}
	d.countLeases(&s)
	s.Gate = d.describeGate(cfg)
	if d.routers != nil {
		d.describeSockets(&s, v.At)
	}
	for i := range min(len(v.Nodes), len(cfg.Nodes)) {
		if cfg.Nodes[i].Name != cfg.Self && len(v.Nodes[i].Paths) > 0 { // the others have no heartbeats to hear
			s.Peers = append(s.Peers, describePeer(&cfg.Nodes[i], &v.Nodes[i], s.At, v.At))
		}
	}
	return s
}

func (d *Daemon) group(cfg *config.Config, i int, g *core.GroupState, wall time.Time, now core.Instant, fenceKind string) report.Group {
	c := &cfg.Groups[i]
	out := report.Group{
		Name: c.Name, Role: report.RoleStandby, Epoch: g.Epoch, Reason: g.Cause, Ready: g.Ready,
		NotReadyBecause: g.Why, NotReadyDetail: g.Detail, Fence: fenceKind, FenceOpen: g.Open && g.Serving > 0,
		Applied: g.Applied, ApplyError: g.Error, Priority: g.Base, EffectivePriority: g.Priority,
		Stalled: g.Stalled, Draining: g.Drained, LeaseRemainingMS: float64(g.Serving) / 1e6,
		Quorum:  report.Quorum{Needed: g.Needed, Granted: g.Granted, Voters: g.Voters},
		Members: []report.Member{}, Checks: []report.Check{}, Addresses: []string{},
	}
	if g.Since != 0 {
		out.Since = wall.Add(-now.Sub(g.Since))
	} else {
		out.Since = wall.Add(-now.Sub(d.started))
	}
	if g.Damped > now {
		out.DampedUntil = wall.Add(g.Damped.Sub(now))
	}
	switch {
	case g.Active:
		out.Role = report.RoleActive
	case !g.Member:
		out.Role, out.Ready, out.NotReadyBecause = report.RoleWitness, false, ""
	}
	if g.Owner != peer.Nobody {
		out.ActiveNode = cfg.Nodes[g.Owner].Name
	}
	out.Election, out.Sync, out.WitnessStore = c.Election.Type, c.Sync, c.Election.Witness
	if g.Router != nil && g.Member {
		out.VRRP = describeRouter(g.Router)
		out.ActiveAddress = out.VRRP.ActiveAddress
	}
	if g.Lease != nil && c.Election.Right != nil && g.Member {
		out.Lease = describeLease(c, g.Lease, wall, now)
	}
	for _, a := range c.Addresses {
		out.Addresses = append(out.Addresses, a.Prefix.String())
	}
	for _, m := range g.Members {
		out.Members = append(out.Members, report.Member{Name: cfg.Nodes[m.Node].Name, Ready: m.Ready, Priority: m.Priority, Alive: m.Alive, Unknown: m.Unknown})
	}
	if !g.Member {
		return out
	}
	for j, ch := range g.Checks {
		ran := d.ran.of(i, j)
		if ch.Number && ran.detail == "" && !ran.at.IsZero() {
			ran.detail = fmt.Sprintf("holds %d", ch.Value)
		}
		out.Checks = append(out.Checks, report.Check{
			Name: ch.Name, State: report.CheckState(ch.State.String()), Fatal: ch.Fatal, Weight: ch.Weight,
			Detail: ran.detail, LastRan: ran.at,
		})
	}
	return out
}

func describeRouter(s *vrrp.State) *report.VRRP {
	v := &report.VRRP{
		VRID: int(s.VRID), Version: s.Version, State: s.Role.String(), Priority: s.Priority,
		IntervalMS: float64(s.Interval) / 1e6, ActivePriority: s.ActivePriority, ActiveIntervalMS: float64(s.ActiveInterval) / 1e6,
		HandingOver: s.Yielding, HoldsBack: s.Held, Sent: s.Sent, Received: s.Packets.Packets[vrrp.Accepted] - s.Own,
		Refused: map[string]uint64{}, PriorityZeroSent: s.PriorityZeroSent, PriorityZeroReceived: s.PriorityZeroReceived,
		OtherChecksum: s.Packets.OtherChecksum, OtherAddresses: s.Packets.OtherAddresses, OtherInterval: s.Packets.OtherIntervals,
		Transitions: s.Transitions, Late: s.Late,
	}
	if s.Source.IsValid() {
		v.Source = s.Source.String()
	}
	if s.ActiveRouter.IsValid() {
		v.ActiveAddress = s.ActiveRouter.String()
	}
	for r := vrrp.Accepted + 1; int(r) < vrrp.Refusals; r++ {
		if n := s.Packets.Packets[r]; n > 0 {
			v.Refused[r.String()] = n
		}
	}
	return v
}

func describePeer(n *config.Node, s *peer.NodeState, wall time.Time, now core.Instant) report.Peer {
	p := report.Peer{Name: n.Name, Role: string(n.Role), Alive: s.Alive, RTT: s.RTT.Microseconds(), Loss: s.Loss, Paths: []report.PeerPath{}}
	if s.HeardAt != 0 {
		p.LastSeen = wall.Add(-now.Sub(s.HeardAt))
	}
	for i, path := range s.Paths {
		pp := report.PeerPath{Address: n.Addresses[i].String(), Alive: path.Alive, Deaf: path.Deaf, LastHeardMS: -1}
		if path.HeardAt != 0 {
			pp.LastHeardMS = float64(now.Sub(path.HeardAt)) / 1e6
		}
		p.Paths = append(p.Paths, pp)
	}
	return p
}

func (d *Daemon) counters(v *engine.View) report.Counters {
	c := v.Counters
	return report.Counters{
		HeartbeatsSent: c.Sent, HeartbeatsReceived: c.Received,
		PacketsRejected: map[string]uint64{
			"length": c.BadLength, "version": c.BadVersion, "tag": c.BadTag, "not-for-us": c.NotForUs,
			"stale": c.Stale, "unproved": c.Unproved, "unknown-group": c.UnknownGroup, "gap": c.Gap,
		},
		AddressRepairs: d.repairs.Load(), Announcements: v.Announced,
	}
}

func (d *Daemon) overlayStatus() []report.Overlay {
	out := []report.Overlay{}
	if d.overlays == nil {
		return out
	}
	for _, o := range d.overlays.Status() {
		out = append(out, report.Overlay{
			Name: o.Name, Type: "vxlan", VNI: o.VNI, MTU: o.MTU, OK: o.State == overlay.Up,
			Detail: o.Problem, Repairs: o.Repairs,
		})
	}
	return out
}
