package interop

import (
	"fmt"
	"testing"
	"time"
)

// Two Steads find each other's silence by heartbeats, long before advertisements
// are missed, and a keepalived beside them sees no more than an ordinary change.
func TestHeartbeatsBesideVRRP(t *testing.T) {
	t.Parallel()
	n := newLAN(t)
	w := n.watched(t, vip4)
	s := settings{version: 3, interval: time.Second}
	const lease = 100 * time.Millisecond
	pair := func(h *host) {
		t.Helper()
		h.stead(t, fmt.Sprintf(`nodes:
  first: { address: 10.0.1.10 }
  second: { address: 10.0.1.20 }
security: { key_file: %s }
groups:
  web:
    members: { first: 200, second: 150 }
    election: { type: vrrp, vrid: %d, interval: 1s, detect: heartbeat, timing: fast }
    addresses: [ { address: %s/24, interface: eth1 } ]
control: { socket: %s }
state: { dir: %s }
http: { listen: none }
`, h.secret(t, "key", "0123456789abcdef0123456789abcdef"), vrid, vip4, h.path("sock"), h.path("state")))
	}
	pair(n.first)
	pair(n.second)
	keepalived{}.start(t, n.third, s, lower)
	w.settles(t, n.first, s)
	for _, f := range []struct {
		name         string
		strike, mend func()
	}{
		{"SIGKILL", func() { n.first.kill(t) }, func() { pair(n.first) }},
		{"black hole", func() { n.first.isolate(t) }, func() { n.first.heal(t) }},
	} {
		before := now()
		f.strike()
		struck := now()
		taken := w.takes(t, n.second, before)
		w.settles(t, n.second, s)
		v := w.since(before)
		t.Logf("%s: the second takes over %v after, both answer for %v, nobody for %v", f.name, round1(taken.Sub(struck)), v.two(), round1(v.none()))
		if busy := late + 3*v.stalled(); taken.Sub(struck) > lease+busy {
			t.Errorf("%s: taken over after %v", f.name, taken.Sub(struck))
		}
		if v.two() > 0 || len(v.claims(n.third)) > 0 {
			t.Errorf("%s: two hold the address, or the third wants it:\n%s", f.name, w.story(before))
		}
		f.mend()
		w.settles(t, n.first, s)
	}
	n.first.kill(t)
	w.takes(t, n.second, now())
	n.second.kill(t)
	w.settles(t, n.third, s)
}
