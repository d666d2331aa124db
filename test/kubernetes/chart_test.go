package kubernetes

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// kube are the versions of Kubernetes that the charts are rendered for: the oldest
// that the chart takes, and that of the API server here.
var kube = []string{"1.29.0", "1.36.0"}

const chart = "deploy/kubernetes/chart/stead-gate"

func helm(t *testing.T, args ...string) (out string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(bin, "helm"), args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "HELM_CACHE_HOME="+t.TempDir(), "HELM_CONFIG_HOME="+t.TempDir(), "HELM_DATA_HOME="+t.TempDir())
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", errors.New(strings.TrimSpace(stdout.String() + stderr.String()))
	}
	return stdout.String(), nil
}

// examples are the files of values that the project ships.
func examples(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "deploy/kubernetes/examples/values/*.yaml"))
	if err != nil || len(files) < 5 {
		t.Fatalf("examples of values: %v, %v", files, err)
	}
	return files
}

// rendered is what a chart makes of values, object by object.
func rendered(t *testing.T, namespace, path string, args ...string) []object {
	t.Helper()
	out, err := helm(t, append([]string{"template", "trial", path, "--namespace", namespace}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	var objects []object
	for documents := yaml.NewDecoder(strings.NewReader(out)); ; {
		var o object
		if err := documents.Decode(&o); errors.Is(err, io.EOF) {
			return objects
		} else if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if o != nil {
			objects = append(objects, o)
		}
	}
}

// worker is the example of a workload with the chart that it depends on.
func worker(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(root, "deploy/kubernetes"))); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "examples/queue-worker")
	if out, err := helm(t, "dependency", "build", path); err != nil {
		t.Fatal(out, err)
	}
	return path
}

// under puts a file of values of the chart under the key of a dependency.
func under(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var values any
	if err := yaml.Unmarshal(text, &values); err != nil {
		t.Fatal(err)
	}
	if text, err = yaml.Marshal(object{"stead-gate": values}); err != nil {
		t.Fatal(err)
	}
	nested := filepath.Join(t.TempDir(), "values.yaml")
	if err := os.WriteFile(nested, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return nested
}

// plurals are the paths of the kinds that the charts have.
var plurals = map[string]string{
	"Deployment": "/apis/apps/v1/namespaces/NS/deployments",
	"Pod":        "/api/v1/namespaces/NS/pods",
	"Secret":     "/api/v1/namespaces/NS/secrets", "ServiceAccount": "/api/v1/namespaces/NS/serviceaccounts",
	"Role": "/apis/rbac.authorization.k8s.io/v1/namespaces/NS/roles", "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/namespaces/NS/rolebindings",
}

// accepted has the API server validate an object as if it were applied, and a pod
// as if it were created: a field that it does not know is an error. It returns the
// object as it would be kept.
func accepted(t *testing.T, namespace string, o object) object {
	t.Helper()
	kind, _ := o["kind"].(string)
	path, ok := plurals[kind]
	if !ok {
		t.Fatalf("kind %q: its path is not known here", kind)
	}
	body, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	path = strings.Replace(path, "NS", namespace, 1)
	method, format := http.MethodPost, "application/json"
	if name, ok := at(o, "metadata", "name").(string); ok {
		method, format, path = http.MethodPatch, "application/apply-patch+yaml", path+"/"+name
	}
	code, said, err := server.ask(context.Background(), method, path+"?dryRun=All&fieldValidation=Strict&fieldManager=trial", format, body)
	if err != nil || code != http.StatusCreated && code != http.StatusOK {
		t.Fatalf("%s: %d, %v: %s\n%s", kind, code, err, said, body)
	}
	var kept object
	if err := json.Unmarshal(said, &kept); err != nil {
		t.Fatal(err)
	}
	return kept
}

// at goes down into an object: words are keys, numbers are places in lists.
func at(o any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := o.(object)
			o = m[step]
		case int:
			l, _ := o.([]any)
			if step >= len(l) {
				return nil
			}
			o = l[step]
		}
	}
	return o
}

