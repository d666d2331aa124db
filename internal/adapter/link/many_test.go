package link

import (
	"fmt"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"stead/internal/core"
)

// manyGroups makes n groups of one IPv4 address on eth0.
func manyGroups(n int) []Group {
	groups := make([]Group, n)
	for i := range groups {
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 8, byte(i >> 8), byte(i)}), 32)
		groups[i] = Group{Name: fmt.Sprintf("g%d", i), Addresses: []Address{{p, "eth0"}}}
	}
	return groups
}

// BenchmarkMove measures how long it takes until 1,000 groups of one address
// each, wanted at once, are held and reported, and released again.
func BenchmarkMove(b *testing.B) {
	const many = 1000
	host, _ := pair(b)
	l, r := start(b, host, manyGroups(many)...)
	generation := uint64(0)
	move(l, r, many, &generation, false)
	b.ResetTimer()
	for b.Loop() {
		move(l, r, many, &generation, true)
		move(l, r, many, &generation, false)
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(2*b.N), "ms/move")
}

// move wants all groups held or not and waits until all are reported.
func move(l *Links, r *reports, many int, generation *uint64, held bool) {
	*generation++
	all := r.expect(many)
	for g := range many {
		l.Want(core.GroupID(g), *generation, held)
	}
	<-all
}

// BenchmarkTake measures the time from one Want to its report.
func BenchmarkTake(b *testing.B) {
	host, _ := pair(b)
	l, r := start(b, host, one("web", "10.0.0.200/24"))
	generation := uint64(0)
	move(l, r, 1, &generation, false)
	b.ResetTimer()
	for b.Loop() {
		move(l, r, 1, &generation, generation%2 == 1)
	}
}

// BenchmarkWant measures what a Want costs its caller.
func BenchmarkWant(b *testing.B) {
	host, _ := pair(b)
	l, _ := start(b, host, manyGroups(1)...)
	b.ReportAllocs()
	for n := uint64(1); b.Loop(); n++ {
		l.Want(0, n, false)
	}
}

func TestWantDoesNotAllocate(t *testing.T) {
	host, _ := pair(t)
	l, _ := start(t, host)
	table, err := newTable(manyGroups(1), nil)
	if err != nil {
		t.Fatal(err)
	}
	// A table that the worker does not know: what is counted is the caller's part.
	if n := testing.AllocsPerRun(100, func() {
		if table.want(0, 1, true) && table.announce(0) {
			l.wake.wake()
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// OnThread runs on the thread on which all the work is done.
func TestOnThread(t *testing.T) {
	host, _ := pair(t)
	first := make(chan int, 1)
	var l *Links
	var err error
	host.Do(func() {
		l, err = New(Options{Report: func(core.Event) {}, Now: bootTime, OnThread: func() { first <- unix.Gettid() }})
	})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	want := <-first
	for range 10 {
		if err := l.ask(t.Context(), func(*worker) error {
			if got := unix.Gettid(); got != want {
				t.Errorf("thread %d, want %d", got, want)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}
