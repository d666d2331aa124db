package main

import "testing"

func TestOnlyAFinishedDeadlineIsNoFinding(t *testing.T) {
	for _, c := range []struct {
		what, output string
		want         bool
	}{
		{"the time was over", "fuzz: elapsed: 3s, execs: 90608 (0/sec), new interesting: 0 (total: 93)\n--- FAIL: FuzzResult (3.05s)\n    context deadline exceeded\nFAIL\nexit status 1\nFAIL\tstead/internal/core/health\t3.1s\n", true},
		{"an input was found", "fuzz: elapsed: 0s\n--- FAIL: FuzzResult (0.05s)\n    --- FAIL: FuzzResult (0.00s)\n        x_test.go:5: wrong\n    \n    Failing input written to testdata/fuzz/FuzzResult/1\nFAIL\n", false},
		{"a target says so itself", "--- FAIL: FuzzResult (0.05s)\n    x_test.go:5: context deadline exceeded\nFAIL\n", false},
		{"it does not compile", "# stead/internal/core\nx.go:1:1: expected 'package'\nFAIL\tstead/internal/core [build failed]\n", false},
		{"nothing was said", "FAIL\n", false},
	} {
		if got := onlyItsDeadline(c.output); got != c.want {
			t.Errorf("%s: got %v", c.what, got)
		}
	}
}
