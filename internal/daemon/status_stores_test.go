package daemon

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stead/internal/config"
	"stead/internal/core"
	"stead/internal/core/clock"
	"stead/internal/core/lease"
	"stead/internal/report"
)

// What a machine knows of its register is told with the names of the configuration,
// and moments as people have them.
func TestDescribeLease(t *testing.T) {
	wall, now := time.Unix(1000, 0).UTC(), core.Instant(50e9)
	group := &config.Group{Name: "db", Election: config.Election{Right: &config.Lease{Store: "share", TTL: 10 * time.Second, OnLoss: "release"}}}
	record := lease.Record{Epoch: 7, Holder: "b", State: lease.Held, To: "a"}
	for _, tt := range []struct {
		name   string
		status lease.Status
		want   report.Lease
	}{
		{"nothing read", lease.Status{Claims: clock.Never, Store: "no answer"}, report.Lease{Problem: "no answer"}},
		{"none there", lease.Status{Known: true, Age: time.Second, Claims: now}, report.Lease{ChangedMSAgo: 1000}},
		{"another's", lease.Status{Known: true, Present: true, Record: record, Age: 1500 * time.Millisecond, Claims: now.Add(8500 * time.Millisecond)},
			report.Lease{State: "held", Holder: "b", Epoch: 7, WantedBy: "a", ChangedMSAgo: 1500, ClaimableAt: wall.Add(8500 * time.Millisecond)}},
		{"ours", lease.Status{Known: true, Present: true, Held: true, Record: lease.Record{Epoch: 8, Holder: "a", State: lease.Held}, Until: now.Add(time.Second), Claims: clock.Never},
			report.Lease{State: "held", Holder: "a", Held: true, Epoch: 8}},
		{"garbage", lease.Status{Known: true, Bad: true, Record: lease.Record{}, Claims: clock.Never}, report.Lease{Unreadable: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.want.Store, tt.want.Record, tt.want.TTLMS, tt.want.OnStoreLoss = "share", "groups/db", 10000, "release"
			if diff := cmp.Diff(&tt.want, describeLease(group, &tt.status, wall, now)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDescribeVote(t *testing.T) {
	now := core.Instant(50e9)
	for _, tt := range []struct {
		name   string
		status lease.Status
		want   report.Vote
	}{
		{"nothing read", lease.Status{Store: "no answer"}, report.Vote{Problem: "no answer"}},
		{"free", lease.Status{Known: true, Present: true, Record: lease.Record{Holder: "b", State: lease.Free}}, report.Vote{State: "free", Holder: "b"}},
		{"ours", lease.Status{Known: true, Present: true, Held: true, Record: lease.Record{Holder: "a", State: lease.Held}, Until: now.Add(time.Second)},
			report.Vote{State: "held", Holder: "a", Held: true, RemainingMS: 1000}},
		{"garbage", lease.Status{Known: true, Bad: true}, report.Vote{Unreadable: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.want.Store, tt.want.Record = "share", "vote"
			if diff := cmp.Diff(&tt.want, describeVote(&core.WitnessState{Store: "share", Lease: tt.status}, now)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
