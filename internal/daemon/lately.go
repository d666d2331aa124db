package daemon

import (
	"maps"
	"slices"
	"sync"
	"time"

	"stead/internal/core"
	"stead/internal/report"
)

// recently is for how long something that was counted is worth a look: what a
// rolling change brought about is over then.
const recently = time.Minute

// lately knows which counts of virtual routers have grown not long ago.
type lately struct {
	mu   sync.Mutex
	seen map[[2]string]grown // by group and what is counted
}

type grown struct {
	count uint64
	at    core.Instant
}

// note names in v.Recent what has grown.
func (l *lately) note(group string, v *report.VRRP, now core.Instant) {
	l.mu.Lock()
	defer l.mu.Unlock()
	counts := map[string]uint64{report.OtherAddresses: v.OtherAddresses, report.DeviceRepairs: v.DeviceRepairs}
	maps.Copy(counts, v.Refused)
	if l.seen == nil {
		l.seen = map[[2]string]grown{}
	}
	v.Recent = []string{}
	for _, what := range slices.Sorted(maps.Keys(counts)) {
		key := [2]string{group, what}
		g, n := l.seen[key], counts[what]
		if n != g.count {
			g = grown{count: n, at: now}
			l.seen[key] = g
		}
		if n > 0 && now.Sub(g.at) < recently {
			v.Recent = append(v.Recent, what)
		}
	}
}
