package metrics

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"stead/internal/core/reason"
	"stead/internal/report"
	"stead/internal/report/docpage"
	"stead/internal/report/reporttest"
)

var _ = flag.Bool("update", false, "write the generated part of the page anew")

// complete is a collector of a daemon in which everything has happened.
func complete() *Collector {
	d := reporttest.New()
	d.Set(func(s *report.Status) {
		reporttest.Speak(s)
		s.Groups = append(s.Groups, reporttest.Lease(), reporttest.VRRP())
	})
	d.Set(func(s *report.Status) { reporttest.Voting(s) })
	d.Set(func(s *report.Status) {
		s.Loop.Late.Observe(3 * time.Millisecond)
		s.Fence.Stalls = 2
		s.Groups[len(s.Groups)-1].VRRP.DeviceRepairs = 5
		s.Counters.VRRPStrangers, s.Counters.VRRPSendFailures = 4, map[string]uint64{"refused": 6}
	})
	c := New(d)
	for _, e := range d.Log.Last(0) {
		c.Count(e)
	}
	c.Count(report.Event{Kind: report.BecameStandby, Group: "web", Reason: reason.CheckFailed})
	c.Count(report.Event{Kind: report.DualSeen, Group: "web", TookUS: 1500})
	return c
}

func TestEveryMetricOfTheTableIsCollected(t *testing.T) {
	families, err := complete().Registry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "stead_") {
			continue
		}
		var labels []string
		for _, pair := range f.Metric[0].Label {
			labels = append(labels, pair.GetName())
		}
		got = append(got, fmt.Sprintf("%s %s %v %s", f.GetName(), strings.ToLower(f.GetType().String()), labels, f.GetHelp()))
	}
	for _, i := range Table {
		labels := slices.Sorted(slices.Values(i.Labels))
		want = append(want, fmt.Sprintf("%s %s %v %s", i.Name, i.Type, labels, i.Help))
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("table (-) and collected (+) differ: %s", diff)
	}
}

