package explain

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stead/internal/core/reason"
	"stead/internal/report"
	"stead/internal/report/reporttest"
)

// at makes an event ms milliseconds after a moment.
func at(ms float64, kind report.Kind, group string, e report.Event) report.Event {
	e.BootNS = int64(ms * 1e6)
	e.Wall = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(time.Duration(ms * 1e6))
	e.Node, e.Kind, e.Group = "primary", kind, group
	return e
}

type step struct {
	AtMS float64
	Kind report.Kind
}

var (
	none      = report.Event{}
	secondary = report.Event{Peer: "secondary"}
)

var changes = []struct {
	name   string
	events []report.Event
	title  string
	steps  []step
}{
	{"no event", nil, "web: no change of role is in the event log", nil},
	{
		"takeover after silence",
		[]report.Event{
			at(0, report.BecameStandby, "web", none),
			at(8999, report.CheckIsUp, "web", none),
			at(60000, report.PeerDown, "", secondary),
			at(60000.1, report.Claiming, "web", none),
			at(60000.2, report.PeerUp, "lan", none),
			at(60001.5, report.BecameActive, "web", report.Event{Epoch: 8, Reason: reason.PeerSilent}),
			at(60001.6, report.Announcing, "web", none),
			at(60001.7, report.CheckIsUp, "web", none),
			at(60030, report.HookRan, "web", none),
			at(90000, report.HookRan, "web", none),
		},
		"web: primary became active because the active node was not heard for the detection time (peer-silent)",
		[]step{{0, report.PeerDown}, {0.1, report.Claiming}, {1.5, report.BecameActive}, {1.6, report.Announcing}, {30, report.HookRan}},
	},
	{
		"this node let go and another took over: one change",
		[]report.Event{
			at(0, report.BecameActive, "web", none),
			at(500, report.CheckIsDown, "web", report.Event{Detail: "web: 503"}),
			at(500.1, report.BecameStandby, "web", report.Event{Reason: reason.CheckFailed}),
			at(502, report.SawActive, "web", report.Event{Peer: "secondary", Epoch: 9}),
		},
		"web: secondary became active because a fatal check is down (check-failed)",
		[]step{{0, report.CheckIsDown}, {0.1, report.BecameStandby}, {2, report.SawActive}},
	},
	{
		"the change before does not belong to it",
		[]report.Event{
			at(0, report.SawActive, "web", secondary),
			at(100, report.BecameActive, "web", report.Event{Reason: reason.Preempted}),
		},
		"web: primary became active in place of secondary because a node with a higher priority was ready for the preemption delay (preempted)",
		[]step{{0, report.BecameActive}},
	},
	{
		"what was before a pause is no cause",
		[]report.Event{
			at(0, report.CheckIsDown, "web", none),
			at(2500, report.Commanded, "", none),
			at(2600, report.BecameStandby, "web", report.Event{Reason: reason.Switchover}),
		},
		"web: primary became standby because an operator asked for a switchover (switchover)",
		[]step{{0, report.Commanded}, {100, report.BecameStandby}},
	},
}

