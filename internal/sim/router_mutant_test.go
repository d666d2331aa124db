package sim

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// sourceBug is a bug planted in the source of a machine, which is compiled with it
// in place of the sound one.
type sourceBug struct {
	name     string
	file     string
	old, new string
	checks   []string // one of these has to find it
}

// routerBugs are the planted bugs. Each replaces one place of a file.
var routerBugs = []sourceBug{
	{name: "the skew is cut to whole centiseconds", file: "timers.go", checks: []string{checkOrder},
		old: "return skewTime(r.priority, r.backup.interval)",
		new: "return skewTime(r.priority, r.backup.interval).Truncate(10 * time.Millisecond)"},
	{name: "equal priorities are not told apart", file: "receive.go", checks: []string{checkOneHolder},
		old: "\tequal := int(h.priority) == r.priority\n", new: "\tequal := int(h.priority) == r.priority\n\tif equal {\n\t\treturn\n\t}\n"},
	{name: "priority 0 is obeyed without skew", file: "receive.go", checks: []string{checkOrder},
		old: "at := now.Add(r.skew())", new: "at := now"},
	{name: "the interval of the Active Router is not adopted", file: "receive.go", checks: []string{checkCalm, checkOneHolder},
		old: "r.backup.interval = h.interval", new: "_ = h.interval"},
	{name: "a lower priority is not answered", file: "receive.go", checks: []string{checkOneHolder},
		old: "\tr.advertise(now)\n\tr.adverAt = regular\n", new: "\tr.adverAt = regular\n"},
	{name: "who gives way does not say so", file: "receive.go", checks: []string{checkClients},
		old: "\tr.yieldTo(now, h, why)\n\tr.send(now, uint8(r.priority))\n", new: "\tr.yieldTo(now, h, why)\n"},
	{name: "the slot stays open for too long", file: "timers.go", checks: []string{checkLate},
		old: "r.until = now.Add(r.lease())", new: "r.until = now.Add(2 * r.lease())"},
}

// routerMutantSeeds is within how many worlds every planted bug has to be found.
const routerMutantSeeds = "100"

var violations = regexp.MustCompile(`seed \d+: ([a-z-]+) at `)

// TestPlantedRouterBugsAreCaught plants each bug in turn. Sound routers pass the
// same worlds: TestRandomRouterWorlds.
func TestPlantedRouterBugsAreCaught(t *testing.T) {
	plantEach(t, routerBugs, "vrrp", "TestRandomRouterWorlds", routerMutantSeeds)
}

// plantEach plants each bug in a package of the core, and runs a test of worlds.
func plantEach(t *testing.T, bugs []sourceBug, folder, worlds, seeds string) {
	for i := range bugs {
		bug := &bugs[i]
		t.Run(bug.name, func(t *testing.T) {
			out := bug.run(t, folder, worlds, seeds)
			for _, found := range violations.FindAllStringSubmatch(out, -1) {
				for _, check := range bug.checks {
					if found[1] == check {
						t.Log(found[0])
						return
					}
				}
			}
			t.Errorf("no checker of %v has found it in %s worlds:\n%s", bug.checks, seeds, out)
		})
	}
}

// run runs the worlds with the bug and returns what is said of them.
func (b *sourceBug) run(t *testing.T, folder, worlds, seeds string) string {
	path, err := filepath.Abs(filepath.Join("../core", folder, b.file))
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), b.old); n != 1 {
		t.Fatalf("%s has %d places like %q: the bug cannot be planted", b.file, n, b.old)
	}
	dir := t.TempDir()
	mutant := filepath.Join(dir, b.file)
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {path: mutant}})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{mutant: strings.Replace(string(source), b.old, b.new, 1), filepath.Join(dir, "overlay.json"): string(overlay)} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-timeout=5m", "-overlay", filepath.Join(dir, "overlay.json"), "-run", "^"+worlds+"$", ".")
	cmd.Env = append(os.Environ(), "SEEDS="+seeds)
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Fatalf("all worlds pass:\n%s", out)
	}
	return string(out)
}
