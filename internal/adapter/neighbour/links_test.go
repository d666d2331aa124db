package neighbour

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// Only a carrier that comes back under a next hop is a reason to hurry.
func TestChanged(t *testing.T) {
	down, up := change{index: 2}, change{index: 2, running: true}
	for _, c := range []struct {
		name    string
		changes []change
		back    bool // at the last of them
	}{
		{"a carrier goes", []change{down}, false},
		{"it comes back", []change{down, up}, true},
		{"something else changes", []change{up}, false},
		{"once is enough", []change{down, up, up}, false},
		{"it stays away", []change{down, down}, false},
		{"another interface", []change{{index: 3}, {index: 3, running: true}}, false},
		{"messages were lost", []change{{lost: true}}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := &hop{index: 2, addr: netip.MustParseAddr("10.0.0.2"), running: true}
			k := &Keeper{hops: []*hop{h}}
			var back bool
			for _, one := range c.changes {
				h.asks, k.hurry, k.stale = asksInARow, 0, false
				back = k.changed(one)
			}
			if back != c.back || (k.hurry > 0) != c.back || (h.asks == 0) != c.back {
				t.Errorf("back %v, %d quick looks, %d requests counted; want back %v", back, k.hurry, h.asks, c.back)
			}
			if !k.stale {
				t.Error("the routes are not looked up again")
			}
		})
	}
}

// message is a message of a link as the kernel sends it (rtnetlink(7)): the
// netlink header, ifinfomsg, and the start of its attributes.
func message(kind uint16, index, flags uint32) []byte {
	b := native.AppendUint32(nil, 1500)
	b = native.AppendUint16(b, kind)
	b = append(b, make([]byte, 10)...)
	b = append(b, unix.AF_UNSPEC, 0, 1, 0)
	b = native.AppendUint32(b, index)
	b = native.AppendUint32(b, flags)
	return append(b, make([]byte, 100)...)
}

func TestParseChange(t *testing.T) {
	const up, running = unix.IFF_UP | unix.IFF_BROADCAST, unix.IFF_UP | unix.IFF_BROADCAST | unix.IFF_RUNNING
	for _, c := range []struct {
		name    string
		message []byte
		want    change
		ok      bool
	}{
		{"carrier", message(unix.RTM_NEWLINK, 7, running), change{index: 7, running: true}, true},
		{"no carrier", message(unix.RTM_NEWLINK, 7, up), change{index: 7}, true},
		{"the link is gone", message(unix.RTM_DELLINK, 7, running), change{index: 7}, true},
		{"an address", message(unix.RTM_NEWADDR, 7, running), change{}, false},
		{"cut short", message(unix.RTM_NEWLINK, 7, running)[:31], change{}, false},
		{"nothing", nil, change{}, false},
	} {
		if got, ok := parseChange(c.message); got != c.want || ok != c.ok {
			t.Errorf("%s: %+v, %v; want %+v, %v", c.name, got, ok, c.want, c.ok)
		}
	}
}