// What VRRP decides: the other router may be one that the configuration does not
// name, and a Backup says nothing before it takes over.
var routed = []struct {
	name   string
	events []report.Event
	want   string // as people see it, without the line with the wall clock
}{
	{
		"a silent router",
		[]report.Event{
			at(0, report.SawActive, "lan", report.Event{Peer: "secondary", Detail: "192.0.2.2"}),
			at(60000, report.BecameActive, "lan", report.Event{Epoch: 1, Reason: reason.PeerSilent, TookUS: 300}),
			at(60000, report.Announcing, "lan", none),
		},
		`lan: primary became active in place of secondary (192.0.2.2) because the active node was not heard for the detection time (peer-silent)

        +0.0 ms  became-active   primary serves: addresses in place, fence open: the active node was not heard for the detection time (took 0.3 ms)
        +0.0 ms  announcing      addresses announced (gratuitous ARP, unsolicited NA)
`,
	},
	{
		"a silent router that heartbeats have found",
		[]report.Event{
			at(0, report.BecameStandby, "lan", report.Event{Peer: "secondary", Detail: "192.0.2.2", Reason: reason.Drained}),
			at(60000, report.PeerDown, "", report.Event{Peer: "secondary", Reason: reason.PeerLost}),
			at(60000.2, report.BecameActive, "lan", report.Event{Epoch: 2, Reason: reason.PeerSilent}),
		},
		`lan: primary became active because the active node was not heard for the detection time (peer-silent)

        +0.0 ms  peer-down       secondary is not heard any more: a node was not heard for the detection time
        +0.2 ms  became-active   primary serves: addresses in place, fence open: the active node was not heard for the detection time
`,
	},
	{
		"a check, and a router that nobody names",
		[]report.Event{
			at(0, report.CheckIsDown, "lan", report.Event{Detail: "haproxy: "}),
			at(103, report.BecameStandby, "lan", report.Event{Epoch: 1, Reason: reason.HigherPriority, Detail: "192.0.2.9"}),
		},
		`lan: 192.0.2.9 became active because a router with a higher priority advertises (higher-priority)

        +0.0 ms  check-down      check is down: haproxy
      +103.0 ms  became-standby  primary serves no longer: fence closed, 192.0.2.9 is active: a router with a higher priority advertises
`,
	},
	{
		"a drain, then one that nobody took over from",
		[]report.Event{
			at(0, report.Commanded, "", report.Event{Detail: "drain"}),
			at(60, report.BecameStandby, "lan", report.Event{Epoch: 65, Peer: "secondary", Reason: reason.Drained, Detail: "192.0.2.2"}),
			at(5000, report.Commanded, "", report.Event{Detail: "resume"}),
			at(5400, report.BecameActive, "lan", report.Event{Epoch: 66, Reason: reason.Preempted}),
			at(60000, report.Commanded, "lan", report.Event{Detail: "switchover"}),
			at(60100, report.CheckIsUp, "lan", none),
			at(60400, report.Refused, "lan", report.Event{Epoch: 66, Reason: reason.NoSuccessor}),
		},
		`lan: primary became active in place of secondary (192.0.2.2) because a node with a higher priority was ready for the preemption delay (preempted)

        +0.0 ms  commanded       operator's command: resume
      +400.0 ms  became-active   primary serves: addresses in place, fence open: a node with a higher priority was ready for the preemption delay

since then, without a change

  ` + wall(60000) + `  commanded       operator's command: switchover
  ` + wall(60400) + `  refused         command refused: nobody else is ready to take over
`,
	},
	{
		"a group that follows another",
		[]report.Event{
			at(1, report.BecameStandby, "other", report.Event{Reason: reason.Stopping}),
			at(1000, report.BecameStandby, "outside", report.Event{Reason: reason.CheckFailed}),
			at(1000, report.BecameStandby, "lan", report.Event{Epoch: 1, Reason: reason.SyncGroup}),
			at(1061, report.SawActive, "lan", report.Event{Peer: "secondary", Detail: "192.0.2.2"}),
		},
		`lan: secondary (192.0.2.2) became active because a group that changes together with this one did, or is not ready (sync-group); outside: a fatal check is down (check-failed)

        +0.0 ms  became-standby  primary serves no longer: fence closed: a group that changes together with this one did, or is not ready
       +61.0 ms  saw-active      secondary (192.0.2.2) is active
`,
	},
	{
		"a group that lost its sessions",
		[]report.Event{
			at(0, report.SessionUp, "", report.Event{Detail: "rs1: AS 65515"}),
			at(90000, report.PathDown, "", report.Event{Detail: "rs1: nothing was heard for the detection time", Reason: reason.BFDDown, TookUS: 30000}),
			at(90000.1, report.SessionDown, "", report.Event{Detail: "rs1: Cease, BFD Down", Reason: reason.BFDDown}),
			at(90000.2, report.NotReady, "lan", report.Event{Reason: reason.NoSession}),
			at(90000.3, report.BecameStandby, "lan", report.Event{Reason: reason.NoSession}),
			at(90000.4, report.Routed, "lan", report.Event{Detail: "withdrawn"}),
			at(90000.5, report.Routed, "", report.Event{Detail: "rs2: withdrawn 10.1.0.5/32"}),
		},
		`lan: primary became standby because no BGP session is established over which the addresses could be announced (no-session)

        +0.0 ms  path-down       BFD session down: BFD finds the path to the other system down: rs1: nothing was heard for the detection time (took 30.0 ms)
        +0.1 ms  session-down    BGP session ended: BFD finds the path to the other system down: rs1: Cease, BFD Down
        +0.2 ms  not-ready       primary is not ready to serve: no BGP session is established over which the addresses could be announced
        +0.3 ms  became-standby  primary serves no longer: fence closed: no BGP session is established over which the addresses could be announced
        +0.4 ms  routed          announced by BGP: withdrawn
`,
	},
	{
		"a lease that nobody renewed",
		[]report.Event{
			at(0, report.SawActive, "lan", report.Event{Peer: "secondary", Epoch: 4}),
			at(60000, report.BecameActive, "lan", report.Event{Epoch: 5, Reason: reason.LeaseExpired, TookUS: 2100}),
			at(60001, report.Announcing, "lan", none),
			at(70000, report.StoreDown, "other", report.Event{Detail: "no answer within 1s"}),
		},
		`lan: primary became active in place of secondary because whoever had the lease in the store did not renew it (lease-expired)

        +0.0 ms  became-active   primary serves: addresses in place, fence open: whoever had the lease in the store did not renew it (took 2.1 ms)
        +1.0 ms  announcing      addresses announced (gratuitous ARP, unsolicited NA)
`,
	},
	{
		"a lease that could not be renewed",
		[]report.Event{
			at(0, report.BecameActive, "lan", report.Event{Epoch: 5, Reason: reason.LeaseExpired}),
			at(60000, report.StoreDown, "lan", report.Event{Epoch: 5, Detail: "no answer within 1s"}),
			at(61500, report.BecameStandby, "lan", report.Event{Epoch: 5, Reason: reason.StoreLost}),
		},
		`lan: primary became standby because the lease could not be renewed in the store in time (store-lost)

        +0.0 ms  store-down      the store of the lease cannot be reached: no answer within 1s
     +1500.0 ms  became-standby  primary serves no longer: fence closed: the lease could not be renewed in the store in time
`,
	},
	{
		"a store that votes",
		[]report.Event{
			at(0, report.SawActive, "lan", report.Event{Peer: "secondary", Epoch: 4}),
			at(59000, report.StoreDown, "", report.Event{Detail: "no answer within 1s"}),
			at(59900, report.StoreUp, "", none),
			at(60000, report.PeerDown, "", report.Event{Peer: "secondary", Reason: reason.PeerLost}),
			at(60009, report.GotVote, "", report.Event{Epoch: 2}),
			at(60010, report.BecameActive, "lan", report.Event{Epoch: 2049, Reason: reason.PeerSilent}),
		},
		`lan: primary became active because the active node was not heard for the detection time (peer-silent)

        +0.0 ms  store-down      the store that votes cannot be reached: no answer within 1s
      +900.0 ms  store-up        the store that votes is reached again
     +1000.0 ms  peer-down       secondary is not heard any more: a node was not heard for the detection time
     +1009.0 ms  got-vote        the store votes for primary
     +1010.0 ms  became-active   primary serves: addresses in place, fence open: the active node was not heard for the detection time
`,
	},
	{
		"who was active when this node began",
		[]report.Event{
			at(0, report.Started, "", report.Event{Detail: "v1.2.3"}),
			at(305, report.SawActive, "lan", report.Event{Detail: "192.0.2.9"}),
		},
		`lan: 192.0.2.9 became active

        +0.0 ms  started         stead started on primary: v1.2.3
      +305.0 ms  saw-active      192.0.2.9 is active
`,
	},
}

