package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"stead/bench/world"
)

// ticksPerSecond is the unit of processor times in /proc (USER_HZ, proc(5)).
const ticksPerSecond = 100

// idleCost measures what a pair takes on the host that serves.
func idleCost(pair world.Pair, length time.Duration) cost {
	c := cost{Pair: pair.Name}
	t, err := begin(pair, false)
	if err != nil {
		c.Error = err.Error()
		return c
	}
	defer t.end()
	return t.idle(length)
}

// idle measures what the host that serves takes from now on.
func (t *trial) idle(length time.Duration) cost {
	c := cost{Pair: t.pair.Name}
	before, _ := usage(t.w.Processes(t.victim))
	time.Sleep(length)
	after, memory := usage(t.w.Processes(t.victim))
	c.CorePercent = 100 * float64(after-before) / ticksPerSecond / length.Seconds()
	c.MemoryMB = float64(memory) / 1024
	return c
}

// usage sums the processor ticks and the proportional memory in KiB of processes.
func usage(pids []int) (ticks, kib int) {
	for _, pid := range pids {
		process := fmt.Sprint("/proc/", pid)
		text, err := os.ReadFile(process + "/stat")
		if err != nil {
			continue
		}
		// The name in parentheses may hold anything; what follows is numbers (proc(5)).
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if len(fields) < 13 {
			continue
		}
		for _, field := range fields[11:13] { // utime, stime
			n, _ := strconv.Atoi(field)
			ticks += n
		}
		kib += proportional(process)
	}
	return ticks, kib
}

func proportional(process string) (kib int) {
	text, err := os.ReadFile(process + "/smaps_rollup")
	if err != nil {
		return 0
	}
	for _, line := range strings.Split(string(text), "\n") {
		if strings.HasPrefix(line, "Pss:") {
			_, _ = fmt.Sscanf(line, "Pss: %d", &kib)
		}
	}
	return kib
}
