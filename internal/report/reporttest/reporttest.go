// Package reporttest is a daemon for tests of what reports on one: the trial's
// pair, in which commands change the status as the engine would.
package reporttest

import (
	"context"
	"errors"
	"sync"
	"time"

	"stead/internal/core/reason"
	"stead/internal/report"
	"stead/internal/report/eventlog"
)

// Daemon is a daemon without an engine. Its fields may be set before it is used.
type Daemon struct {
	Log     *eventlog.Log
	Refuse  reason.Reason // commands are refused with this reason
	Hang    bool          // Status and Do wait until their context ends
	Stuck   bool          // commands are accepted and never come true
	Changed string        // what Reload says; empty: it fails

	// Drained changes a group when a drain takes effect; nil: the other node serves it.
	Drained func(*report.Group)

	mu     sync.Mutex
	status report.Status
	polls  int
	after  int // statuses to hand out before a command takes effect
	do     func(*report.Status)
}

// At is when the status of New was taken.
var At = time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)

// New makes a daemon on the node "primary", active for the group "web",
// whose commands take effect at the third status that is asked for after them.
func New() *Daemon {
	d := &Daemon{Log: eventlog.New(64), Changed: "group web: priority of primary 200 → 150", after: 2, status: Trial()}
	boot := int64(1000e9)
	add := func(ms float64, e report.Event) {
		e.Node, e.BootNS, e.Wall = "primary", boot+int64(ms*1e6), At.Add(time.Duration(ms*1e6)-2*time.Minute)
		d.Log.Append(e)
	}
	add(-60000, report.Event{Kind: report.Started, Detail: "v1.2.3"})
	add(0, report.Event{Kind: report.PeerDown, Peer: "secondary", Reason: reason.PeerLost})
	add(0.04, report.Event{Kind: report.Claiming, Group: "web", Epoch: 7, Reason: reason.PeerSilent})
	add(0.31, report.Event{Kind: report.BecameActive, Group: "web", Role: report.RoleActive, Epoch: 7, Reason: reason.PeerSilent, TookUS: 310})
	add(0.35, report.Event{Kind: report.Announcing, Group: "web", Epoch: 7})
	add(4.1, report.Event{Kind: report.InPlace, Group: "web", Epoch: 7})
	add(31, report.Event{Kind: report.HookRan, Group: "web", Detail: "activate", TookUS: 26900})
	add(60000, report.Event{Kind: report.PeerUp, Peer: "secondary", Reason: reason.PeerHeard})
	return d
}

// Trial is the status of the node "primary" in a healthy trial.
func Trial() report.Status {
	ago := func(d time.Duration) time.Time { return At.Add(-d) }
	s := report.Status{
		Node: "primary", Version: "v1.2.3", Uptime: 3 * 3600, At: At,
		Groups: []report.Group{{
			Name: "web", Role: report.RoleActive, ActiveNode: "primary", Epoch: 7, Since: ago(2 * time.Minute), Reason: reason.PeerSilent,
			Ready: true, Fence: "kernel", FenceOpen: true, Addresses: []string{"192.168.0.200/24"}, Applied: true,
			Priority: 200, EffectivePriority: 200, LeaseRemainingMS: 11.5, Quorum: report.Quorum{Needed: 2, Granted: 3, Voters: 3},
			Members: []report.Member{{Name: "primary", Ready: true, Priority: 200, Alive: true}, {Name: "secondary", Ready: true, Priority: 100, Alive: true}},
			Checks: []report.Check{
				{Name: "haproxy", State: report.CheckUp, LastRan: ago(1500 * time.Millisecond), Weight: -150},
				{Name: "web", State: report.CheckUp, Detail: "200 OK", LastRan: ago(30 * time.Millisecond), Fatal: true},
			},
		}},
		Peers: []report.Peer{
			{Name: "client", Role: "witness", Alive: true, RTT: 210, LastSeen: ago(3 * time.Millisecond), Paths: []report.PeerPath{{Address: "10.0.1.4", Alive: true, LastHeardMS: 3}}},
			{Name: "secondary", Role: "member", Alive: true, RTT: 120, LastSeen: ago(4 * time.Millisecond), Loss: 0.001, Paths: []report.PeerPath{{Address: "10.0.1.20", Alive: true, LastHeardMS: 4}}},
		},
		Notify: []report.Recipient{
			{Kind: "email", Sent: 3},
			{Kind: "webhook", Name: "sdn", Sent: 5, Waiting: 1, Failed: 1, Dropped: 2},
		},
		Hooks:    []report.HookCounts{{Group: "web", OK: 4, Failed: 1}},
		Overlays: []report.Overlay{{Name: "vxlan0", Type: "vxlan", VNI: 10, MTU: 1450, OK: true}},
		Fence:    report.Fence{Kind: "kernel"},
		Realtime: report.Realtime{Mode: "auto", Active: true, Priority: 50},
		Counters: report.Counters{HeartbeatsSent: 1000, HeartbeatsReceived: 999, PacketsRejected: map[string]uint64{"wrong-key": 2}, Announcements: 7},
		Loop:     report.Loop{Steps: 5000},
	}
	s.Loop.Late.Observe(80 * time.Microsecond)
	return s
}

