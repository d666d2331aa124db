package main

import (
	"slices"
	"strings"
	"testing"
)

// TestCount shows that nothing that went wrong is counted as passed.
func TestCount(t *testing.T) {
	cases := []struct {
		name, stream string
		want         tally
		shown        string
	}{
		{"passed", `{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p"}`, tally{passed: 1}, ""},
		{"failed", `{"Action":"output","Package":"p","Test":"TestA","Output":"a.go:1: no\n"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"fail","Package":"p"}`, tally{failed: 1}, "a.go:1: no\nFAIL p TestA"},
		{"skipped", `{"Action":"output","Package":"p","Test":"TestA","Output":"a.go:1: skipped: needs CAP_BPF: operation not permitted\n"}
{"Action":"skip","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p"}`, tally{skipped: 1, lacking: []string{"CAP_BPF"}}, ""},
		{"no tests in the package", `{"Action":"skip","Package":"p"}`, tally{}, ""},
		{"did not build", `{"ImportPath":"p","Action":"build-output","Output":"p/a.go:3: undefined: x\n"}
{"ImportPath":"p","Action":"build-fail"}
{"Action":"fail","Package":"p","FailedBuild":"p"}`, tally{failed: 1}, "undefined: x"},
		{"panicked after a test passed", `{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Output":"panic: no\n"}
{"Action":"fail","Package":"p"}`, tally{passed: 1, failed: 1}, "panic: no"},
		{"not an event", "go: no such module", tally{}, "no such module"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var shown strings.Builder
			got := count(strings.NewReader(c.stream), &shown)
			if got.passed != c.want.passed || got.failed != c.want.failed || got.skipped != c.want.skipped || !slices.Equal(got.lacking, c.want.lacking) {
				t.Errorf("counted %+v, want %+v", got, c.want)
			}
			if !strings.Contains(strings.ReplaceAll(shown.String(), "    ", ""), c.shown) {
				t.Errorf("shown %q, want %q in it", shown.String(), c.shown)
			}
		})
	}
}
