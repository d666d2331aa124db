package main

import (
	"strings"
	"testing"
	"time"
)

func TestQuantile(t *testing.T) {
	values := []float64{5, 1, 4, 2, 3}
	for q, want := range map[float64]float64{0: 1, 0.5: 3, 0.99: 5, 1: 5} {
		if got := quantile(values, q); got != want {
			t.Errorf("quantile %v of %v is %v, want %v", q, values, got, want)
		}
	}
	if got := quantile(nil, 0.5); got != 0 {
		t.Errorf("quantile of nothing is %v", got)
	}
}

// The ratio is that of the medians, and the first pair of a fault is the measure.
func TestPrintRows(t *testing.T) {
	slow, fast := row{Fault: "freeze", Pair: "slow"}, row{Fault: "freeze", Pair: "fast"}
	for _, length := range []time.Duration{30 * time.Millisecond, 40 * time.Millisecond, 50 * time.Millisecond} {
		slow.add(outcome{outage: length, lost: 3}, nil)
		fast.add(outcome{outage: length / 4, lost: 1, takeover: time.Millisecond, unserved: length > 40*time.Millisecond}, nil)
	}
	var text strings.Builder
	printRows(&text, []row{slow, fast})
	for _, want := range []string{
		"| freeze | slow | 3 | 40.0 / 50.0 / 50.0 | 9 | – |",
		"| freeze | fast | 3 | 10.0 / 12.5 / 12.5 (1 still out) | 3 | 1.0 / 1.0 / 1.0 | 0.0 / 0.0 / 0.0 | 4.0 |",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
}
