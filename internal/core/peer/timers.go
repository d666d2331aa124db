package peer

import "stead/internal/core/clock"

// timers is a heap of the groups that wait for a moment, the earliest first.
type timers struct{ heap []*group }

// next is the earliest moment that any group waits for.
func (t *timers) next() Instant {
	if len(t.heap) == 0 {
		return clock.Never
	}
	return t.heap[0].timerAt
}

// set makes a group wait for at; clock.Never takes it out.
func (t *timers) set(g *group, at Instant) {
	g.timerAt = at
	switch {
	case at == clock.Never && g.heapAt >= 0:
		t.remove(g)
	case at == clock.Never:
	case g.heapAt >= 0:
		t.fix(g.heapAt)
	default:
		g.heapAt = len(t.heap)
		t.heap = append(t.heap, g)
		t.fix(g.heapAt)
	}
}

func (t *timers) remove(g *group) {
	i, last := g.heapAt, len(t.heap)-1
	t.swap(i, last)
	t.heap = t.heap[:last]
	g.heapAt = -1
	if i < last {
		t.fix(i)
	}
}

func (t *timers) swap(i, j int) {
	t.heap[i], t.heap[j] = t.heap[j], t.heap[i]
	t.heap[i].heapAt, t.heap[j].heapAt = i, j
}

func (t *timers) fix(i int) {
	for i > 0 && t.heap[i].timerAt < t.heap[(i-1)/2].timerAt {
		t.swap(i, (i-1)/2)
		i = (i - 1) / 2
	}
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(t.heap); child++ {
			if t.heap[child].timerAt < t.heap[least].timerAt {
				least = child
			}
		}
		if least == i {
			return
		}
		t.swap(i, least)
		i = least
	}
}

// wake has a group evaluated at a moment, or earlier.
func (m *Machine) wake(g *group, at Instant) {
	if at < g.timerAt {
		m.timers.set(g, at)
	}
}

// tickGroups touches the groups whose moment has come.
func (m *Machine) tickGroups(now Instant) {
	for m.timers.next() <= now {
		g := m.timers.heap[0]
		m.timers.set(g, clock.Never)
		m.touch(g)
	}
}
