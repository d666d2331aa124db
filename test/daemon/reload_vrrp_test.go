package daemon

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stead/internal/core"
	"stead/internal/report"
)

// routers are two virtual routers that have the service addresses, one for each
// family, and what of them may be changed.
type routers struct {
	auth     string // %s stands for the directory of the keys
	interval time.Duration
	members  string
	peers    string
	more     string // further addresses of IPv4
	more6    string
	election string // further keys
}

func (r routers) text(dir string) string {
	return fmt.Sprintf(`router4:
  members: { %[1]s }
  election: { type: vrrp, vrid: 51, interval: %[2]s, unicast: true%[3]s, auth: { type: hmac, %[4]s }%[7]s }
  addresses: [ { address: %[8]s/24, interface: eth1 }%[5]s ]
router6:
  members: { %[1]s }
  election: { type: vrrp, vrid: 61, interval: %[2]s%[7]s }
  addresses: [ { address: "fe80::61/64", interface: eth1 }, { address: "%[9]s/64", interface: eth1 }%[6]s ]
`, r.members, r.interval, r.peers, strings.ReplaceAll(r.auth, "DIR", dir), r.more, r.more6, r.election, lanService4, lanService6)
}

// reloads are changes of routers that leave their order as it is.
var reloads = []struct {
	name   string
	change func(*routers)
}{
	{"the next key is accepted", func(r *routers) { r.auth += ", previous_key_id: 2, previous_key_file: DIR/two" }},
	{"the next key signs", func(r *routers) {
		r.auth = "key_id: 2, key_file: DIR/two, previous_key_id: 1, previous_key_file: DIR/one"
	}},
	{"the old key is gone", func(r *routers) { r.auth = "key_id: 2, key_file: DIR/two" }},
	{"longer interval", func(r *routers) { r.interval = 250 * time.Millisecond }},
	{"shorter interval", func(r *routers) { r.interval = 80 * time.Millisecond }},
	{"other priorities", func(r *routers) { r.members = "primary: 180, secondary: 120" }},
	{"one more peer", func(r *routers) { r.peers = ", peers: [10.0.1.20, 10.0.1.10, 10.0.1.4]" }},
	{"the peers of the members", func(r *routers) { r.peers = "" }},
	{"one more address", func(r *routers) {
		r.more = ", { address: 10.0.1.203/24, interface: eth1 }"
		r.more6 = `, { address: "fd00:1::cb/64", interface: eth1 }`
	}},
	{"one address less", func(r *routers) { r.more, r.more6 = "", "" }},
	{"more advertisements may be missing", func(r *routers) { r.election = ", down_adverts: 5" }},
	{"the time of keys does not matter", func(r *routers) { r.auth += ", replay: monotonic" }},
}

// What a reload changes of virtual routers that run, and that leaves their order
// as it is, moves nothing and costs no request: node after node, whichever is first.
func TestReloadOfVirtualRouters(t *testing.T) {
	r := routers{auth: "key_id: 1, key_file: DIR/one", interval: 100 * time.Millisecond, members: "primary: 200, secondary: 100"}
	// The group of the others has addresses of its own: those of the service are the routers'.
	tr := newTrial(t, conf{addresses: "[ { address: 10.0.1.210/24, interface: eth1 } ]"})
	for i, name := range []string{"one", "two"} {
		writeFile(t, filepath.Join(tr.dir, name), strings.Repeat(fmt.Sprint(i+1), 32), 0o600)
	}
	tr.conf.groups = r.text(tr.dir)
	tr.start(t)
	for _, g := range routerGroups {
		// At the start either may be the first whose link-local address is ready.
		tr.primary.becomes(t, g, report.RoleActive)
		tr.secondary.becomes(t, g, report.RoleStandby)
	}
	before := map[*host]int{tr.primary: tr.primary.changes(t), tr.secondary: tr.secondary.changes(t)}
	a := tr.ask(t)
	begin := engineNow()
	a.serves(t, tr.primary, begin)
	begin = engineNow()

	for i, step := range reloads {
		step.change(&r)
		tr.conf.groups = r.text(tr.dir)
		order := []*host{tr.secondary, tr.primary}
		if i%2 == 1 {
			order = []*host{tr.primary, tr.secondary}
		}
		for _, h := range order {
			h.file(t)
			if out := h.do(t, "reload"); !strings.Contains(out, "router4") {
				t.Fatalf("%s: %s says %q", step.name, h.name, out)
			}
			tr.secondary.hearsMore(t, step.name)
		}
	}
	for h, was := range before {
		if n := h.changes(t); n != was {
			t.Errorf("%d changes on %s", n-was, h.name)
		}
		for _, g := range routerGroups {
			s := h.status(t)
			if v := s.Group(g).VRRP; len(v.Refused) > 0 {
				t.Errorf("%s on %s: %+v", g, h.name, v)
			}
			if h == tr.primary && s.Group(g).EffectivePriority != 180 {
				t.Errorf("%s on %s: priority %d", g, h.name, s.Group(g).EffectivePriority)
			}
		}
	}
	a.allAnswered(t, tr.primary, begin, engineNow())
	for k, name := range kinds {
		if last := a.last(tr.secondary.name, k); last > begin {
			t.Errorf("the secondary has answered %s", name)
		}
	}
}

