// Package kubernetes tests what Stead has to do with Kubernetes against a real
// API server: the store that keeps its values in Leases, the Helm chart and the
// examples, which it validates as a cluster would, and the container image.
//
// The server is kube-apiserver with etcd, built from the module in apiserver/
// into bin/. There is no kubelet: no container runs.
package kubernetes

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

var (
	root   string // of the project
	bin    string // where what is built for tests is kept
	server *cluster
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	var err error
	if root, err = filepath.Abs("../.."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	bin = filepath.Join(root, "bin")
	if out, err := exec.Command("./build.sh").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build.sh: %v\n%s", err, out)
		return 1
	}
	if server, err = start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer server.stop()
	defer func() {
		if program != "" {
			os.RemoveAll(filepath.Dir(program))
		}
	}()
	return m.Run()
}

var (
	program string // the static binary, once built
	once    sync.Once
	unbuilt error
)

// built is the path of the static binary, which is built on the first call.
func built(t *testing.T) string {
	t.Helper()
	once.Do(func() { unbuilt = buildStead() })
	if unbuilt != nil {
		t.Fatal(unbuilt)
	}
	return program
}

func buildStead() error {
	dir, err := os.MkdirTemp("", "stead-binary-")
	if err != nil {
		return err
	}
	program = filepath.Join(dir, "stead")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", program, "./cmd/stead")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}
