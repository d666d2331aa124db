package report

import "time"

// LatenessBounds are the upper bounds of the buckets of a Lateness.
var LatenessBounds = [...]time.Duration{
	50 * time.Microsecond, 100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond,
	25 * time.Millisecond, 100 * time.Millisecond, time.Second,
}

// Lateness counts how late the engine met its deadlines. One goroutine writes it;
// what others see is a copy.
type Lateness struct {
	Counts [len(LatenessBounds) + 1]uint64 `json:"counts"` // by LatenessBounds, the last for all above
	SumUS  uint64                          `json:"sum_us"`
	MaxUS  uint64                          `json:"max_us"`
}

// Observe counts a deadline that was met d late. It does not allocate.
func (l *Lateness) Observe(d time.Duration) {
	if d < 0 {
		d = 0
	}
	i := 0
	for i < len(LatenessBounds) && d > LatenessBounds[i] {
		i++
	}
	l.Counts[i]++
	us := uint64(d.Microseconds())
	l.SumUS += us
	l.MaxUS = max(l.MaxUS, us)
}

// Total is how many deadlines were counted.
func (l *Lateness) Total() uint64 {
	var n uint64
	for _, c := range l.Counts {
		n += c
	}
	return n
}
