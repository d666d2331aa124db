package docs

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"stead/internal/report/api"
	"stead/internal/report/reporttest"
)

const (
	drainPage   = root + "/docs/how-to/drain-before-an-upgrade.md"
	systemdPage = root + "/docs/how-to/run-under-systemd.md"
	unitFile    = root + "/deploy/systemd/stead.service"
)

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// verify has systemd read a unit, with a program that is there in place of stead,
// and returns what it says about it.
func verify(t *testing.T, unit string) (says []string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "systemd-analyze", "verify", unit).CombinedOutput()
	if err != nil {
		t.Fatalf("systemd-analyze: %v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "stead.service") {
			says = append(says, strings.TrimSpace(line))
		}
	}
	return says
}

// stand puts a program that exists in the place of stead.
func stand(text string) string { return strings.ReplaceAll(text, "/usr/bin/stead", "/bin/true") }

// What the page tells owners of an earlier systemd to do leaves a unit that it takes
// without a word, and so does the drop-in of the other page.
func TestUnitAndDropIn(t *testing.T) {
	dir := t.TempDir()
	unit := filepath.Join(dir, "stead.service")
	write(t, unit, stand(read(t, unitFile)))
	commands := blocks(t, systemdPage, "sh")
	edit := slices.IndexFunc(commands, func(c string) bool { return strings.HasPrefix(c, "sed -i ") })
	if edit < 0 {
		t.Fatalf("no sed among %q", commands)
	}
	line := strings.ReplaceAll(strings.SplitN(commands[edit], "\n", 2)[0], "/etc/systemd/system/stead.service", unit)
	if out, err := exec.CommandContext(t.Context(), "sh", "-c", line).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", line, err, out)
	}
	if says := verify(t, unit); len(says) > 0 || !strings.Contains(read(t, unit), "\nType=notify\nNotifyAccess=") {
		t.Errorf("after %s: %q", line, says)
	}
	dropIns := blocks(t, drainPage, "ini")
	if len(dropIns) != 1 {
		t.Fatalf("%d drop-ins", len(dropIns))
	}
	write(t, unit+".d/override.conf", stand(dropIns[0])+"Nonsense=yes\n")
	if says := verify(t, unit); len(says) == 0 {
		t.Error("systemd does not read the drop-in")
	}
	write(t, unit+".d/override.conf", stand(dropIns[0]))
	if says := verify(t, unit); len(says) > 0 {
		t.Errorf("with the drop-in: %q", says)
	}
}

// The scripts are where the page says, and each variable that they look at has its
// line with its default.
func TestScriptsAreDescribed(t *testing.T) {
	page := read(t, drainPage)
	var spec struct{ Templates map[string]string }
	if err := yaml.Unmarshal([]byte(strings.Join(blocks(t, drainPage, "yaml"), "")), &spec); err != nil {
		t.Fatal(err)
	}
	variable := regexp.MustCompile(`\$\{(STEAD\w*):-([^}]*)\}`)
	for _, name := range []string{"drain", "post-start"} {
		if spec.Templates[name] != "bin/"+name {
			t.Errorf("the page puts %s at %q", name, spec.Templates[name])
		}
		found := variable.FindAllStringSubmatch(read(t, root+"/deploy/bosh/"+name), -1)
		if len(found) < 3 {
			t.Errorf("%d variables in %s", len(found), name)
		}
		for _, v := range found {
			if !strings.Contains(page, "| `"+v[1]+"` | "+v[2]+" |") {
				t.Errorf("%s: the page has no line for %s with the default %s", name, v[1], v[2])
			}
		}
	}
}

// The commands and the outcome that the page shows are those of the program.
func TestDrainIsAsShown(t *testing.T) {
	dir := t.TempDir()
	stead := filepath.Join(dir, "stead")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", stead, "stead/cmd/stead").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	socket := filepath.Join(dir, "sock")
	listener, err := api.Listen(socket)
	if err != nil {
		t.Fatal(err)
	}
	writers, err := api.NewWriters(nil)
	if err != nil {
		t.Fatal(err)
	}
	daemon := reporttest.New()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- (&api.Server{Daemon: daemon, Log: daemon.Log, Writers: writers}).Serve(ctx, listener) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	command, shown := strings.TrimSpace(blocks(t, drainPage, "sh")[0]), blocks(t, drainPage, "json")
	words := strings.Fields(command)
	if words[0] != "stead" || len(shown) != 1 {
		t.Fatalf("%q, %d examples of JSON", command, len(shown))
	}
	out, err := exec.CommandContext(t.Context(), stead, append(words[1:], "--json", "--socket", socket)...).Output()
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	var got, want map[string]any
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(shown[0]), &want); err != nil {
		t.Fatal(err)
	}
	for key, value := range want {
		same, _ := json.Marshal(value)
		if is, _ := json.Marshal(got[key]); string(is) != string(same) {
			t.Errorf("%s is %s, the page shows %s", key, is, same)
		}
	}
}
