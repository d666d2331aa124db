package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/config"
	"stead/internal/core/reason"
)

const nobody = "Name:\tstead\nUid:\t65534\t65534\t65534\t65534\nCapEff:\t0000000000000000\n"

var onConfiguration = []breakage{
	{"no configuration", func(w *world) {
		w.stopped()
		w.Config, w.ConfigErr = nil, errors.New("stead.yaml:2:8: unknown key \"adress\"\nstead.yaml:4:1: …")
	}, []string{"fatal config-invalid", "hint daemon-not-running"}},
	{"a configuration that an ordinary user may not read", func(w *world) {
		w.stopped()
		w.Config, w.ConfigErr = nil, fmt.Errorf("/etc/stead/stead.yaml: %w", fs.ErrPermission)
		w.files["/proc/self/status"] = nobody
	}, []string{"hint not-checked", "hint daemon-not-running"}},
	{"none of the nodes", func(w *world) {
		w.stopped()
		w.Config.Self, w.ConfigErr = "", errors.New("this machine is none of the nodes")
	}, []string{"fatal node-unknown", "hint daemon-not-running"}},
	{"a key for everybody", func(w *world) {
		w.KeyErr = errors.New("key file /etc/stead/key: mode 0644 lets others use it: chmod 600 /etc/stead/key")
	},
		[]string{"fatal key-unusable"}},
	{"a key that root may not read", func(w *world) { w.KeyErr = fmt.Errorf("key file: %w", fs.ErrPermission) }, []string{"fatal key-unusable"}},
	{"an odd configuration", func(w *world) {
		w.Config.Warnings = []config.Problem{{File: "stead.yaml", Line: 4, Column: 2, What: "two voters have no majority without the other", Advice: "add a witness"}}
	},
		[]string{"hint config-odd"}},
}

var onDaemon = []breakage{
	{"stopped", (*world).stopped, []string{"hint daemon-not-running"}},
	{"a socket that nobody listens on", func(w *world) { w.stopped(); w.StatusErr = unix.ECONNREFUSED }, []string{"hint daemon-not-running"}},
	{"frozen", func(w *world) { w.Status, w.StatusErr = nil, context.DeadlineExceeded },
		[]string{"fatal daemon-silent", "hint not-checked", "hint not-checked", "hint not-checked"}},
	{"a socket that this user may not open", func(w *world) { w.stopped(); w.StatusErr, w.files["/proc/self/status"] = unix.EACCES, nobody },
		[]string{"hint not-checked", "hint not-checked", "hint not-checked", "hint not-checked", "hint not-checked", "hint not-checked", "hint not-checked", "hint not-checked"}},
	{"another version", func(w *world) { w.Version = "v1.3.0" }, []string{"hint daemon-other-version"}},
	{"another node", func(w *world) { w.Status.Node = "secondary" }, []string{"warning daemon-other-node"}},
	{"another network namespace", func(w *world) { w.files["/proc/42/ns/net"] = "net:[2]" }, []string{"warning daemon-in-other-namespace"}},
	{"another PID namespace", func(w *world) { w.PID = 0 },
		[]string{"hint not-checked", "hint not-checked", "hint not-checked", "hint not-checked"}},
	{"a late loop", func(w *world) {
		for range 1000 {
			w.Status.Loop.Late.Observe(4 * time.Millisecond)
		}
	}, []string{"warning late-loop"}},
	{"a fence that stalls", func(w *world) { w.Status.Fence.Stalls = 3 }, []string{"warning stalls"}},
}

// as replaces the effective capabilities of the daemon and of this process.
func as(w *world, set uint64) {
	text := fmt.Sprintf("Name:\tstead\nUid:\t0\t0\t0\t0\nCapEff:\t%016x\n", set)
	w.files["/proc/42/status"], w.files["/proc/self/status"] = text, text
}

const every = 1<<41 - 1

func without(bits ...uint) uint64 {
	set := uint64(every)
	for _, b := range bits {
		set &^= 1 << b
	}
	return set
}

