package kubernetes

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// form is what a pod of a form runs, with what is not there outside of a pod
// replaced: the store, the address, the file of the epoch, the process.
type form struct {
	containers map[string][]string
	address    string // of /open
	epochFile  string
	worker     string // a program, under a name that no other process here has
}

func rendering(t *testing.T, kind, namespace string) *form {
	t.Helper()
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	f := &form{
		containers: map[string][]string{}, address: fmt.Sprint("127.0.0.1:", port), epochFile: filepath.Join(dir, "epoch"),
		worker: filepath.Join(dir, "w"+strings.ToLower(rand.Text()[:10])),
	}
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(sleep)
	if err == nil {
		err = os.WriteFile(f.worker, program, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	token := server.account(t, namespace, "east", needed...)
	replaced := append([]string{
		"--store=kubernetes:///" + namespace + "?server=" + server.url + "&token-file=" + token + "&ca=" + server.ca,
		"--listen=" + f.address, "--epoch-file=" + f.epochFile, "--stop-process=" + filepath.Base(f.worker),
	}, times...)
	values := filepath.Join(root, "deploy/kubernetes/examples/values/lease-east.yaml")
	for _, pod := range pods(rendered(t, namespace, worker(t), "--set", "form="+kind+",stead-gate.beat.enabled=false,stead-gate.gate.beat=true", "--values", under(t, values))) {
		for _, c := range containers(pod) {
			words := command(c)
			for i, word := range words {
				name, _, _ := strings.Cut(word, "=")
				for _, r := range replaced {
					if strings.HasPrefix(r, name+"=") {
						words[i] = r
					}
				}
			}
			if words != nil {
				f.containers[c["name"].(string)] = slices.Insert(words, 1, "--timeout=2s")
			}
		}
	}
	return f
}

// open asks the startup probe's question.
func (f *form) open() bool {
	resp, err := http.Get("http://" + f.address + "/open")
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode == http.StatusOK
}

func eventually(t *testing.T, limit time.Duration, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %v: not %s", limit, what)
		}
	}
}

// run starts a container's command until the test ends.
func (f *form) run(t *testing.T, container string) (cmd *exec.Cmd, ended chan struct{}) {
	t.Helper()
	words, said := f.containers[container], &output{}
	if words == nil {
		t.Fatalf("no container %s among %v", container, f.containers)
	}
	return process(t, said, built(t), words...)
}

func process(t *testing.T, said *output, program string, args ...string) (cmd *exec.Cmd, ended chan struct{}) {
	t.Helper()
	cmd, ended = exec.Command(program, args...), make(chan struct{})
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { defer close(ended); _ = cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
		if t.Failed() {
			t.Logf("%s %q:\n%s", program, args, said)
		}
	})
	return cmd, ended
}

// stops wants a process to be gone within the gate's bound, and some time for a
// machine that is busy.
func stops(t *testing.T, what string, ended chan struct{}) {
	t.Helper()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Fatalf("%s goes on", what)
	}
}

// The sidecar's startup probe passes when the site may run. When the account loses
// the Role, the process of the other container is ended, and the one that the
// kubelet would start in its place, too.
func TestFormSidecar(t *testing.T) {
	namespace := server.namespace(t)
	f := rendering(t, "sidecar", namespace)
	f.run(t, "stead")
	eventually(t, time.Minute, "open", f.open)
	epoch := lease(t, namespace, "stead.gate.right").Spec["leaseTransitions"]
	if text, err := os.ReadFile(f.epochFile); err != nil || strings.TrimSpace(string(text)) != fmt.Sprint(epoch) {
		t.Errorf("the file of the epoch says %q (%v), the Lease %v", text, err, epoch)
	}
	_, ended := process(t, &output{}, f.worker, "60")
	server.do(t, http.MethodDelete, "/apis/rbac.authorization.k8s.io/v1/namespaces/"+namespace+"/rolebindings/east", nil, nil)
	stops(t, "the workload of a site that may not write", ended)
	eventually(t, time.Minute, "closed", func() bool { return !f.open() })
	_, ended = process(t, &output{}, f.worker, "60")
	stops(t, "the workload that was started again", ended)
}

// The init container ends when the site may run; the guard takes the right over at
// once, under an epoch that the workload finds in the same file.
func TestFormInit(t *testing.T) {
	namespace := server.namespace(t)
	f := rendering(t, "init", namespace)
	cmd, ended := f.run(t, "stead")
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Fatal("the init container goes on")
	}
	if code := cmd.ProcessState.ExitCode(); code != 0 {
		t.Fatalf("the init container ended with code %d", code)
	}
	claimed := lease(t, namespace, "stead.gate.right")
	f.run(t, "stead-guard")
	_, working := process(t, &output{}, f.worker, "60")
	eventually(t, time.Minute, "open", f.open)
	eventually(t, time.Minute, "renewed", func() bool {
		return lease(t, namespace, "stead.gate.right").Spec["renewTime"] != claimed.Spec["renewTime"]
	})
	now := lease(t, namespace, "stead.gate.right").Spec
	if now["holderIdentity"] != "east" {
		t.Errorf("the right is that of %v", now["holderIdentity"])
	}
	eventually(t, time.Minute, "told to the workload", func() bool {
		text, err := os.ReadFile(f.epochFile)
		return err == nil && strings.TrimSpace(string(text)) == fmt.Sprint(now["leaseTransitions"])
	})
	select {
	case <-working:
		t.Error("the guard has ended the workload of a site that has the right")
	default:
	}
}