// routerGroups are the groups of routers.
var routerGroups = []string{"router4", "router6"}

// changes is how often the routers of a host have changed their role.
func (h *host) changes(t testing.TB) (n int) {
	t.Helper()
	for _, g := range routerGroups {
		for _, kind := range []report.Kind{report.BecameActive, report.BecameStandby, report.DualSeen} {
			n += h.count(t, kind, g)
		}
	}
	return n
}

// hearsMore waits until the routers of a standby have believed some more
// advertisements of the primary.
func (h *host) hearsMore(t testing.TB, after string) {
	t.Helper()
	was := h.status(t)
	h.until(t, after+": it believes the advertisements", func(s *report.Status) bool {
		for _, name := range routerGroups {
			if g := s.Group(name); g.VRRP.Received <= was.Group(name).VRRP.Received+2 || g.ActiveNode != "primary" {
				return false
			}
		}
		return true
	})
}

// allAnswered fails where a host has left any question of a time unanswered.
func (a *asker) allAnswered(t testing.TB, h *host, from, to core.Instant) {
	t.Helper()
	a.asked(t, to.Add(100*time.Millisecond))
	a.end()
	for k, name := range kinds {
		answered := map[core.Instant]bool{}
		for _, w := range a.answers {
			if w.host == h.name && w.kind == k {
				answered[w.sent] = true
			}
		}
		questions, lost := 0, []core.Instant{}
		for _, at := range a.sent {
			if at < from || at > to {
				continue
			}
			if questions++; !answered[at] {
				lost = append(lost, at)
			}
		}
		if questions < 100 {
			t.Errorf("%d questions %s only", questions, name)
		}
		if len(lost) > 0 {
			t.Errorf("%d of %d questions %s were not answered, the first %s after the beginning, the last %s",
				len(lost), questions, name, since(from, lost[0]), since(from, lost[len(lost)-1]))
		}
	}
}

// The first virtual routers may come with a reload, and go with one.
func TestReloadBringsVirtualRouters(t *testing.T) {
	tr := newTrial(t, conf{})
	tr.start(t)
	a := tr.ask(t)
	begin := engineNow()
	a.serves(t, tr.primary, begin)
	begin = engineNow()
	reload := func(groups string) {
		t.Helper()
		tr.conf.groups = groups
		for _, h := range []*host{tr.secondary, tr.primary} {
			h.file(t)
			h.do(t, "reload")
		}
	}
	reload(virtualRouter)
	tr.primary.becomes(t, "router", report.RoleActive)
	tr.secondary.until(t, "it hears the Active Router", func(s *report.Status) bool {
		g := s.Group("router")
		return g.Role == report.RoleStandby && g.ActiveAddress == "10.0.1.10"
	})
	tr.primary.do(t, "switchover", "router", "--wait")
	tr.secondary.becomes(t, "router", report.RoleActive)
	reload("")
	for _, h := range []*host{tr.primary, tr.secondary} {
		h.until(t, "the virtual router is gone", func(s *report.Status) bool {
			return s.Group("router") == nil && !h.has(t, "eth1", "10.0.1.202")
		})
		if n := h.count(t, report.BecameStandby, "web"); n != 0 {
			t.Errorf("%s was standby %d times", h.name, n)
		}
	}
	a.allAnswered(t, tr.primary, begin, engineNow())
}
