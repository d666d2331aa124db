package report

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What a store that is away means differs by who cannot reach it, and by what was
// chosen for that case. That nothing is known of nodes that wait is no problem.
func TestLeaseProblems(t *testing.T) {
	const away = "no answer within 1s"
	for _, tt := range []struct {
		name  string
		role  Role
		lease Lease
		want  string
	}{
		{"serves", RoleActive, Lease{OnStoreLoss: "release"}, ""},
		{"waits", RoleStandby, Lease{OnStoreLoss: "release"}, ""},
		{"serves, and lets go", RoleActive, Lease{OnStoreLoss: "release", Problem: away}, "group db: the store share is not reached: this node lets go when the lease ends: " + away},
		{"serves on", RoleActive, Lease{OnStoreLoss: "hold", Problem: away}, "group db: the store share is not reached: this node goes on, and another one that reaches it may serve, too: " + away},
		{"serves as long as they agree", RoleActive, Lease{OnStoreLoss: "hold-if-peer-agrees", Problem: away}, "group db: the store share is not reached: this node goes on as long as the other members agree: " + away},
		{"waits in vain", RoleStandby, Lease{OnStoreLoss: "hold", Problem: away}, "group db: the store share is not reached, so this node cannot take over: " + away},
		{"garbage", RoleStandby, Lease{Unreadable: true, Record: "groups/db"}, "group db: what is at groups/db in the store share is no lease: nobody becomes active before it is removed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := tt.lease
			l.Store = "share"
			g := Group{
				Name: "db", Role: tt.role, ActiveNode: "a", Election: "lease", Ready: true, Lease: &l,
				Members: []Member{{Name: "a", Alive: true, Ready: true}, {Name: "b", Unknown: true}},
			}
			var want []string
			if tt.want != "" {
				want = []string{tt.want}
			}
			if diff := cmp.Diff(want, g.Problems("a")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestVoteProblems(t *testing.T) {
	for want, v := range map[string]*Vote{
		"": {Store: "share"},
		"the store share, which votes, is not reached: a further fault may leave nobody active: gone":                                            {Store: "share", Problem: "gone"},
		"what is at vote in the store share is no vote: it stands by nobody before that is removed, and a further fault may leave nobody active": {Store: "share", Record: "vote", Unreadable: true},
	} {
		var list []string
		if want != "" {
			list = []string{want}
		}
		s := Status{Vote: v}
		if diff := cmp.Diff(list, s.Problems()); diff != "" {
			t.Error(diff)
		}
	}
}
