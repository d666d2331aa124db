package doctor

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
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
	for _, line := range strings.Split(string(text), "\n") {
		parts := strings.SplitN(line, ":", 3)
		if len(parts) != 3 {
			continue
		}
		for _, controller := range strings.Split(parts[1], ",") {
			paths[controller] = parts[2]
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
	Name:     "cpu-quota",
	Problems: []*Problem{cpuQuota, cpuThrottled},
	Run: func(_ context.Context, e *Env) []Finding {
		groups := e.cgroups()
		if groups == nil {
			return []Finding{unchecked("quota of processor time", "the control groups of "+e.who()+" cannot be read")}
		}
		var out []Finding
		for _, dir := range append(groups.v2(), groups.v1("cpu")...) {
			limit, period, ok := e.quotaOf(dir)
			if !ok {
				continue
			}
			name := strings.TrimPrefix(dir, cgroupRoot)
			seen := fmt.Sprintf("%s µs of each %s µs", limit, period)
			out = append(out, cpuQuota.at("control group "+name, seen, "period", period+" µs"))
			if n := e.throttled(dir); n > 0 {
				out = append(out, cpuThrottled.at("control group "+name, fmt.Sprintf("%d times since it was made", n)))
			}
		}
		if len(out) == 0 {
			out = append(out, fine("", "none on "+e.who()))
		}
		return out
	},
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
		var out []Finding
		for _, dir := range e.cgroups().v2() {
			most, err := e.word(dir + "/memory.max")
			limit, badLimit := strconv.ParseFloat(most, 64)
			if err != nil || badLimit != nil {
				continue // no limit
			}
			now, _ := e.word(dir + "/memory.current")
			used, err := strconv.ParseFloat(now, 64)
			if err == nil && used > tightShare*limit {
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
