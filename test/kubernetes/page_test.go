package kubernetes

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const page = "docs/how-to/hold-a-workload-in-kubernetes.md"

// What the page does with Helm works, in the order of the page, on a real API
// server. What it does with kubectl and with containers is not run here: there is
// no kubelet.
func TestPage(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, page))
	if err != nil {
		t.Fatal(err)
	}
	work := t.TempDir()
	if err := os.CopyFS(filepath.Join(work, "deploy"), os.DirFS(filepath.Join(root, "deploy"))); err != nil {
		t.Fatal(err)
	}
	var ran []string
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "helm ") {
			continue
		}
		words := strings.Fields(line)
		cmd := exec.CommandContext(t.Context(), filepath.Join(bin, "helm"), words[1:]...)
		cmd.Dir = work
		cmd.Env = append(os.Environ(), "HOME="+work, "KUBECONFIG=/dev/null",
			"HELM_KUBEAPISERVER="+server.url, "HELM_KUBETOKEN="+server.admin, "HELM_KUBECAFILE="+server.ca)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s%v\n%s", line, err, out)
		}
		ran = append(ran, words[1])
	}
	if want := "upgrade upgrade upgrade dependency template uninstall"; strings.Join(ran, " ") != want {
		t.Errorf("ran %q, want %q", strings.Join(ran, " "), want)
	}
	var hub struct {
		Items []struct{ Metadata struct{ Name string } }
	}
	server.do(t, "GET", "/api/v1/namespaces/stead/secrets", nil, &hub)
	var names []string
	for _, s := range hub.Items {
		names = append(names, s.Metadata.Name)
	}
	for _, want := range []string{"hub-stead-gate-east", "hub-stead-gate-west"} {
		if !strings.Contains(strings.Join(names, " "), want) {
			t.Errorf("the hub has the secrets %q, not %s, which the page reads", names, want)
		}
	}
	var roles struct{ Items []any }
	server.do(t, "GET", "/apis/rbac.authorization.k8s.io/v1/namespaces/stead/roles", nil, &roles)
	if len(roles.Items) != 1 {
		t.Errorf("the hub has %d roles", len(roles.Items))
	}
}
