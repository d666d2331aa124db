package core

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"stead/internal/core/bgp"
)

// manyRouted is a bench whose nodes announce n groups to two route servers.
func manyRouted(t testing.TB, n int) *bench {
	b := emptyBench(t)
	for i := range 2 {
		cfg := testConfig(i, 2, 0, false)
		withRoutes(&cfg, 2, testHold)
		one := cfg.Groups[0]
		one.Linger = time.Second
		cfg.Groups = nil
		for g := range n {
			routes := *one.Routes
			routes.Paths = []bgp.Path{{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 1, byte(g >> 8), byte(g)}), 32)}}
			one.Name, one.Routes = fmt.Sprint("g", g), &routes
			cfg.Groups = append(cfg.Groups, one)
		}
		b.add(cfg)
	}
	b.mayBe = 0
	b.serve(2, testHold)
	for i := range b.nodes {
		b.start(i)
	}
	b.run(3 * time.Second)
	return b
}

// BenchmarkManyRoutes moves a thousand groups at once, and tells how long all steps of
// the node that takes them over, or lets go of them, last together, and the longest one.
func BenchmarkManyRoutes(b *testing.B) {
	for _, groups := range []int{100, 1000} {
		b.Run(fmt.Sprintf("fault/groups=%d", groups), func(b *testing.B) {
			benchmarkMove(b, groups, 1, func(x *bench) { x.kill(0) })
		})
		b.Run(fmt.Sprintf("stop/groups=%d", groups), func(b *testing.B) {
			benchmarkMove(b, groups, 0, func(x *bench) { x.step(0, Command{ID: 1, Verb: Stop, Group: AllGroups}) })
		})
	}
}

func benchmarkMove(b *testing.B, groups, node int, move func(*bench)) {
	var total, longest time.Duration
	steps := 0
	for b.Loop() {
		b.StopTimer()
		x := manyRouted(b, groups)
		x.timed = func(i int, d time.Duration) {
			if i == node {
				total, longest = total+d, max(longest, d)
				steps++
			}
		}
		b.StartTimer()
		move(x)
		x.run(3 * time.Second)
		if got := len(x.servers[0].ends[1].paths); got != groups {
			b.Fatalf("%d paths of %d", got, groups)
		}
	}
	b.ReportMetric(float64(total.Microseconds())/float64(b.N), "us-all/op")
	b.ReportMetric(float64(longest.Microseconds()), "us-longest")
	b.ReportMetric(float64(steps)/float64(b.N), "steps/op")
}
