// Command all runs everything that shows whether this project works: the checks
// of its form, the tests, the simulator, the fuzzers for a short while and the
// lab. It prints a line for each step and ends with the number of tests that
// passed and failed, counted from what the tests themselves report.
//
//	go run ./test/all              # everything
//	go run ./test/all vet tidy     # these steps only
//	go run ./test/all -list        # the steps
//
// As root nothing may be skipped: a skipped test is a failed run. Without root,
// what needs privileges is skipped, the run says in one line what it could not
// show, and fails for that reason alone if nothing else failed.
package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// results is the file that is left for whoever wants the counts alone.
const results = "bin/test-result"

func main() {
	list := flag.Bool("list", false, "print the steps and exit")
	seeds := flag.Int("seeds", 2000, "how many worlds the simulator goes through")
	fuzz := flag.Duration("fuzz", 3*time.Second, "how long each fuzz target runs")
	flag.Parse()
	if *list {
		for _, s := range steps {
			fmt.Printf("%-12s %s\n", s.name, s.what)
		}
		return
	}
	r := &run{out: os.Stdout, root: os.Geteuid() == 0, seeds: *seeds, fuzz: *fuzz}
	os.Exit(r.all(flag.Args()))
}

// step is one kind of proof. do reports what it found to the run.
type step struct {
	name, what string
	do         func(*run) tally
}

var steps = []step{
	{"format", "gofmt has nothing to change", (*run).format},
	{"vet", "go vet", (*run).vet},
	{"build", "the binary is static and builds for another architecture", (*run).build},
	{"staticcheck", "staticcheck", (*run).staticcheck},
	{"tidy", "the rules of the house", (*run).tidy},
	{"unit", "tests with the race detector", (*run).unit},
	{"kernel", "tests that touch the kernel, one package at a time", (*run).kernel},
	{"e2e", "the simulator's, the lab's and the end-to-end tests", (*run).endToEnd},
	{"sim", "random worlds in the simulator", (*run).simulate},
	{"fuzz", "every fuzz target for a short while", (*run).fuzzAll},
	{"lab", "every fault of the lab once", (*run).lab},
	{"mutants", "every planted bug is caught", (*run).mutants},
}

// all runs the named steps, or every one, and returns the exit code.
func (r *run) all(names []string) int {
	for _, name := range names {
		if !slices.ContainsFunc(steps, func(s step) bool { return s.name == name }) {
			fmt.Fprintf(os.Stderr, "all: no step %q; -list shows them\n", name)
			return 2
		}
	}
	var total tally
	for _, s := range steps {
		if len(names) > 0 && !slices.Contains(names, s.name) {
			continue
		}
		start := time.Now()
		got := s.do(r)
		total.add(got)
		fmt.Fprintf(r.out, "%-12s %s (%.0fs)\n", s.name, got, time.Since(start).Seconds())
	}
	return r.conclude(total)
}

func (r *run) conclude(total tally) int {
	summary := fmt.Sprintf("%d passed, %d failed", total.passed, total.failed)
	code := 0
	if missing := r.missing(total); missing != "" {
		fmt.Fprintln(r.out, missing)
		code = 1
	}
	if total.failed > 0 || total.passed == 0 {
		code = 1
	}
	if err := os.WriteFile(results, []byte(summary+"\n"), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, "all:", err)
		code = 1
	}
	fmt.Fprintln(r.out, summary)
	return code
}

// missing says in one line what this run could not show, and why.
func (r *run) missing(total tally) string {
	var why []string
	if total.skipped > 0 {
		lacking := strings.Join(total.lacking, ", ")
		if lacking == "" {
			lacking = "something they do not name"
		}
		why = append(why, fmt.Sprintf("%d tests need %s", total.skipped, lacking))
	}
	if packages := missingPackages(); packages != "" {
		why = append(why, "packages are missing: "+packages)
	}
	if len(why) == 0 {
		return ""
	}
	line := "not shown: " + strings.Join(why, "; ")
	if !r.root {
		line += " (run it as root)"
	}
	return line
}
