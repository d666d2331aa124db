package daemon

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"stead/internal/report"
	"stead/internal/testns"
)

// refuses starts a daemon that has to end by itself, with one sentence.
func (h *host) refuses(t testing.TB, as *syscall.Credential, code int, says ...string) {
	t.Helper()
	cmd := exec.Command(testns.Stead(), "run", "-c", h.file(t), "--node", h.name)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	h.begin(t, cmd)
	h.refused(t, code, says...)
}

// refusesBy is refuses by way of another program, which becomes the daemon.
func (h *host) refusesBy(t testing.TB, by []string, code int, says ...string) {
	t.Helper()
	h.begin(t, h.by(t, by...))
	h.refused(t, code, says...)
}

func (h *host) refused(t testing.TB, code int, says ...string) {
	t.Helper()
	got := h.ends(t, patience)
	out := strings.TrimSpace(h.run.log.String())
	if got != code {
		t.Errorf("exit code %d, want %d:\n%s", got, code, out)
	}
	if strings.Contains(out, "\n") || !strings.HasPrefix(out, "stead: ") {
		t.Errorf("not one sentence:\n%s", out)
	}
	for _, part := range says {
		if !strings.Contains(out, part) {
			t.Errorf("%q is missing in:\n%s", part, out)
		}
	}
}

// A second daemon on the same socket is refused, and disturbs the first one not at all.
func TestSecondDaemon(t *testing.T) {
	tr := newTrial(t, conf{})
	tr.start(t)
	first := tr.primary.run
	tr.primary.refuses(t, nil, exitFailed, "another stead answers on "+tr.primary.socket)
	tr.primary.run = first
	tr.settled(t, tr.primary)
	if n := tr.primary.count(t, report.BecameStandby, "web"); n != 0 || !tr.primary.has(t, "eth1", lanService4) {
		t.Errorf("the first daemon was disturbed: %+v", tr.primary.events(t))
	}
}

func TestKeyFileOpenToAll(t *testing.T) {
	tr := newTrial(t, conf{})
	key := filepath.Join(tr.dir, "key")
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	tr.primary.refuses(t, nil, exitUsage, key, "chmod")
}

// Without the capability that addresses need the daemon says so, and which one.
func TestMissingCapability(t *testing.T) {
	tr := newTrial(t, conf{})
	const nobody = 65534
	if err := os.Chown(filepath.Join(tr.dir, "key"), nobody, nobody); err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(tr.dir, "home")
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(home, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	tr.conf.socket, tr.conf.state = filepath.Join(home, "sock"), filepath.Join(home, "state")
	for _, fence := range []string{"kernel", "auto", "guard", "none"} {
		t.Run(fence, func(t *testing.T) {
			tr.conf.fence = fence
			tr.primary.refuses(t, &syscall.Credential{Uid: nobody, Gid: nobody}, exitFailed, "CAP_NET_ADMIN")
		})
	}
}

// A state that cannot be stored is said in one sentence, and the service is kept.
func TestStateThatCannotBeStored(t *testing.T) {
	for _, tt := range []struct{ name, options, says string }{
		{"read-only", "ro", "read-only file system"},
		{"full", "size=4k", "no space left on device"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tr := newTrial(t, conf{})
			state := filepath.Join(tr.dir, "mounted")
			if err := os.Mkdir(state, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := mount(state, tt.options); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = syscall.Unmount(state, syscall.MNT_DETACH) })
			if tt.name == "full" {
				if err := os.WriteFile(filepath.Join(state, "ballast"), make([]byte, 4096), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			tr.client.start(t)
			tr.secondary.start(t)
			tr.secondary.becomes(t, "web", report.RoleActive)
			tr.conf.state = state
			tr.primary.start(t)
			tr.settled(t, tr.secondary)
			tr.primary.do(t, "switchover", "web", "--to", "primary", "--wait")
			tr.settled(t, tr.primary)
			if code, body := tr.primary.get(t, "/active/web"); code != http.StatusOK {
				t.Errorf("/active/web: %d %s", code, body)
			}
			said := 0
			for line := range strings.Lines(tr.primary.run.log.String()) {
				if strings.Contains(line, tt.says) {
					said++
				}
			}
			if said != 1 {
				t.Errorf("said %d times:\n%s", said, tr.primary.run.log)
			}
		})
	}
}

func mount(dir, options string) error {
	flags := uintptr(0)
	if options == "ro" {
		flags, options = syscall.MS_RDONLY, ""
	}
	return syscall.Mount("tmpfs", dir, "tmpfs", flags, options)
}