// wall is the time of an event of at, as the text shows it.
func wall(ms float64) string { return at(ms, "", "", none).Wall.Local().Format(moment) }

func TestVirtualRouters(t *testing.T) {
	for _, tt := range routed {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			if err := Text(&b, Groups(tt.events, "lan")); err != nil {
				t.Fatal(err)
			}
			title, rest, _ := strings.Cut(b.String(), "\n")
			head, rest, _ := strings.Cut(rest, "\n")
			if !strings.HasPrefix(head, "at 20") || strings.Contains(head, "epoch 0") || strings.Contains(head, " 0.0 ms") {
				t.Errorf("%q", head)
			}
			if diff := cmp.Diff(tt.want, title+"\n"+rest); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The number of a vote is no epoch.
func TestLineOfAVote(t *testing.T) {
	for kind, want := range map[report.Kind]string{report.GotVote: "the store votes for primary [vote 2]", report.LostVote: "the store votes for primary no more [vote 2]"} {
		if got := Line(at(0, kind, "", report.Event{Epoch: 2})); !strings.HasSuffix(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestGroups(t *testing.T) {
	for _, tt := range changes {
		t.Run(tt.name, func(t *testing.T) {
			got := Groups(tt.events, "web")
			if len(got) != 1 {
				t.Fatalf("%d explanations", len(got))
			}
			if got[0].Title != tt.title {
				t.Errorf("title %q, want %q", got[0].Title, tt.title)
			}
			var steps []step
			for _, s := range got[0].Steps {
				steps = append(steps, step{s.AtMS, s.Event.Kind})
			}
			if diff := cmp.Diff(tt.steps, steps); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEveryGroupIsExplained(t *testing.T) {
	var names []string
	for _, x := range Groups([]report.Event{at(0, report.Ready, "b", report.Event{}), at(1, report.Ready, "a", report.Event{}), at(2, report.Ready, "b", report.Event{})}, "") {
		names = append(names, x.Group)
	}
	if diff := cmp.Diff([]string{"a", "b"}, names); diff != "" {
		t.Error(diff)
	}
}

func TestEveryKindHasASentence(t *testing.T) {
	for _, k := range report.Kinds {
		if _, ok := sentences[k.Kind]; !ok {
			t.Errorf("no sentence for %s", k.Kind)
		}
	}
}

func TestText(t *testing.T) {
	var b strings.Builder
	if err := Text(&b, Groups(reporttest.New().Log.Last(0), "web")); err != nil {
		t.Fatal(err)
	}
	want := `web: primary became active because the active node was not heard for the detection time (peer-silent)
at ` + reporttest.At.Add(-2*time.Minute+310*time.Microsecond).Local().Format("2006-01-02 15:04:05.000") + `, epoch 7, 0.3 ms after the first sign

        +0.0 ms  peer-down       secondary is not heard any more: a node was not heard for the detection time
        +0.0 ms  claiming        primary asks the voters for the right to serve: the active node was not heard for the detection time
        +0.3 ms  became-active   primary serves: addresses in place, fence open: the active node was not heard for the detection time (took 0.3 ms)
        +0.3 ms  announcing      addresses announced (gratuitous ARP, unsolicited NA)
        +4.1 ms  in-place        addresses are as wanted
       +31.0 ms  hook-ran        hook ended: activate (took 26.9 ms)
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}