// pods are the pods of the deployments among objects, as objects of their own.
func pods(objects []object) (found []object) {
	for _, o := range objects {
		if o["kind"] == "Deployment" {
			found = append(found, object{
				"apiVersion": "v1", "kind": "Pod",
				"metadata": object{"generateName": "trial-", "labels": at(o, "spec", "template", "metadata", "labels")},
				"spec":     at(o, "spec", "template", "spec"),
			})
		}
	}
	return found
}

// Every example of values is a chart without a complaint, whose objects the API
// server takes with strict validation.
func TestChart(t *testing.T) {
	for _, values := range examples(t) {
		t.Run(strings.TrimSuffix(filepath.Base(values), ".yaml"), func(t *testing.T) {
			if out, err := helm(t, "lint", "--strict", "--kube-version", kube[1], chart, "--values", values); err != nil {
				t.Fatal(out, err)
			}
			namespace := server.restricted(t)
			for _, version := range kube {
				objects := rendered(t, namespace, chart, "--kube-version", version, "--values", values)
				if len(objects) < 2 {
					t.Fatalf("%d objects", len(objects))
				}
				for _, o := range objects {
					accepted(t, namespace, o)
				}
			}
		})
	}
}

// restricted is a namespace whose pods have to keep to the strictest of the Pod
// Security Standards, with the account that pods of the charts name.
func (c *cluster) restricted(t *testing.T) string {
	t.Helper()
	namespace := c.namespace(t)
	body := []byte(`{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":"restricted"}}}`)
	if code, said, err := c.ask(t.Context(), http.MethodPatch, "/api/v1/namespaces/"+namespace, "application/merge-patch+json", body); err != nil || code != http.StatusOK {
		t.Fatalf("%d, %v: %s", code, err, said)
	}
	for _, name := range []string{"trial-stead-gate"} {
		c.do(t, http.MethodPost, "/api/v1/namespaces/"+namespace+"/serviceaccounts", object{"metadata": object{"name": name}}, nil)
	}
	return namespace
}

// The pods of the beat and of the example in its three forms are admitted where the
// Pod Security Standard "restricted" is enforced. A volume of NFS in a pod is not in
// that standard, so that example needs a claim there.
func TestPodsAreRestricted(t *testing.T) {
	path := worker(t)
	for _, values := range examples(t) {
		name := strings.TrimSuffix(filepath.Base(values), ".yaml")
		if name == "lease-hub" || name == "share-nfs" {
			continue
		}
		namespace := server.restricted(t)
		for _, form := range []string{"exec", "sidecar", "init"} {
			t.Run(name+" "+form, func(t *testing.T) {
				objects := rendered(t, namespace, path, "--set", "form="+form, "--values", under(t, values))
				found := pods(objects)
				if len(found) != 2 {
					t.Fatalf("%d pods, not those of the beat and the worker", len(found))
				}
				for _, o := range objects {
					accepted(t, namespace, o)
				}
				for _, pod := range found {
					accepted(t, namespace, pod)
				}
			})
		}
	}
}

// A sidecar that is up to be one is kept as one by the API server.
func TestSidecarIsNative(t *testing.T) {
	namespace := server.restricted(t)
	objects := rendered(t, namespace, worker(t), "--set", "form=sidecar", "--values", under(t, examples(t)[0]))
	for _, pod := range pods(objects) {
		if kept := accepted(t, namespace, pod); at(kept, "spec", "initContainers", 0) != nil {
			if at(kept, "spec", "initContainers", 0, "restartPolicy") != "Always" || at(kept, "spec", "shareProcessNamespace") != true {
				t.Errorf("kept as %v", at(kept, "spec", "initContainers", 0))
			}
			return
		}
	}
	t.Error("no pod has an init container")
}

