package main

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// slow are packages that measure time, go through thousands of worlds or run the
// daemon, or threads of their own, at real-time priority: the race detector would
// slow them down tenfold and spoil what they measure, and its run-time library
// waits in loops in which a thread of higher priority starves the one that it
// waits for, until the kernel ends the process.
var slow = []string{"stead/cmd/stead", "stead/internal/adapter/sched", "stead/internal/sim", "stead/internal/lab", "stead/internal/workload", "stead/test/", "stead/bench"}

// touchesKernel is what a package imports whose tests work in network
// namespaces. They run one package at a time, so as not to disturb each other's
// deadlines.
const touchesKernel = "stead/internal/testns"

// packages lists the packages that have tests, in three kinds.
func (r *run) packages() (unit, kernel, endToEnd []string) {
	format := `{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}} {{join .TestImports " "}} {{join .XTestImports " "}}{{end}}`
	output, err := exec.Command("go", "list", "-f", format, "./...").Output()
	if err != nil {
		fmt.Fprintln(os.Stderr, "go list:", err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(output)), "\n") {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0 || fields[0] == "stead/internal/tidy":
		case slices.ContainsFunc(slow, func(s string) bool { return strings.HasPrefix(fields[0]+"/", strings.TrimSuffix(s, "/")+"/") }):
			endToEnd = append(endToEnd, fields[0])
		case slices.Contains(fields[1:], touchesKernel):
			kernel = append(kernel, fields[0])
		default:
			unit = append(unit, fields[0])
		}
	}
	return unit, kernel, endToEnd
}

func (r *run) unit() tally {
	unit, _, _ := r.packages()
	return r.tested(unit, "-count=1", "-timeout=10m")
}

func (r *run) kernel() tally {
	_, kernel, _ := r.packages()
	return r.tested(kernel, "-count=1", "-timeout=10m", "-p=1")
}

func (r *run) endToEnd() tally {
	_, _, endToEnd := r.packages()
	if len(endToEnd) == 0 {
		return one(false)
	}
	return r.goTest(append([]string{"-count=1", "-timeout=15m", "-p=1", "-skip=^TestPlanted"}, endToEnd...)...)
}

// mutants shows that the simulator's checkers find each bug that is planted for them.
func (r *run) mutants() tally {
	total := r.goTest("-count=1", "-timeout=25m", "-run=^TestPlanted", "./internal/sim")
	if total.passed == 0 {
		total.failed++
	}
	return total
}

// tested runs packages under the race detector, or without it where there is no
// C compiler; the missing package is named at the end.
func (r *run) tested(packages []string, flags ...string) tally {
	if len(packages) == 0 {
		return one(false)
	}
	if _, err := exec.LookPath("gcc"); err == nil {
		flags = append(flags, "-race")
	}
	return r.goTest(append(flags, packages...)...)
}

// fuzzTries is how often a target is fuzzed that only its own deadline has ended.
const fuzzTries = 3

// fuzzAll runs each fuzz target for a while: a finding is a failed test.
func (r *run) fuzzAll() (total tally) {
	for _, target := range fuzzTargets() {
		total.add(one(r.fuzzOne(target)))
	}
	return total
}

// fuzzOne runs a fuzz target. Now and then the go tool takes the end of the time
// that it was given for a failure of the target; then it is run again.
func (r *run) fuzzOne(t target) bool {
	for try := 1; ; try++ {
		output, err := r.command(nil, "go", "test", "-run=^$", "-fuzz=^"+t.name+"$", "-fuzztime="+r.fuzz.String(), "-parallel=2", t.pkg).CombinedOutput()
		if err == nil {
			return true
		}
		if try == fuzzTries || !onlyItsDeadline(string(output)) {
			fmt.Fprintf(r.out, "%s%s %s: %v\n", output, t.pkg, t.name, err)
			return false
		}
	}
}

// onlyItsDeadline tells whether what a failed run of a fuzz target says is that
// its time is over and nothing else: no input, no message of the target.
func onlyItsDeadline(output string) bool {
	said := false
	for _, line := range strings.Split(strings.TrimSpace(output), "\n") {
		line = strings.TrimSpace(line)
		switch {
		case line == "context deadline exceeded":
			said = true
		case strings.HasPrefix(line, "fuzz: "), strings.HasPrefix(line, "--- FAIL: Fuzz"), strings.HasPrefix(line, "FAIL"), strings.HasPrefix(line, "exit status"), line == "":
		default:
			return false
		}
	}
	return said
}

type target struct{ pkg, name string }

// fuzzTargets lists the functions named FuzzX, by package.
func fuzzTargets() (targets []target) {
	output, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{.Dir}} {{join .TestGoFiles " "}} {{join .XTestGoFiles " "}}`, "./...").Output()
	if err != nil {
		fmt.Fprintln(os.Stderr, "go list:", err)
	}
	for _, line := range strings.Split(string(output), "\n") {
		fields := strings.Fields(line)
		for i := 2; i < len(fields); i++ {
			source, err := os.ReadFile(fields[1] + "/" + fields[i])
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
			for _, code := range strings.Split(string(source), "\n") {
				if name, ok := strings.CutPrefix(code, "func Fuzz"); ok {
					name, _, _ = strings.Cut(name, "(")
					targets = append(targets, target{fields[0], "Fuzz" + name})
				}
			}
		}
	}
	return targets
}
