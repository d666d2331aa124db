package daemon

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"stead/internal/report"
	"stead/internal/testns"
)

// withoutBPF is the first argument of this program when it is to run another one
// whose bpf(2) fails: with the error number that is the second.
const withoutBPF = "without-bpf"

// runWithoutBPF replaces this program by the one that is named, under a seccomp
// filter. It returns where that cannot be done.
func runWithoutBPF(args []string) error {
	number, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // the number of the system call
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_BPF, Jt: 0, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(number)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	if err := installFilter(filter); err != nil {
		return err
	}
	return unix.Exec(args[1], args[1:], os.Environ())
}

// startBy is start by way of another program, which is given the daemon's command
// line and becomes the daemon.
func (h *host) startBy(t testing.TB, by ...string) {
	t.Helper()
	h.begin(t, h.by(t, by...))
	h.answers(t)
}

func (h *host) by(t testing.TB, by ...string) *exec.Cmd {
	t.Helper()
	args := append(by[:len(by):len(by)], testns.Stead(), "run", "-c", h.file(t), "--node", h.name)
	return exec.Command(args[0], args[1:]...)
}

// warnings are the lines of the daemon's log that warn.
func (h *host) warnings() []string {
	var all []string
	for line := range strings.Lines(h.run.log.String()) {
		if !strings.Contains(line, "level=INFO") {
			all = append(all, strings.TrimSpace(line))
		}
	}
	return all
}

// A kernel or a permission that the kernel fence needs is missing. Where it is
// asked for, the daemon refuses to start; else a guard stands in, and it is said
// once at start and in the status. The service is there in any case.
func TestWithoutKernelFence(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, says string
		by         []string
	}{
		{"no CAP_BPF", "operation not permitted (needs CAP_BPF)", []string{"setpriv", "--bounding-set=-bpf,-sys_admin"}},
		{"a kernel without eBPF", "needs Linux 5.8 with CONFIG_BPF_SYSCALL", []string{self, withoutBPF, strconv.Itoa(int(unix.ENOSYS))}},
		{"a filter that forbids it", "operation not permitted (a security module or a seccomp filter forbids it)", []string{self, withoutBPF, strconv.Itoa(int(unix.EPERM))}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tr := newTrial(t, conf{fence: "kernel"})
			tr.primary.refusesBy(t, tt.by, exitFailed, "kernel fence: ", tt.says)
			tr.conf.fence = "auto"
			for _, h := range tr.hosts() {
				h.startBy(t, tt.by...)
			}
			tr.primary.becomes(t, "web", report.RoleActive)
			tr.settled(t, tr.primary)
			a := tr.ask(t)
			a.serves(t, tr.primary, 0)
			if f := tr.primary.status(t).Fence; f.Kind != "guard" || !strings.Contains(f.Detail, tt.says) {
				t.Errorf("the status says %+v", f)
			}
			if w := tr.primary.warnings(); len(w) != 1 || !strings.Contains(w[0], "a guard process stands in") || !strings.Contains(w[0], tt.says) {
				t.Errorf("want one warning with %q:\n%s", tt.says, strings.Join(w, "\n"))
			}
			if w := tr.client.warnings(); len(w) != 0 {
				t.Errorf("a witness needs no fence, and says\n%s", strings.Join(w, "\n"))
			}
			if kind := tr.primary.metric(t, `stead_fence{kind="guard"}`); kind != "1" {
				t.Errorf("the metric of the guard is %q", kind)
			}
		})
	}
}

// A permission that the daemon cannot do without, although it is root.
func TestRootWithoutCapability(t *testing.T) {
	for drop, says := range map[string]string{
		"-net_admin": "CAP_NET_ADMIN",
		"-net_raw":   "CAP_NET_RAW",
	} {
		t.Run(drop, func(t *testing.T) {
			tr := newTrial(t, conf{})
			tr.primary.refusesBy(t, []string{"setpriv", "--bounding-set=" + drop}, exitFailed, says)
		})
	}
}

// What makes the daemon late on a busy machine is said once at start; it serves.
func TestWithoutRealtime(t *testing.T) {
	for drop, says := range map[string]string{
		"-sys_nice,-sys_resource": "CAP_SYS_NICE",
		"-ipc_lock":               "CAP_IPC_LOCK",
	} {
		t.Run(drop, func(t *testing.T) {
			tr := newTrial(t, conf{noWitness: true})
			by := []string{"setpriv", "--bounding-set=" + drop}
			tr.primary.startBy(t, by...)
			tr.primary.becomes(t, "web", report.RoleActive)
			if w := tr.primary.warnings(); len(w) != 1 || !strings.Contains(w[0], says) {
				t.Errorf("want one warning with %s:\n%s", says, strings.Join(w, "\n"))
			}
			if r := tr.primary.status(t).Realtime; !strings.Contains(r.Detail, says) || r.Active != (says == "CAP_IPC_LOCK") {
				t.Errorf("the status says %+v", r)
			}
			if says != "CAP_SYS_NICE" {
				return
			}
			tr.conf.top = "realtime: { mode: required }\n"
			tr.secondary.refusesBy(t, by, exitFailed, says)
		})
	}
}

// Every mistake of a file is said in one run, each in a line with its place, and
// nothing is touched.
func TestConfigMistakes(t *testing.T) {
	tr := newTrial(t, conf{fence: "moat", preempt: "{ enabled: perhaps }", group: "chekcs: {}\n", top: "http: { listen: nowhere }\n"})
	tr.primary.begin(t, tr.primary.by(t, "env"))
	if code := tr.primary.ends(t, patience); code != exitUsage {
		t.Errorf("exit code %d", code)
	}
	out := tr.primary.run.log.String()
	file := filepath.Join(tr.dir, "primary.yaml")
	for _, mistake := range []string{`"moat"`, `"perhaps"`, `"chekcs"`, `"nowhere"`} {
		found := ""
		for line := range strings.Lines(out) {
			if strings.Contains(line, mistake) {
				found = line
			}
		}
		place := strings.TrimPrefix(strings.TrimPrefix(found, "stead: "), file+":")
		row, rest, _ := strings.Cut(place, ":")
		column, _, _ := strings.Cut(rest, ":")
		if _, err := strconv.Atoi(row + column); err != nil {
			t.Errorf("%s is not said with file, line and column: %q in\n%s", mistake, found, out)
		}
	}
	if tr.primary.attached(t) > 0 || tr.primary.has(t, "eth1", lanService4) {
		t.Error("something was touched")
	}
}