var onRights = []breakage{
	{"no CAP_NET_ADMIN", func(w *world) { as(w, without(unix.CAP_NET_ADMIN)) }, []string{"fatal no-cap-net-admin"}},
	{"no CAP_NET_RAW", func(w *world) { as(w, without(unix.CAP_NET_RAW)) }, []string{"fatal no-cap-net-raw"}},
	{"no CAP_BPF", func(w *world) { as(w, without(unix.CAP_BPF, unix.CAP_SYS_ADMIN)) }, []string{"warning no-cap-bpf"}},
	{"no CAP_BPF, and fence: kernel", func(w *world) {
		as(w, without(unix.CAP_BPF, unix.CAP_SYS_ADMIN))
		w.Config.Fence = config.FenceKernel
	}, []string{"fatal no-cap-bpf"}},
	{"CAP_SYS_ADMIN stands for CAP_BPF", func(w *world) { as(w, without(unix.CAP_BPF)) }, nil},
	{"no CAP_SETUID", func(w *world) { as(w, without(unix.CAP_SETUID)) }, []string{"warning no-cap-setuid"}},
	{"no CAP_IPC_LOCK", func(w *world) {
		w.stopped()
		w.files["/proc/self/limits"] = "Max locked memory         8388608              8388608              bytes\n"
		as(w, without(unix.CAP_IPC_LOCK))
	}, []string{"hint daemon-not-running", "hint no-cap-ipc-lock"}},
	{"memory is not locked", func(w *world) { w.Status.Realtime.Detail = "lock memory: cannot allocate memory" }, []string{"hint no-cap-ipc-lock"}},
	{"no real-time priority", func(w *world) {
		w.Status.Realtime.Active, w.Status.Realtime.Detail = false, "real-time priority 50: operation not permitted"
	},
		[]string{"warning no-real-time"}},
	{"no real-time priority, and it is required", func(w *world) {
		w.stopped()
		w.Config.Realtime.Mode, w.realtime = "required", unix.EPERM
	}, []string{"fatal no-real-time", "hint daemon-not-running"}},
	{"no real-time priority, and a slow timing", func(w *world) {
		w.Config.Groups[0].Election.Interval = 50 * time.Millisecond
		w.Status.Realtime.Active, w.Status.Realtime.Mode = false, "off"
	}, []string{"hint no-real-time"}},
	{"real-time priority is off", func(w *world) { w.Config.Realtime.Mode = "off" }, []string{"warning real-time-off"}},
	{"no time for real-time threads", func(w *world) { w.files["/proc/sys/kernel/sched_rt_runtime_us"] = "0\n" }, []string{"warning real-time-budget-zero"}},
	{"an ordinary user and no daemon", func(w *world) { w.stopped(); w.files["/proc/self/status"] = nobody },
		[]string{"hint daemon-not-running", "hint not-checked", "hint not-checked", "hint not-checked"}},
	{"no VXLAN", func(w *world) { w.features.VXLAN = errors.New("make a vxlan device: operation not supported") }, []string{"fatal no-vxlan"}},
	{"no mark", func(w *world) { w.features.Protocol = errors.New("a mark (IFA_PROTO) is not kept") }, []string{"hint no-address-mark"}},
	{"a guard in force", func(w *world) {
		w.Status.Fence.Kind, w.Status.Fence.Detail = "guard", "no kernel fence: load program: operation not permitted"
	},
		[]string{"warning no-kernel-fence"}},
	{"a guard that is wanted", func(w *world) { w.Status.Fence.Kind, w.Config.Fence = "guard", config.FenceGuard }, []string{"hint no-kernel-fence"}},
	{"fence: kernel cannot be had", func(w *world) {
		w.stopped()
		w.features.Fence, w.Config.Fence = errors.New("load program: operation not permitted"), config.FenceKernel
	}, []string{"fatal no-kernel-fence", "hint daemon-not-running"}},
	{"a degraded fence", func(w *world) { w.Status.Fence.Detail = "; eth1: another program stands in front of the fence" }, []string{"warning fence-degraded"}},
	{"no fence", func(w *world) { w.Config.Fence = config.FenceNone }, []string{"warning fence-off"}},
}

const unit = cgroupRoot + "/system.slice/stead.service"

// version1 makes the host one with control groups of version 1.
func version1(w *world) {
	delete(w.files, cgroupRoot+"/cgroup.controllers")
	w.files["/proc/42/cgroup"] = "4:memory:/stead\n3:cpu,cpuacct:/stead\n0::/\n"
	for name, text := range map[string]string{
		"cpu/cpu.cfs_quota_us": "-1", "cpu/stead/cpu.cfs_quota_us": "50000", "cpu/stead/cpu.cfs_period_us": "100000",
		"cpu/stead/cpu.rt_runtime_us": "0", "cpu/stead/cpu.stat": "nr_periods 9\nnr_throttled 2\n",
		"memory/memory.limit_in_bytes": "9223372036854771712", "memory/memory.usage_in_bytes": "1048576",
		"memory/stead/memory.limit_in_bytes": "10485760", "memory/stead/memory.usage_in_bytes": "10485000",
	} {
		w.files[cgroupRoot+"/"+name] = text + "\n"
	}
}

