package metrics

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"stead/internal/report"
	"stead/internal/report/reporttest"
)

// A node that waits for a lease has none left, and says nothing of spares: nobody
// hears of the others. What was not read has no epoch.
func TestValuesOfLeases(t *testing.T) {
	const want = `
# HELP stead_lease_held 1 while this node has the group's lease. It has no value for a group that no lease decides, nor have the next three.
# TYPE stead_lease_held gauge
stead_lease_held{group="db"} 1
stead_lease_held{group="new"} 0
stead_lease_held{group="waits"} 0
# HELP stead_lease_remaining_seconds For how long this node may still rely on the lease without a renewal; 0 where it has not got it.
# TYPE stead_lease_remaining_seconds gauge
stead_lease_remaining_seconds{group="db"} 8.25
stead_lease_remaining_seconds{group="new"} 0
stead_lease_remaining_seconds{group="waits"} 0
# HELP stead_lease_epoch Epoch of the lease as this node has read it last. It has no value while there is no readable lease.
# TYPE stead_lease_epoch gauge
stead_lease_epoch{group="db"} 12
stead_lease_epoch{group="waits"} 12
# HELP stead_lease_changed_seconds How long ago this node saw the lease change. More than the TTL: its holder is gone, or the store is not read.
# TYPE stead_lease_changed_seconds gauge
stead_lease_changed_seconds{group="db"} 1.4
stead_lease_changed_seconds{group="waits"} 1.4
# HELP stead_group_spare_nodes Members beside the active one that are heard and ready: 0 means that nobody could take over. Not with vrrp, lease and none, where nothing is heard of them.
# TYPE stead_group_spare_nodes gauge
stead_group_spare_nodes{group="web"} 1
# HELP stead_store_up 1 while the store answers for the lease of the group; without a group for its vote.
# TYPE stead_store_up gauge
stead_store_up{group="",store="blobs"} 0
stead_store_up{group="db",store="blobs"} 1
stead_store_up{group="new",store="share"} 0
stead_store_up{group="waits",store="blobs"} 1
# HELP stead_store_readable 0 while what is in the place of the lease, or of the vote, is no such record.
# TYPE stead_store_readable gauge
stead_store_readable{group="",store="blobs"} 1
stead_store_readable{group="db",store="blobs"} 1
stead_store_readable{group="new",store="share"} 0
stead_store_readable{group="waits",store="blobs"} 1
# HELP stead_vote_held 1 while the store that votes in elections among nodes stands by this node. It has no value where none votes.
# TYPE stead_vote_held gauge
stead_vote_held{store="blobs"} 1
# HELP stead_store_operation_max_seconds How long the longest of those took since the start.
# TYPE stead_store_operation_max_seconds gauge
stead_store_operation_max_seconds{group="",store="blobs"} 0.08
stead_store_operation_max_seconds{group="db",store="blobs"} 0.34
stead_store_operation_max_seconds{group="waits",store="blobs"} 0.34
`
	d := reporttest.New()
	d.Set(func(s *report.Status) {
		waits, fresh := reporttest.Lease(), reporttest.Lease()
		reporttest.Waits(&waits)
		waits.Name, waits.LeaseRemainingMS = "waits", 3
		fresh.Name, fresh.Role = "new", report.RoleStandby
		fresh.Lease = &report.Lease{Store: "share", Problem: "no route to host", Unreadable: true}
		s.Groups = append(s.Groups, reporttest.Lease(), waits, fresh)
		reporttest.Voting(s)
		reporttest.HasVote(s)
		s.Vote.Problem = "no route to host"
	})
	err := testutil.CollectAndCompare(New(d), strings.NewReader(want), "stead_lease_held", "stead_lease_remaining_seconds", "stead_lease_epoch", "stead_lease_changed_seconds",
		"stead_group_spare_nodes", "stead_store_up", "stead_store_readable", "stead_vote_held", "stead_store_operation_max_seconds")
	if err != nil {
		t.Error(err)
	}
}

// Each operation is counted once, by how it ended.
func TestOperationsOfStores(t *testing.T) {
	const want = `
# HELP stead_store_operations_total Operations on the lease of a group, without a group on the vote: kind is read or write, outcome is done, conflict (another node has written) or failed.
# TYPE stead_store_operations_total counter
stead_store_operations_total{group="db",kind="read",outcome="done",store="blobs"} 20
stead_store_operations_total{group="db",kind="read",outcome="failed",store="blobs"} 1
stead_store_operations_total{group="db",kind="write",outcome="conflict",store="blobs"} 2
stead_store_operations_total{group="db",kind="write",outcome="done",store="blobs"} 94
stead_store_operations_total{group="db",kind="write",outcome="failed",store="blobs"} 4
`
	d := reporttest.New()
	d.Set(func(s *report.Status) { s.Groups = append(s.Groups, reporttest.Lease()) })
	if err := testutil.CollectAndCompare(New(d), strings.NewReader(want), "stead_store_operations_total"); err != nil {
		t.Error(err)
	}
}
