package main

import (
	"fmt"
	"slices"
)

// tally counts tests.
type tally struct {
	passed, failed, skipped int
	lacking                 []string // what the skipped ones said they need, each once
}

func (t *tally) add(other tally) {
	t.passed += other.passed
	t.failed += other.failed
	t.skipped += other.skipped
	for _, need := range other.lacking {
		if !slices.Contains(t.lacking, need) {
			t.lacking = append(t.lacking, need)
		}
	}
}

func (t tally) String() string {
	text := fmt.Sprintf("%d passed, %d failed", t.passed, t.failed)
	if t.skipped > 0 {
		text += fmt.Sprintf(", %d SKIPPED", t.skipped)
	}
	return text
}

// one is the tally of a step that is a single proof.
func one(ok bool) tally {
	if ok {
		return tally{passed: 1}
	}
	return tally{failed: 1}
}
