package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"go.yaml.in/yaml/v4"

	"stead/internal/report"
	"stead/internal/testns"
)

const deploy = "../../deploy"

// script is a script of deploy/bosh, as the agent of BOSH would run it on the host.
func (h *host) script(t testing.TB, name string, env ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, filepath.Join(deploy, "bosh", name))
	cmd.Env = append(os.Environ(), "STEAD="+testns.Stead(), "STEAD_CONFIG="+h.file(t), "STEAD_LOGS="+h.trial.dir)
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

// runs is what a script prints on standard output, and its exit code.
func runs(t testing.TB, cmd *exec.Cmd) (string, int) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	t.Logf("%s: %q, standard error %q", filepath.Base(cmd.Path), out.String(), errs.String())
	return out.String(), exitCode(t, err)
}

// BOSH drains an instance, stops it, starts it and goes on to the next. What it is
// told is one integer, or that the script failed.
func TestBOSH(t *testing.T) {
	tr := newTrial(t, conf{})
	tr.start(t)
	drained := func(what string, h *host, env ...string) {
		t.Helper()
		if out, code := runs(t, h.script(t, "drain", env...)); out != "0\n" || code != 0 {
			t.Errorf("%s: exit code %d with %q, want 0 with a 0", what, code, out)
		}
	}
	drained("the active one", tr.primary)
	tr.secondary.becomes(t, "web", report.RoleActive)
	if g := tr.primary.status(t).Group("web"); g.Role != report.RoleStandby || g.ActiveNode != "secondary" {
		t.Errorf("after the script: %+v", g)
	}
	drained("the same again", tr.primary)

	tr.secondary.knowsUnready(t, tr.primary, "web")
	if out, code := runs(t, tr.secondary.script(t, "drain")); out != "" || code != 1 {
		t.Errorf("the last one: exit code %d with %q, want 1 with nothing", code, out)
	}
	drained("the last one, where that is allowed", tr.secondary, "STEAD_DRAIN_LAST=allow")
	if log, err := os.ReadFile(filepath.Join(tr.dir, "drain.log")); err != nil || strings.Count(string(log), "\n") < 4 {
		t.Errorf("drain.log: %v\n%s", err, log)
	}

	tr.primary.signal(t, syscall.SIGTERM, false)
	tr.primary.ends(t, stopWithin)
	drained("one that does not run", tr.primary)
	if out, code := runs(t, tr.primary.script(t, "post-start", "STEAD_START_TRIES=2")); code != exitUnreachable || !strings.Contains(out, "is stead running") {
		t.Errorf("post-start without a daemon: exit code %d with %q", code, out)
	}

	// Monit does not wait for the daemon before the script runs.
	post := tr.primary.script(t, "post-start")
	if err := post.Start(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(tr.dir, tr.primary.name+".yaml") // as it is: the script reads it at the same time
	tr.primary.begin(t, exec.Command(testns.Stead(), "run", "-c", file, "--node", tr.primary.name))
	tr.primary.answers(t)
	if err := post.Wait(); err != nil {
		t.Errorf("post-start: %v", err)
	}
	if s := tr.primary.status(t); s.Draining || !s.Group("web").Ready {
		t.Errorf("after post-start: %+v", s.Group("web"))
	}
	tr.settled(t, tr.secondary)
}

// task is what of a task of Ansible the test does itself.
type task struct {
	Name    string
	Command *struct{ Argv []string } `yaml:"ansible.builtin.command"`
	Package map[string]any           `yaml:"ansible.builtin.package"`
	Systemd *struct{ State string }  `yaml:"ansible.builtin.systemd"`
}

// The play's commands, one after the other on one node after the other, upgrade a
// pair while one of them serves.
func TestAnsible(t *testing.T) {
	var plays []struct {
		Serial int
		Vars   map[string]string
		Tasks  []task
	}
	text, err := os.ReadFile(filepath.Join(deploy, "ansible", "upgrade.yml"))
	if err == nil {
		err = yaml.Unmarshal(text, &plays)
	}
	if err != nil || len(plays) != 1 || plays[0].Serial != 1 {
		t.Fatalf("%v: %+v", err, plays)
	}
	tr := newTrial(t, conf{})
	tr.start(t)
	for _, h := range []*host{tr.secondary, tr.primary} {
		values := []string{}
		for name, value := range plays[0].Vars {
			switch name {
			case "stead_bin":
				value = testns.Stead()
			case "stead_config":
				value = h.file(t)
			}
			values = append(values, "{{ "+name+" }}", value)
		}
		of := strings.NewReplacer(values...)
		commands, restarts := 0, 0
		for _, task := range plays[0].Tasks {
			switch {
			case task.Command != nil:
				commands++
				h.plays(t, task.Name, of, task.Command.Argv)
			case task.Systemd != nil && task.Systemd.State == "restarted":
				restarts++
				h.signal(t, syscall.SIGTERM, false)
				h.ends(t, stopWithin)
				h.start(t)
			case task.Package == nil:
				t.Errorf("%s: the test does not know what this is", task.Name)
			}
		}
		if commands != 3 || restarts != 1 {
			t.Errorf("%d commands and %d restarts", commands, restarts)
		}
		if s := h.status(t); s.Draining || !s.Group("web").Ready {
			t.Errorf("%s after its upgrade: %+v", h.name, s.Group("web"))
		}
	}
	tr.settled(t, tr.secondary)
}

// plays runs a command of the play, which prints JSON where it says so.
func (h *host) plays(t testing.TB, name string, of *strings.Replacer, argv []string) {
	t.Helper()
	var words []string
	for _, arg := range argv {
		words = append(words, of.Replace(arg))
	}
	var failed string
	// As the play does it: who became ready a moment ago may not be known yet.
	testns.Eventually(t, patience, name, func() bool {
		out, err := exec.CommandContext(t.Context(), words[0], words[1:]...).Output()
		code := exitCode(t, err)
		switch {
		case code == exitRefused:
			return false
		case code != 0:
			failed = string(out) + err.Error()
		case slices.Contains(words, "--json") && !json.Valid(out):
			failed = "no JSON: " + string(out)
		}
		return true
	})
	if failed != "" {
		t.Fatalf("%s: %v: %s", name, words, failed)
	}
}

// systemd takes the unit as it is: nothing in it is misspelled or unknown, but for
// the type that older ones do not know, for which there is another.
func TestUnit(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(deploy, "systemd", "stead.service"))
	if err != nil {
		t.Fatal(err)
	}
	unit := filepath.Join(t.TempDir(), "stead.service")
	writeFile(t, unit, strings.ReplaceAll(string(text), "/usr/bin/stead", testns.Stead()), 0o644)
	out, err := exec.CommandContext(t.Context(), "systemd-analyze", "verify", unit).CombinedOutput()
	if err != nil {
		t.Fatalf("systemd-analyze: %v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "stead.service") && !strings.Contains(line, "ignoring: notify-reload") {
			t.Error(line)
		}
	}
}