// What cannot work is refused by the chart, with advice.
func TestChartRefuses(t *testing.T) {
	good := []string{"--kube-version", kube[1], "--set", "site=east,other=west,store.share.volume.persistentVolumeClaim.claimName=beat"}
	if _, err := helm(t, append([]string{"template", "trial", chart}, good...)...); err != nil {
		t.Fatalf("what has to work does not: %v", err)
	}
	for _, test := range []struct{ set, says string }{
		{"site=", "site: the name of this site is missing"},
		{"store.version=cloud", "version"},
		{"store.share.volume=null", "store.share.volume: the volume is missing"},
		{"timing.flatline=10", "flatline"},
		{"site=a b", "site"},
		{"metrics.port=80", "port"},
		{"stor.version=lease", "stor"},
		{"format=xml", "format"},
	} {
		_, err := helm(t, slices.Concat([]string{"template", "trial", chart}, good, []string{"--set", test.set})...)
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v; want %q in it", test.set, err, test.says)
		}
	}
	path := worker(t)
	for _, test := range []struct{ set, says string }{
		{"stead-gate.other=east", `other: "east" is this site itself`},
		{"stead-gate.gate.beat=true", "gate.beat: the heartbeat has a Deployment"},
		{"form=initial", `form: "initial" is not exec`},
	} {
		_, err := helm(t, "template", "trial", path, "--set", "stead-gate.site=east,stead-gate.other=west,stead-gate.store.version=lease", "--set", test.set)
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v; want %q in it", test.set, err, test.says)
		}
	}
}

// containers are those of a pod, with the init containers.
func containers(pod object) (found []object) {
	for _, list := range []string{"initContainers", "containers"} {
		all, _ := at(pod, "spec", list).([]any)
		for _, c := range all {
			found = append(found, c.(object))
		}
	}
	return found
}

// command is what a container runs, from the verb of stead on; nil where it is not stead.
func command(container object) []string {
	var words []string
	for _, key := range []string{"command", "args"} {
		list, _ := container[key].([]any)
		for _, w := range list {
			words = append(words, w.(string))
		}
	}
	switch {
	case len(words) > 0 && words[0] == "/stead/stead":
		return words[1:]
	case strings.HasPrefix(container["image"].(string), "stead:"):
		return words
	}
	return nil
}

// stead runs the binary.
func stead(t *testing.T, args ...string) (string, error) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), built(t), args...).CombinedOutput()
	return string(out), err
}

var flag = regexp.MustCompile(`^--([a-z-]+)`)

// Every command line that the charts write is one that the binary takes: each flag
// is in the help of its verb, and `stead gate check` accepts what a gate is told.
func TestCommandLines(t *testing.T) {
	path, seen := worker(t), map[string]int{}
	for _, values := range examples(t) {
		if filepath.Base(values) == "lease-hub.yaml" {
			continue
		}
		for _, form := range []string{"exec", "sidecar", "init"} {
			for _, beat := range []string{"beat.enabled=true", "beat.enabled=false,stead-gate.gate.beat=true"} {
				for _, pod := range pods(rendered(t, "prod", path, "--set", "form="+form+",stead-gate."+beat, "--values", under(t, values))) {
					for _, container := range containers(pod) {
						if words := command(container); words != nil {
							seen[words[0]]++
							takes(t, words)
						}
					}
				}
			}
		}
	}
	if seen["gate"] == 0 || seen["beat"] == 0 || seen["copy"] == 0 {
		t.Errorf("commands seen: %v", seen)
	}
}

func takes(t *testing.T, words []string) {
	t.Helper()
	help, err := stead(t, words[0], "--help")
	if err != nil {
		t.Fatalf("%s --help: %v: %s", words[0], err, help)
	}
	for _, word := range words[1:] {
		if word == "--" {
			break
		}
		if name := flag.FindStringSubmatch(word); name != nil && !strings.Contains(help, "--"+name[1]+" ") {
			t.Errorf("stead %s has no flag --%s", words[0], name[1])
		}
	}
	if words[0] != "gate" {
		return
	}
	if said, err := stead(t, append([]string{"gate", "check"}, words[1:]...)...); err != nil {
		t.Errorf("%q: %v: %s", words, err, said)
	}
}

// The program that the init container copies is the program.
func TestCopy(t *testing.T) {
	file := filepath.Join(t.TempDir(), "stead")
	if said, err := stead(t, "copy", file); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	want, err := os.ReadFile(built(t))
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, %v; want %d", len(got), err, len(want))
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if said, err := stead(t, "copy", filepath.Join(file, "stead")); err == nil || !strings.Contains(said, "copy to ") {
		t.Errorf("into no directory: %v: %s", err, said)
	}
}
