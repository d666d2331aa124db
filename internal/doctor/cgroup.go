package doctor

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

const cgroupRoot = "/sys/fs/cgroup"

// cgroupPaths are the control groups of a process: by controller in version 1, ""
// for version 2.
type cgroupPaths map[string]string

// cgroups reads /proc/PID/cgroup (cgroups(7)).
func (e *Env) cgroups() cgroupPaths {
	text, err := e.ReadFile(e.proc("cgroup"))
	if err != nil {
		return nil
	}
	paths := cgroupPaths{}
	_, err = e.Stat(cgroupRoot + "/cgroup.controllers")
	unified := err == nil
	for _, line := range strings.Split(string(text), "\n") {
		parts := strings.SplitN(line, ":", 3)
		if len(parts) != 3 {
			continue
		}
		for _, controller := range strings.Split(parts[1], ",") {
			if unified == (controller == "") { // where both versions are mounted, version 1 has the limits
				paths[controller] = parts[2]
			}
		}
	}
	return paths
}

// v2 lists the directories from the group of version 2 up to the root.
func (p cgroupPaths) v2() []string { return upward(cgroupRoot, p[""], p.has("")) }

// v1 does so for a controller of version 1.
func (p cgroupPaths) v1(controller string) []string {
	return upward(path.Join(cgroupRoot, controller), p[controller], p.has(controller))
}

func (p cgroupPaths) has(controller string) bool { _, ok := p[controller]; return ok }

func upward(root, group string, ok bool) []string {
	if !ok {
		return nil
	}
	var dirs []string
	for at := path.Join("/", group); at != "/"; at = path.Dir(at) {
		dirs = append(dirs, path.Join(root, at))
	}
	return append(dirs, root)
}

var (
	cpuQuota = &Problem{"cpu-quota", Warning, "a quota of processor time is in force",
		"a group that has used it up stands still for the rest of the period ({period}): a heartbeat may be that late, and the lease end without a fault",
		"systemctl edit stead: CPUQuota= (empty); in Kubernetes leave out limits.cpu; or choose a timing whose lease is longer than the period"}
	cpuThrottled = &Problem{"cpu-throttled", Warning, "the group has been stopped for its quota of processor time",
		"the daemon stood still: heartbeats were late", "systemctl edit stead: CPUQuota= (empty)"}
	memoryTight = &Problem{"memory-tight", Warning, "the memory limit is nearly reached",
		"the kernel reclaims or kills: a daemon that is killed hands nothing over, the others wait for the lease", "systemctl edit stead: MemoryMax= (more, or empty)"}
	oomVictim = &Problem{"oom-victim", Hint, "the daemon is not spared when memory runs out",
		"the kernel may kill it first: an unplanned failover at a bad moment", "systemctl edit stead: OOMScoreAdjust=-900"}
)

var quota = Check{
	Name:     "quota",
	Problems: []*Problem{cpuQuota, cpuThrottled},
	Run: func(_ context.Context, e *Env) []Finding {
		groups := e.cgroups()
		dirs := append(groups.v2(), groups.v1("cpu")...)
		if why := e.unseen(dirs); why != "" {
			return []Finding{unchecked("quota of processor time", why)}
		}
		_, lease := e.interval()
		var out []Finding
		for _, dir := range dirs {
			limit, period, ok := e.quotaOf(dir)
			if !ok {
				continue
			}
			name := strings.TrimPrefix(dir, cgroupRoot)
			seen := fmt.Sprintf("%s µs of each %s µs", limit, period)
			f, n := cpuQuota.at("control group "+name, seen, "period", period+" µs"), e.throttled(dir)
			if us, err := strconv.Atoi(period); err == nil && n == 0 && lease > 2*time.Duration(us)*time.Microsecond {
				f = f.as(Hint)
			}
			out = append(out, f)
			if n > 0 {
				out = append(out, cpuThrottled.at("control group "+name, fmt.Sprintf("%d times since it was made", n)))
			}
		}
		if len(out) == 0 {
			out = append(out, fine("", "none on "+e.who()))
		}
		return out
	},
}

// unseen says why the control groups cannot be looked at; empty where they can.
func (e *Env) unseen(dirs []string) string {
	if why := e.hidden(); why != "" && !e.absent() {
		return why
	}
	if len(dirs) == 0 {
		return "the control groups of " + e.who() + " cannot be read"
	}
	for _, dir := range dirs {
		// The root of all has no limits; one that is not there is outside of what is seen here.
		if _, err := e.Stat(dir); err != nil {
			return "the control group of " + e.who() + " is not seen here: " + oneLine(err)
		}
	}
	return ""
}

// quotaOf reads the quota of one group, of either version.
func (e *Env) quotaOf(dir string) (limit, period string, ok bool) {
	if text, err := e.word(dir + "/cpu.max"); err == nil {
		fields := strings.Fields(text)
		if len(fields) == 2 && fields[0] != "max" {
			return fields[0], fields[1], true
		}
		return "", "", false
	}
	limit, err := e.word(dir + "/cpu.cfs_quota_us")
	if err != nil || strings.HasPrefix(limit, "-") {
		return "", "", false
	}
	period, _ = e.word(dir + "/cpu.cfs_period_us")
	return limit, period, true
}

func (e *Env) throttled(dir string) uint64 {
	text, _ := e.word(dir + "/cpu.stat")
	fields := strings.Fields(text)
	i := slices.Index(fields, "nr_throttled")
	if i < 0 || i+1 >= len(fields) {
		return 0
	}
	n, _ := strconv.ParseUint(fields[i+1], 10, 64)
	return n
}

// tightShare is the share of a memory limit above which it is nearly reached.
const tightShare = 0.9

var memory = Check{
	Name:     "memory",
	Problems: []*Problem{memoryTight, oomVictim},
	Run: func(_ context.Context, e *Env) []Finding {
		dirs := append(e.cgroups().v2(), e.cgroups().v1("memory")...)
		if why := e.unseen(dirs); why != "" {
			return []Finding{unchecked("limits of memory", why)}
		}
		var out []Finding
		for _, dir := range dirs {
			limit, used, ok := e.memoryOf(dir)
			if ok && used > tightShare*limit {
				out = append(out, memoryTight.at("control group "+strings.TrimPrefix(dir, cgroupRoot), fmt.Sprintf("%.0f of %.0f MiB", used/(1<<20), limit/(1<<20))))
			}
		}
		if e.PID != 0 {
			text, err := e.word(e.proc("oom_score_adj"))
			if score, bad := strconv.Atoi(text); err == nil && bad == nil && score > -500 {
				out = append(out, oomVictim.at("", fmt.Sprintf("oom_score_adj of %s is %d", e.who(), score)))
			}
		}
		if len(out) == 0 {
			out = append(out, fine("", "no limit is near"))
		}
		return out
	},
}

// memoryOf reads the limit and the use of one group in bytes, of either version. A
// group of version 1 without a limit has an enormous one.
func (e *Env) memoryOf(dir string) (limit, used float64, ok bool) {
	for _, files := range [][2]string{{"memory.max", "memory.current"}, {"memory.limit_in_bytes", "memory.usage_in_bytes"}} {
		most, _ := e.word(path.Join(dir, files[0]))
		now, _ := e.word(path.Join(dir, files[1]))
		limit, errLimit := strconv.ParseFloat(most, 64)
		used, errUsed := strconv.ParseFloat(now, 64)
		if errLimit == nil && errUsed == nil {
			return limit, used, true
		}
	}
	return 0, 0, false
}