// VRRP is a group that VRRP decides, as the node "primary" sees it while a router
// that its configuration does not name is active.
func VRRP() report.Group {
	return report.Group{
		Name: "lan", Role: report.RoleStandby, ActiveAddress: "192.0.2.9", Election: "vrrp", Since: At.Add(-time.Minute), Reason: reason.HigherPriority,
		Ready: true, Fence: "kernel", Addresses: []string{"192.0.2.1/24"}, Applied: true, Priority: 100, EffectivePriority: 102,
		Members: []report.Member{{Name: "primary", Ready: true, Priority: 102, Alive: true}},
		Checks:  []report.Check{{Name: "haproxy", State: report.CheckUp, LastRan: At.Add(-time.Second), Weight: 2}},
		VRRP: &report.VRRP{
			VRID: 51, Version: 3, State: "backup", Source: "192.0.2.10", Device: "vrrp4-51-eth0", Priority: 102, IntervalMS: 1000,
			ActiveAddress: "192.0.2.9", ActivePriority: 200, ActiveIntervalMS: 500, Sent: 20, Received: 900,
			Refused: map[string]uint64{"bad-ttl": 3}, PriorityZeroSent: 1, PriorityZeroReceived: 2, OtherInterval: 900, Transitions: 2,
		},
	}
}

// Set changes the status.
func (d *Daemon) Set(f func(*report.Status)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f(&d.status)
}

// Snapshot implements report.Snapshotter.
func (d *Daemon) Snapshot() *report.Status {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.copied()
	return &s
}

// Live makes the status one of a running daemon: its snapshots are as of the time
// at which they are taken.
type Live struct{ *Daemon }

// Snapshot implements report.Snapshotter.
func (l Live) Snapshot() *report.Status {
	s := l.Daemon.Snapshot()
	now := time.Now()
	shift := now.Sub(s.At)
	s.At = now
	for i := range s.Groups {
		s.Groups[i].Since = s.Groups[i].Since.Add(shift)
	}
	for i := range s.Peers {
		s.Peers[i].LastSeen = s.Peers[i].LastSeen.Add(shift)
	}
	return s
}

func (d *Daemon) copied() report.Status {
	s := d.status
	s.Groups = append([]report.Group(nil), s.Groups...)
	s.Peers = append([]report.Peer(nil), s.Peers...)
	return s
}

// Status implements report.Daemon.
func (d *Daemon) Status(ctx context.Context) (report.Status, error) {
	if d.Hang {
		<-ctx.Done()
		return report.Status{}, ctx.Err()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.do != nil && !d.Stuck {
		if d.polls++; d.polls > d.after {
			d.do(&d.status)
			d.do = nil
		}
	}
	return d.copied(), nil
}

// Do implements report.Daemon.
func (d *Daemon) Do(ctx context.Context, c report.Command) (report.Result, error) {
	if d.Hang {
		<-ctx.Done()
		return report.Result{}, ctx.Err()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.Refuse != "" {
		return report.Result{Reason: d.Refuse, Group: c.Group, To: c.To}, nil
	}
	to := c.To
	if to == "" && c.Verb != report.Resume {
		to = "secondary"
	}
	d.polls = 0
	d.do = func(s *report.Status) {
		for i := range s.Groups {
			g := &s.Groups[i]
			g.Draining = c.Verb == report.Drain
			if c.Verb != report.Resume {
				g.Role, g.ActiveNode, g.Epoch = report.RoleStandby, to, g.Epoch+1
			}
			if c.Verb == report.Drain && d.Drained != nil {
				d.Drained(g)
			}
		}
		s.Draining = c.Verb == report.Drain
	}
	return report.Result{OK: true, Group: c.Group, To: to, Epoch: d.status.Groups[0].Epoch + 1}, nil
}

// Reload implements report.Daemon.
func (d *Daemon) Reload(context.Context) (string, error) {
	if d.Changed == "" {
		return "", errors.New(`stead.yaml:14:5: group "web": priority 300 is not in 1 to 254`)
	}
	return d.Changed, nil
}
