package bgp

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
)

// A session that is told of changes one by one sends in the end what one sends that
// is told of everything each time, and neither sends anything twice.
func TestChangesOneByOne(t *testing.T) {
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 1))
		some, all := newRIBRig(t), newRIBRig(t)
		want := map[netip.Prefix]Path{}
		for range 60 {
			var changed []Path
			for range 1 + random.IntN([]int{1, 4, 100}[random.IntN(3)]) {
				p := Path{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, byte(random.IntN(2)), byte(random.IntN(60))}), 32), Prepend: random.IntN(3)}
				if random.IntN(40) == 0 {
					p.Prefix = netip.MustParsePrefix("2001:db8::1/128") // there is no next hop for it
				}
				if random.IntN(3) == 0 {
					p.Prepend = -1
					delete(want, p.Prefix)
				} else {
					want[p.Prefix] = p
				}
				changed = append(changed, p)
			}
			again := random.IntN(10) == 0
			input := func(s *Session) {
				if again {
					s.rib.again4 = true
				}
			}
			_, first := some.step(func(s *Session) {
				input(s)
				for _, p := range changed {
					if p.Prepend < 0 {
						s.Drop(p.Prefix)
					} else {
						s.Put(p)
					}
				}
			})
			_, second := all.step(func(s *Session) {
				input(s)
				s.Announce(all.now, sortedPaths(want))
			})
			if first != second {
				t.Fatalf("seed %d: %d bytes were sent, and %d by the one that is told of everything", seed, first, second)
			}
			some.has(all.in.lines()...)
			if a, b := fmt.Sprint(some.s.Status(some.now)), fmt.Sprint(all.s.Status(all.now)); a != b {
				t.Fatalf("seed %d:\n%s\n%s", seed, a, b)
			}
			if random.IntN(2) == 0 {
				for _, g := range []*ribRig{some, all} {
					g.step(func(s *Session) { s.Sent(g.now, ours1, 1<<20) })
				}
			}
		}
	}
}

func sortedPaths(want map[netip.Prefix]Path) (paths []Path) {
	for _, p := range want {
		paths = append(paths, p)
	}
	slices.SortFunc(paths, func(a, b Path) int { return a.Prefix.Compare(b.Prefix) })
	return paths
}