func TestValues(t *testing.T) {
	const want = `
# HELP stead_group_active 1 while this node is active for the group, fence open, else 0. Summed over the nodes it is 1, with election none as many as serve.
# TYPE stead_group_active gauge
stead_group_active{group="db"} 1
stead_group_active{group="lan"} 0
stead_group_active{group="routed"} 1
stead_group_active{group="web"} 1
# HELP stead_check_up 1 while the check is up, 0 while it is down. A check without a result has no value.
# TYPE stead_check_up gauge
stead_check_up{check="haproxy",group="lan"} 1
stead_check_up{check="haproxy",group="web"} 1
stead_check_up{check="web",group="web"} 1
# HELP stead_fence 1 for the fence in force: kernel, guard or none.
# TYPE stead_fence gauge
stead_fence{kind="guard"} 0
stead_fence{kind="kernel"} 1
stead_fence{kind="none"} 0
# HELP stead_transitions_total Changes of this node's role: to is active or standby; reason is one of docs/reference/events.md.
# TYPE stead_transitions_total counter
stead_transitions_total{group="web",reason="check-failed",to="standby"} 1
stead_transitions_total{group="web",reason="peer-silent",to="active"} 1
# HELP stead_dual_active_seconds_total Time that this node and another both served, as measured when they met. With quorum it stays 0.
# TYPE stead_dual_active_seconds_total counter
stead_dual_active_seconds_total{group="web"} 0.0015
# HELP stead_packets_rejected_total Packets that changed nothing, by what was wrong with them.
# TYPE stead_packets_rejected_total counter
stead_packets_rejected_total{cause="wrong-key"} 2
# HELP stead_peer_rtt_seconds Round-trip time to the node. It has no value before one was measured.
# TYPE stead_peer_rtt_seconds gauge
stead_peer_rtt_seconds{peer="client"} 0.00021
stead_peer_rtt_seconds{peer="secondary"} 0.00012
# HELP stead_peer_last_seen_timestamp_seconds When the node was last heard. It has no value before that.
# TYPE stead_peer_last_seen_timestamp_seconds gauge
stead_peer_last_seen_timestamp_seconds{peer="client"} 1.767323045675e+09
stead_peer_last_seen_timestamp_seconds{peer="secondary"} 1.767323045674e+09
# HELP stead_vrrp_state 1 for the state of the group's virtual router: initialize, backup or active.
# TYPE stead_vrrp_state gauge
stead_vrrp_state{group="lan",state="active"} 0
stead_vrrp_state{group="lan",state="backup"} 1
stead_vrrp_state{group="lan",state="initialize"} 0
# HELP stead_vrrp_advertisements_refused_total VRRP advertisements that changed nothing, by what was wrong with them.
# TYPE stead_vrrp_advertisements_refused_total counter
stead_vrrp_advertisements_refused_total{cause="bad-ttl",group="lan"} 3
# HELP stead_loop_late_seconds How late the engine met its deadlines.
# TYPE stead_loop_late_seconds histogram
stead_loop_late_seconds_bucket{le="5e-05"} 0
stead_loop_late_seconds_bucket{le="0.0001"} 1
stead_loop_late_seconds_bucket{le="0.00025"} 1
stead_loop_late_seconds_bucket{le="0.0005"} 1
stead_loop_late_seconds_bucket{le="0.001"} 1
stead_loop_late_seconds_bucket{le="0.002"} 1
stead_loop_late_seconds_bucket{le="0.005"} 2
stead_loop_late_seconds_bucket{le="0.01"} 2
stead_loop_late_seconds_bucket{le="0.025"} 2
stead_loop_late_seconds_bucket{le="0.1"} 2
stead_loop_late_seconds_bucket{le="1"} 2
stead_loop_late_seconds_bucket{le="+Inf"} 2
stead_loop_late_seconds_sum 0.00308
stead_loop_late_seconds_count 2
`
	names := []string{
		"stead_group_active", "stead_check_up", "stead_fence", "stead_transitions_total", "stead_dual_active_seconds_total",
		"stead_packets_rejected_total", "stead_peer_rtt_seconds", "stead_peer_last_seen_timestamp_seconds", "stead_loop_late_seconds",
		"stead_vrrp_state", "stead_vrrp_advertisements_refused_total",
	}
	if err := testutil.CollectAndCompare(complete(), strings.NewReader(want), names...); err != nil {
		t.Error(err)
	}
}

func TestValuesOfVirtualRouters(t *testing.T) {
	const want = `
# HELP stead_vrrp_device_repairs_total Times the device of the virtual MAC was put right after others had changed it.
# TYPE stead_vrrp_device_repairs_total counter
stead_vrrp_device_repairs_total{group="lan"} 5
# HELP stead_vrrp_strangers_total VRRP advertisements of virtual routers that this node does not take part in. It has no value without virtual routers, nor has the next.
# TYPE stead_vrrp_strangers_total counter
stead_vrrp_strangers_total 4
# HELP stead_vrrp_send_failures_total VRRP advertisements that were not sent, to each receiver of its own: no-interface, unreachable, no-buffer, refused (by a packet filter) or other.
# TYPE stead_vrrp_send_failures_total counter
stead_vrrp_send_failures_total{cause="refused"} 6
`
	names := []string{"stead_vrrp_device_repairs_total", "stead_vrrp_strangers_total", "stead_vrrp_send_failures_total"}
	if err := testutil.CollectAndCompare(complete(), strings.NewReader(want), names...); err != nil {
		t.Error(err)
	}
}

