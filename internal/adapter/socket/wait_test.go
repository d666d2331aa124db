package socket

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"stead/internal/testns"
)

// A wait ends by itself. It may end early, by a signal of the runtime's, but not
// always: the loop would spin.
func TestWaitEndsByTimeout(t *testing.T) {
	s := open(t, testns.New(t), nil)
	const d = 5 * time.Millisecond
	full := 0
	for range 20 {
		begin := time.Now()
		s.Wait(d)
		took := time.Since(begin)
		if took > patience {
			t.Errorf("Wait(%v) took %v", d, took)
		}
		if took >= d {
			full++
		}
		if s.Woken() {
			t.Error("woken by nobody")
		}
	}
	if full == 0 {
		t.Error("no wait lasted as long as it should")
	}
	begin := time.Now()
	s.Wait(-time.Hour)
	if took := time.Since(begin); took > patience {
		t.Errorf("a wait until the past took %v", took)
	}
}

// Wakes from many goroutines end a wait; they are one until it is asked for.
func TestWake(t *testing.T) {
	s := open(t, testns.New(t), nil)
	for range 20 {
		var all sync.WaitGroup
		for range 8 {
			all.Go(s.Wake)
		}
		s.Wait(patience)
		if !s.Woken() {
			t.Fatal("not woken")
		}
		all.Wait()
		s.Wait(0)
		s.Woken() // the rest of the wakes
		s.Wait(0)
		if s.Woken() {
			t.Fatal("a wake came twice")
		}
	}
}

// No path starves: of each a burst at most is read, and what is left ends the
// next wait at once.
func TestBurst(t *testing.T) {
	p := newPair(t)
	a, b := open(t, p.a, toB()), open(t, p.b, toA())
	var over0, over1 []string
	for i := range 2*MaxBurst + 3 {
		a.Send(7, 0, fmt.Append(nil, i), 0)
		over0 = append(over0, fmt.Sprintf("3/0 %d", i))
	}
	a.Send(7, 1, []byte("one"), 0)
	over1 = append(over1, "3/1 one")
	testns.Eventually(t, patience, "both paths have input", func() bool {
		b.Wait(0)
		return b.poll[1].Revents != 0 && b.poll[2].Revents != 0
	})
	if got, want := b.got(MaxBurst), append(over0[:MaxBurst:MaxBurst], over1...); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the first turn read\n%s", strings.Join(got, "\n"))
	}
	begin := time.Now()
	b.Wait(patience)
	if took := time.Since(begin); took >= patience {
		t.Errorf("what was left did not end the wait")
	}
	if got := b.got(1); strings.Join(got, "\n") != over0[MaxBurst] {
		t.Errorf("the second turn read %q", got)
	}
	if got := b.got(MaxBurst); got != nil {
		t.Errorf("read without a wait: %q", got)
	}
	b.gets(t, over0[MaxBurst+1:]...)
}

// An address that is not there at the start is no error. When it comes its path
// is opened, at most so often.
func TestAddressThatComesLater(t *testing.T) {
	p := newPair(t)
	p.a.Run(t, "ip", "address", "flush", "dev", "eth0")
	a, b := open(t, p.a, toB()), open(t, p.b, toA())
	now := int64(time.Hour)
	send := func() {
		p.a.Do(func() { a.Send(7, 0, []byte("beat"), now); a.Send(7, 1, []byte("beat"), now) })
	}
	send()
	p.a.Addr(t, "eth0", "192.0.2.1/24")
	p.a.Addr(t, "eth0", "fd00::1/64")
	now += reopenAfter - 1
	send()
	if a.paths[0].fd >= 0 {
		t.Errorf("tried again after less than %v", time.Duration(reopenAfter))
	}
	now++
	send()
	b.Wait(patience)
	testns.Eventually(t, patience, "both paths are open", func() bool {
		now += reopenAfter
		send()
		return a.paths[0].fd >= 0 && a.paths[1].fd >= 0
	})
	testns.Eventually(t, patience, "both are heard", func() bool {
		send()
		b.Wait(10 * time.Millisecond)
		all := strings.Join(b.got(MaxBurst), " ")
		return strings.Contains(all, "3/0 beat") && strings.Contains(all, "3/1 beat")
	})
	for path := range 2 {
		b.Send(3, path, []byte("hello"), 0)
		a.gets(t, fmt.Sprintf("7/%d hello", path))
	}
}

// An address that goes and comes back takes its path with it, both ways.
func TestAddressThatGoesAndComesBack(t *testing.T) {
	p := newPair(t)
	a, b := open(t, p.a, toB()), open(t, p.b, toA())
	p.a.Run(t, "ip", "address", "del", "192.0.2.1/24", "dev", "eth0")
	a.Send(7, 0, []byte("from nowhere"), 0)
	a.Send(7, 1, []byte("over the other"), 0)
	b.gets(t, "3/1 over the other")
	p.a.Addr(t, "eth0", "192.0.2.1/24")
	a.Send(7, 0, []byte("here again"), 0)
	b.gets(t, "3/0 here again")
	b.Send(3, 0, []byte("heard again"), 0)
	a.gets(t, "7/0 heard again")
}

// A port that another program has is an error that says where.
func TestPortInUse(t *testing.T) {
	p := newPair(t)
	plain(t, p.a, at("192.0.2.1"))
	var err error
	p.a.Do(func() { _, err = Open(toB()) })
	if want := "heartbeats from 192.0.2.1:9176 to 192.0.2.2:9176: address already in use"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// Open closes what it has opened where a later path fails.
func TestOpenLeavesNothing(t *testing.T) {
	p := newPair(t)
	paths := toB()
	plain(t, p.a, at("fd00::1"))
	p.a.Do(func() {
		if _, err := Open(paths); err == nil {
			t.Error("a port in use was taken")
		}
	})
	for i := range paths {
		if fd := paths[i].fd; fd >= 0 {
			t.Errorf("path %d is still open", i)
		}
	}
}

// The engine's thread allocates nothing here.
func TestNoAllocation(t *testing.T) {
	p := newPair(t)
	a, b := open(t, p.a, toB()), open(t, p.b, toA())
	beat, buf := make([]byte, 100), make([]byte, 2048)
	n := 0
	take := func(_, _ int, b []byte) { n += len(b) }
	allocs := testing.AllocsPerRun(100, func() {
		a.Send(7, 0, beat, 0)
		b.Wait(patience)
		b.Receive(buf, MaxBurst, take)
		b.Woken()
	})
	if allocs != 0 || n == 0 {
		t.Errorf("%v allocations for each heartbeat, %d bytes arrived", allocs, n)
	}
}
