package engine

import (
	"sync"
	"sync/atomic"
	"testing"
)

func TestQueueKeepsTheOrder(t *testing.T) {
	wakes := 0
	q := queue[int]{wake: func() { wakes++ }}
	const n = 1000
	for i := range n {
		q.push(i)
	}
	if wakes != n {
		t.Errorf("%d wakes for %d values", wakes, n)
	}
	next := 0
	q.drain(func(v int) {
		if v != next {
			t.Fatalf("%d in place of %d", v, next)
		}
		next++
	})
	if next != n {
		t.Errorf("%d of %d values", next, n)
	}
	q.drain(func(v int) { t.Errorf("%d came twice", v) })
}

// What is pushed while the queue is drained comes with the next drain.
func TestQueuePushWhileDrained(t *testing.T) {
	q := queue[int]{wake: func() {}}
	q.push(1)
	q.push(2)
	var got []int
	take := func(v int) {
		got = append(got, v)
		if v < 3 {
			q.push(v + 10)
		}
	}
	q.drain(take)
	if len(got) != 2 {
		t.Errorf("the first drain took %v", got)
	}
	q.drain(take)
	if len(got) != 4 || got[2] != 11 || got[3] != 12 {
		t.Errorf("took %v", got)
	}
}

// Many push, one drains: nothing is lost, nothing comes twice, and each one's
// values keep their order. A push ends whether or not anybody drains.
func TestQueueFromManyGoroutines(t *testing.T) {
	const producers, each = 8, 5000
	var wakes atomic.Int64
	q := queue[[2]int]{wake: func() { wakes.Add(1) }}
	var all sync.WaitGroup
	for p := range producers {
		all.Go(func() {
			for i := range each {
				q.push([2]int{p, i})
			}
		})
	}
	var next [producers]int
	total := 0
	take := func(v [2]int) {
		if v[1] != next[v[0]] {
			t.Errorf("of %d: %d in place of %d", v[0], v[1], next[v[0]])
		}
		next[v[0]]++
		total++
	}
	ended := make(chan struct{})
	go func() { all.Wait(); close(ended) }()
	for running := true; running; {
		select {
		case <-ended:
			running = false
		default:
		}
		q.drain(take)
	}
	if total != producers*each || wakes.Load() != producers*each {
		t.Errorf("%d values and %d wakes of %d", total, wakes.Load(), producers*each)
	}
}
