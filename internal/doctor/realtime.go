package doctor

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"
)

// tight is the longest interval between heartbeats that needs real-time priority.
const tight = 10 * time.Millisecond

var (
	realtimeOff = &Problem{"real-time-off", Warning, "real-time priority is switched off",
		"beside busy programs heartbeats are late by several milliseconds; with {interval} between them the lease may end without a fault",
		"set `realtime: { mode: auto }` in {file}, or choose a slower timing (election.timing)"}
	noRealtime = &Problem{"no-real-time", Warning, "no real-time priority",
		"beside busy programs heartbeats are late by several milliseconds; with {interval} between them the lease may end without a fault",
		"systemctl edit stead: LimitRTPRIO=99 or CAP_SYS_NICE in CapabilityBoundingSet=; in a container: --cap-add SYS_NICE --ulimit rtprio=99"}
	rtBudget = &Problem{"real-time-budget-zero", Warning, "the kernel gives real-time threads no time",
		"real-time priority is refused, whatever the capabilities", "give them time: {command}"}
)

var realtime = Check{
	Name:     "real-time",
	Problems: []*Problem{realtimeOff, noRealtime, rtBudget, capLock},
	Run: func(_ context.Context, e *Env) []Finding {
		interval, _ := e.interval()
		if interval == 0 {
			return nil
		}
		mode := e.Config.Realtime.Mode
		switch {
		case mode == "off" && interval > tight:
			return nil
		case mode == "off":
			return []Finding{realtimeOff.at("", "realtime.mode is off", "interval", interval.String(), "file", e.File)}
		}
		out := e.realtimeBudget()
		refused, why := e.refused()
		severity := Hint
		if interval <= tight {
			severity = Warning
		}
		if mode == "required" {
			severity = Fatal
		}
		switch {
		case why != "":
			return append(out, unchecked("real-time priority", why))
		case refused != "":
			return append(out, noRealtime.at("", refused, "interval", interval.String()).as(severity))
		case e.Status != nil && e.Status.Realtime.Detail != "":
			return append(out, capLock.at("", e.Status.Realtime.Detail, "capability", "CAP_IPC_LOCK"))
		case len(out) == 0:
			out = append(out, fine("", fmt.Sprintf("priority %d is permitted to %s", e.Config.Realtime.Priority, e.who())))
		}
		return out
	},
}

// refused says why there is no real-time priority, or why that cannot be known.
func (e *Env) refused() (refused, why string) {
	if e.Status != nil {
		if !e.Status.Realtime.Active {
			refused = cmp.Or(e.Status.Realtime.Detail, "the daemon runs without: its realtime.mode is "+e.Status.Realtime.Mode)
		}
		return refused, ""
	}
	if why := e.hidden(); why != "" {
		return "", why
	}
	return oneLine(e.Realtime(e.Config.Realtime.Priority)), ""
}

// realtimeBudget looks at what keeps real-time threads from running at all.
func (e *Env) realtimeBudget() (out []Finding) {
	const runtime = "/proc/sys/kernel/sched_rt_runtime_us"
	if v, err := e.word(runtime); err == nil && v == "0" {
		out = append(out, rtBudget.at("", "kernel.sched_rt_runtime_us is 0", "command", "sysctl -w kernel.sched_rt_runtime_us=950000"))
	}
	for _, dir := range e.cgroups().v1("cpu") {
		if v, err := e.word(dir + "/cpu.rt_runtime_us"); err == nil && v == "0" {
			file := dir + "/cpu.rt_runtime_us"
			out = append(out, rtBudget.at("control group "+strings.TrimPrefix(dir, cgroupRoot), "cpu.rt_runtime_us is 0", "command", "echo 100000 > "+file))
			break
		}
	}
	return out
}
