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
	"path/filepath"
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
	if server, err = start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer server.stop()
	return m.Run()
}
