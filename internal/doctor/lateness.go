package doctor

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"stead/internal/report"
)

// Sample says how the scheduler is to be sampled.
type Sample struct {
	Priority int // real-time; 0: none
	Period   time.Duration
	During   time.Duration
}

var (
	lateThread = &Problem{"late-threads", Warning, "threads are woken late on this machine",
		"a heartbeat or a packet of BFD that is late by half its interval ({half}) leaves no room for a lost one: the lease may end, or the session go down, without a fault",
		"choose a slower timing (election.timing, or interval and multiplier of bfd), give the machine processors of its own, or look for who keeps them: pidstat -u 1 5"}
	steal = &Problem{"steal-time", Warning, "the hypervisor takes processor time away",
		"this virtual machine stands still for moments that it does not see: heartbeats are late", "ask for dedicated processors, or choose a slower timing (election.timing)"}
	lateLoop = &Problem{"late-loop", Warning, "the running daemon has been late",
		"deadlines were met late by more than half the interval ({half}): the lease may end without a fault", "choose a slower timing (election.timing), or give it real-time priority: stead doctor says whether it has"}
	stalls = &Problem{"stalls", Warning, "the fence has closed for want of a renewal, without a fault",
		"for that moment the address was silent: the timing is too tight for this machine", "choose a slower timing (election.timing) in {file}; stead reload"}
)

// sampleFor is how long the scheduler is sampled, and samplePeriod how often.
const (
	sampleFor    = time.Second
	samplePeriod = time.Millisecond
	// stealShare is the share of processor time above which steal is reported.
	stealShare = 0.02
)

var lateness = Check{
	Name:     "lateness",
	Problems: []*Problem{lateThread, steal},
	Run: func(_ context.Context, e *Env) []Finding {
		interval, lease := e.interval()
		if interval == 0 || e.Status != nil {
			return nil // a running daemon has the better sample: its own
		}
		s := Sample{Period: samplePeriod, During: sampleFor}
		how := "an ordinary thread"
		if e.Config.Realtime.Mode != "off" && e.Realtime(e.Config.Realtime.Priority) == nil {
			s.Priority = e.Config.Realtime.Priority
			how = fmt.Sprintf("a thread of real-time priority %d", s.Priority)
		}
		before, _ := e.processorTime()
		late, err := e.Lateness(s)
		if err != nil || len(late) == 0 {
			return []Finding{unchecked("lateness of threads", "sample: "+oneLine(err))}
		}
		after, stealKnown := e.processorTime()
		p50, p99, most := percentile(late, 0.5), percentile(late, 0.99), slices.Max(late)
		seen := fmt.Sprintf("%s, woken %d times: p50 %s, p99 %s, most %s late", how, len(late), round(p50), round(p99), round(most))
		out := []Finding{fine("", seen)}
		if p99 > interval/2 || most >= lease {
			out = []Finding{lateThread.at("", seen, "half", (interval / 2).String())}
		}
		if total := after.total - before.total; stealKnown && total > 0 {
			if share := float64(after.steal-before.steal) / float64(total); share > stealShare {
				out = append(out, steal.at("", fmt.Sprintf("%.1f %% during the sample of %s", 100*share, s.During)))
			}
		}
		return out
	},
}

// percentile returns the value that a share of the others do not exceed.
func percentile(values []time.Duration, share float64) time.Duration {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(share*float64(len(sorted))), len(sorted)-1)]
}

func round(d time.Duration) time.Duration { return d.Round(time.Microsecond) }

type processorTime struct{ steal, total uint64 }

// processorTime reads the first line of /proc/stat (proc_stat(5)): user nice
// system idle iowait irq softirq steal, and guest times that are in user and nice.
func (e *Env) processorTime() (p processorTime, ok bool) {
	text, err := e.ReadFile("/proc/stat")
	line, _, _ := strings.Cut(string(text), "\n")
	fields := strings.Fields(line)
	if err != nil || len(fields) < 9 || fields[0] != "cpu" {
		return p, false
	}
	for i, f := range fields[1:9] {
		n, _ := strconv.ParseUint(f, 10, 64)
		p.total += n
		if i == 7 {
			p.steal = n
		}
	}
	return p, true
}

var loop = Check{
	Name:     "loop",
	Problems: []*Problem{lateLoop, stalls},
	Run: func(_ context.Context, e *Env) []Finding {
		interval, _ := e.interval()
		if e.Status == nil || interval == 0 {
			return nil
		}
		var out []Finding
		late := &e.Status.Loop.Late
		p50, p999 := bucket(late, 0.5), bucket(late, 0.999)
		most := time.Duration(late.MaxUS) * time.Microsecond
		seen := fmt.Sprintf("%d deadlines: p50 at most %s, p99.9 at most %s, most %s late", late.Total(), p50, p999, most)
		if late.Total() > 0 && min(p999, most) > interval/2 {
			out = append(out, lateLoop.at("", seen, "half", (interval/2).String()))
		}
		if n := e.Status.Fence.Stalls; n > 0 {
			out = append(out, stalls.at("", fmt.Sprintf("%d times in %s", n, time.Duration(e.Status.Uptime)*time.Second), "file", e.File))
		}
		if len(out) == 0 {
			out = append(out, fine("", seen))
		}
		return out
	},
}

// bucket is the upper bound of the bucket in which a share of the deadlines ends.
// What is above all bounds has the maximum.
func bucket(l *report.Lateness, share float64) time.Duration {
	want := share * float64(l.Total())
	var n float64
	for i, bound := range report.LatenessBounds {
		if n += float64(l.Counts[i]); n >= want {
			return bound
		}
	}
	return time.Duration(l.MaxUS) * time.Microsecond
}