var onLimits = []breakage{
	{"a CPU quota", func(w *world) { w.files[unit+"/cpu.max"] = "50000 100000\n" }, []string{"warning cpu-quota"}},
	{"a CPU quota that was used up", func(w *world) {
		w.files[unit+"/cpu.max"], w.files[unit+"/cpu.stat"] = "50000 100000\n", "nr_periods 10\nnr_throttled 7\n"
	}, []string{"warning cpu-quota", "warning cpu-throttled"}},
	{"a CPU quota and a slow timing", func(w *world) {
		w.files[unit+"/cpu.max"] = "50000 100000\n"
		w.Config.Groups[0].Election.Interval = time.Second
	}, []string{"hint cpu-quota"}},
	{"limits of version 1", version1, []string{"warning real-time-budget-zero", "warning cpu-quota", "warning cpu-throttled", "warning memory-tight"}},
	{"a control group that is not seen", func(w *world) { w.files["/proc/42/cgroup"] = "0::/elsewhere\n" }, []string{"hint not-checked", "hint not-checked"}},
	{"little memory", func(w *world) { w.files[unit+"/memory.max"] = "1100000\n" }, []string{"warning memory-tight"}},
	{"a victim of the OOM killer", func(w *world) { w.files["/proc/42/oom_score_adj"] = "0\n" }, []string{"hint oom-victim"}},
	{"late threads", func(w *world) { w.stopped(); w.late = slices.Repeat([]time.Duration{3 * time.Millisecond}, 1000) },
		[]string{"warning late-threads", "hint daemon-not-running"}},
	{"one thread that is late by a lease", func(w *world) { w.stopped(); w.late[7] = 15 * time.Millisecond },
		[]string{"warning late-threads", "hint daemon-not-running"}},
	{"stolen time", func(w *world) {
		w.stopped()
		w.Lateness = func(Sample) ([]time.Duration, error) {
			w.files["/proc/stat"] = "cpu  150 0 100 130 0 0 0 20 0 0\n"
			return w.late, nil
		}
	}, []string{"warning steal-time", "hint daemon-not-running"}},
}

var onPrograms = []breakage{
	{"a full disk", func(w *world) { w.free = 1 << 10 }, []string{"warning state-full"}},
	{"a state that cannot be written", func(w *world) {
		w.Space = func(dir string) (uint64, error) { return 0, fmt.Errorf("%s: %w", dir, unix.EROFS) }
	},
		[]string{"fatal state-not-writable"}},
	{"a socket that cannot be made", func(w *world) {
		w.stopped()
		w.Space = func(dir string) (uint64, error) {
			if strings.HasPrefix(dir, "/run") {
				return 0, fmt.Errorf("%s: %w", dir, unix.EROFS)
			}
			return 1 << 30, nil
		}
	}, []string{"warning control-socket-directory", "hint daemon-not-running"}},
	{"a program that is not there", func(w *world) { delete(w.modes, "/etc/stead/activated"); delete(w.files, "/etc/stead/activated") },
		[]string{"warning program-missing"}},
	{"a program that nobody may run", func(w *world) { w.modes["/usr/bin/check-app"] = 0o644 }, []string{"warning program-missing"}},
	{"a program that everybody may write", func(w *world) { w.modes["/usr/bin/check-app"] = 0o757 }, []string{"warning program-writable"}},
	{"a program in a directory that everybody may write", func(w *world) { w.modes["/etc/stead"] = fs.ModeDir | 0o777 }, []string{"warning program-writable"}},
	{"a user that is not there", func(w *world) { w.users = nil }, []string{"warning program-user-missing"}},
}

var onGroups = []breakage{
	{"nobody is active", func(w *world) { w.Status.Groups[0].ActiveNode, w.Status.Groups[0].Role = "", "standby" }, []string{"fatal nobody-active"}},
	{"active, and silent", func(w *world) { w.Status.Groups[0].Stalled, w.Status.Groups[0].LeaseRemainingMS = true, 0 }, []string{"fatal active-but-silent"}},
	{"addresses that are not in place", func(w *world) { w.Status.Groups[0].ApplyError = "add 192.168.0.200/24 to vxlan0: permission denied" },
		[]string{"fatal address-not-in-place"}},
	{"not ready", func(w *world) {
		g := &w.Status.Groups[0]
		g.Ready, g.NotReadyBecause, g.NotReadyDetail = false, reason.CheckFailed, "web: connection refused"
	}, []string{"warning not-ready"}},
	{"drained", func(w *world) { w.standby(); w.Status.Groups[0].Draining = true }, []string{"hint drained"}},
	{"votes are missing", func(w *world) { w.Status.Groups[0].Quorum.Granted = 1 }, []string{"fatal votes-missing"}},
	{"nobody could take over", func(w *world) { w.Status.Groups[0].Members[1].Ready = false }, []string{"fatal nobody-could-take-over"}},
}
