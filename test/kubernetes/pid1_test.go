package kubernetes

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// daemonized starts a process that leaves its session and its parent, and then
// works until it is told to end.
const daemonized = `setsid sh -c 'trap "" TERM; while :; do date +%s%N >>"$0"; sleep 0.05; done' "$0.stray" & trap 'echo told >>"$0.told"; exit 0' TERM; while :; do date +%s%N >>"$0"; sleep 0.05; done`

// In the workload's container the gate is process 1, as a user without any
// capability, who cannot get one. It ends the workload when the pod is stopped, and
// what has run away from it; the right is parked for the next pod of the site.
func TestExecIsProcessOne(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("STEAD_UNPRIVILEGED") == "" {
			t.Fatal("needs root: to make a process namespace")
		}
		t.Skip("needs root: to make a process namespace")
	}
	namespace := server.namespace(t)
	f := rendering(t, "exec", namespace)
	notes := handedOver(t, f)
	words := f.containers["worker"]
	for i, word := range words {
		if word == "--" {
			words = append(words[:i:i], "--", "sh", "-c", daemonized, notes)
			break
		}
	}
	said := &output{}
	args := append([]string{"--pid", "--fork", "--mount-proc", "--kill-child",
		"setpriv", "--reuid=65532", "--regid=65532", "--clear-groups", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", built(t)}, words...)
	cmd, ended := process(t, said, "unshare", args...)
	eventually(t, time.Minute, "running", func() bool { return written(notes) && written(notes+".stray") })

	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", cmd.Process.Pid, cmd.Process.Pid))
	var one int
	if err == nil {
		_, err = fmt.Sscan(string(children), &one)
	}
	if err != nil {
		t.Fatalf("process 1 of the namespace: %v: %q", err, children)
	}
	if status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", one)); err != nil || !strings.Contains(string(status), "CapEff:\t0000000000000000") || !strings.Contains(string(status), "NoNewPrivs:\t1") {
		t.Fatalf("process 1 has rights: %v\n%s", err, status)
	}
	if err := syscall.Kill(one, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	stops(t, "the gate of a pod that is stopped", ended)
	if code := cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("the container ended with code %d", code)
	}
	if !written(notes + ".told") {
		t.Error("the workload was not told to end")
	}
	if o := lease(t, namespace, "stead.gate.right"); !strings.Contains(o.Metadata.Annotations["stead.dev/record"], "state=parked holder=east") {
		t.Errorf("the right is %q", o.Metadata.Annotations["stead.dev/record"])
	}
}

// handedOver gives everything that the container reads and writes to user 65532,
// and returns the name of a file for its workload.
func handedOver(t *testing.T, f *form) (notes string) {
	t.Helper()
	dir := t.TempDir()
	ca, err := os.ReadFile(server.ca)
	if err != nil {
		t.Fatal(err)
	}
	trusted := filepath.Join(dir, "ca.crt")
	if err := os.WriteFile(trusted, ca, 0o644); err != nil {
		t.Fatal(err)
	}
	token := ""
	for i, word := range f.containers["worker"] {
		if strings.HasPrefix(word, "--store=") {
			_, token, _ = strings.Cut(word, "token-file=")
			token, _, _ = strings.Cut(token, "&")
			f.containers["worker"][i] = strings.Replace(word, "ca="+server.ca, "ca="+trusted, 1)
		}
	}
	for _, path := range []string{token, dir} {
		if err := os.Chown(path, 65532, 65532); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{dir, filepath.Dir(token), built(t)} {
		for d := filepath.Dir(path); d != "/" && d != filepath.Clean(os.TempDir()); d = filepath.Dir(d) {
			if err := os.Chmod(d, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.Chmod(filepath.Dir(token), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("setpriv"); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "notes")
}

func written(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Size() > 0
}
