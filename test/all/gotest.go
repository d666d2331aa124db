package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// event is one line of `go test -json` (see go doc test2json).
type event struct {
	Action      string
	Package     string
	ImportPath  string // of build output
	Test        string
	Elapsed     float64
	Output      string
	FailedBuild string
}

// needs is how a test says what it lacks.
var needs = regexp.MustCompile(`needs ([^:\n]+)`)

// reader counts the tests in a stream of events and prints the output of those
// that failed.
type reader struct {
	out    io.Writer
	total  tally
	output map[string][]string // by package and test, until its verdict
	failed map[string]int      // tests, by package
}

// count reads the stream to its end. Every line that is no event is passed on.
func count(in io.Reader, out io.Writer) tally {
	r := &reader{out: out, output: map[string][]string{}, failed: map[string]int{}}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil || e.Action == "" {
			fmt.Fprintln(out, lines.Text())
			continue
		}
		r.take(e)
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(out, "reading test results:", err)
		r.total.failed++
	}
	return r.total
}

func (r *reader) take(e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "output":
		r.output[key] = append(r.output[key], e.Output)
		return
	case "build-output":
		r.output[e.ImportPath] = append(r.output[e.ImportPath], e.Output)
		return
	case "pass":
		if e.Test != "" {
			r.total.passed++
		}
	case "skip":
		if e.Test != "" {
			r.skip(key)
		}
	case "fail":
		r.fail(e, key)
	default:
		return
	}
	delete(r.output, key)
}

// skip notes what the test said it needs. A package without tests is no skip.
func (r *reader) skip(key string) {
	r.total.skipped++
	if match := needs.FindStringSubmatch(strings.Join(r.output[key], "")); match != nil {
		r.total.add(tally{lacking: []string{match[1]}})
	}
}

// fail prints what led to it. A package that failed with none of its tests (it
// did not build, it panicked, it ran out of time) counts as one.
func (r *reader) fail(e event, key string) {
	if e.Test == "" && r.failed[e.Package] > 0 {
		return
	}
	r.failed[e.Package]++
	r.total.failed++
	for _, line := range r.output[e.FailedBuild] {
		fmt.Fprint(r.out, "    ", line)
	}
	for _, line := range r.output[key] {
		fmt.Fprint(r.out, "    ", line)
	}
	fmt.Fprintf(r.out, "FAIL %s %s\n", e.Package, e.Test)
}