// A node whose fence has closed does not serve, whatever its role.
// A group without an election says nothing of spares; one that is not announced has
// no length of its path.
func TestValuesOfSessions(t *testing.T) {
	const want = `
# HELP stead_bfd_detection_time_seconds Detection Time: silence that ends the BFD session. It has no value while nothing is expected.
# TYPE stead_bfd_detection_time_seconds gauge
stead_bfd_detection_time_seconds{session="10.0.1.4"} 0.03
# HELP stead_bfd_max_gap_seconds The longest time between two packets while the BFD session was up.
# TYPE stead_bfd_max_gap_seconds gauge
stead_bfd_max_gap_seconds{session="10.0.1.4"} 0.012345
# HELP stead_bgp_announced_paths Paths that are announced over the BGP session.
# TYPE stead_bgp_announced_paths gauge
stead_bgp_announced_paths{session="rs1"} 1
stead_bgp_announced_paths{session="rs2"} 0
# HELP stead_bgp_messages_total BGP messages: sent or received.
# TYPE stead_bgp_messages_total counter
stead_bgp_messages_total{direction="received",session="rs1"} 2400
stead_bgp_messages_total{direction="received",session="rs2"} 20
stead_bgp_messages_total{direction="sent",session="rs1"} 2401
stead_bgp_messages_total{direction="sent",session="rs2"} 21
# HELP stead_bgp_session_up 1 while the BGP session is established.
# TYPE stead_bgp_session_up gauge
stead_bgp_session_up{session="rs1"} 1
stead_bgp_session_up{session="rs2"} 0
# HELP stead_group_announced 1 while paths of the group are announced by BGP. It has no value for a group without.
# TYPE stead_group_announced gauge
stead_group_announced{group="routed"} 0
# HELP stead_group_spare_nodes Members beside the active one that are heard and ready: 0 means that nobody could take over. Not with vrrp, lease and none, where nothing is heard of them.
# TYPE stead_group_spare_nodes gauge
stead_group_spare_nodes{group="web"} 1
`
	d := reporttest.New()
	d.Set(func(s *report.Status) {
		reporttest.Speak(s)
		s.BGP[1].State, s.BGP[1].Announced = "OpenSent", nil
		s.Groups[1].Announces.Role = ""
	})
	err := testutil.CollectAndCompare(New(d), strings.NewReader(want), "stead_bfd_detection_time_seconds", "stead_bfd_max_gap_seconds", "stead_bgp_announced_paths",
		"stead_bgp_messages_total", "stead_bgp_session_up", "stead_group_announced", "stead_group_prepend", "stead_group_spare_nodes")
	if err != nil {
		t.Error(err)
	}
}

func TestActiveMeansThatTheFenceIsOpen(t *testing.T) {
	tests := []struct {
		name   string
		change func(*report.Group)
		want   float64
	}{
		{"active", func(*report.Group) {}, 1},
		{"stalled", func(g *report.Group) { g.Stalled = true }, 0},
		{"fence closed", func(g *report.Group) { g.FenceOpen = false }, 0},
		{"standby", func(g *report.Group) { g.Role = report.RoleStandby }, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := reporttest.New()
			d.Set(func(s *report.Status) { tt.change(&s.Groups[0]) })
			want := fmt.Sprintf("# HELP stead_group_active %s\n# TYPE stead_group_active gauge\nstead_group_active{group=\"web\"} %v\n", groupActive.Help, tt.want)
			if err := testutil.CollectAndCompare(New(d), strings.NewReader(want), "stead_group_active"); err != nil {
				t.Error(err)
			}
		})
	}
}

type nothingYet struct{}

func (nothingYet) Snapshot() *report.Status { return nil }

func TestBeforeTheFirstSnapshot(t *testing.T) {
	if n := testutil.CollectAndCount(New(nothingYet{}), "stead_build_info", "stead_group_active"); n != 1 {
		t.Errorf("%d metrics", n)
	}
}

// The names and the help follow Prometheus' own rules.
func TestLint(t *testing.T) {
	problems, err := testutil.GatherAndLint(complete().Registry())
	if err != nil {
		t.Fatal(err)
	}
	problems = slices.DeleteFunc(problems, func(p promlint.Problem) bool { return !strings.HasPrefix(p.Metric, "stead_") })
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestPage(t *testing.T) {
	var b strings.Builder
	b.WriteString("| Metric | Type | Labels | Meaning |\n|---|---|---|---|\n")
	for _, i := range Table {
		labels := "–"
		if len(i.Labels) > 0 {
			labels = "`" + strings.Join(i.Labels, "`, `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", i.Name, i.Type, labels, i.Help)
	}
	docpage.Check(t, "../../../docs/reference/metrics.md", "metrics", b.String())
}
