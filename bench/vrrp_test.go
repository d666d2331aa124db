package main

import (
	"slices"
	"strings"
	"testing"
)

// Each class has keepalived as its measure, all pairs of it wait equally long, and
// every fault can happen to all, but for planned work.
func TestClasses(t *testing.T) {
	for _, c := range classes("stead") {
		if !strings.HasPrefix(c.pairs[0].Name, "keepalived") {
			t.Errorf("%s: the measure is %s", c.name, c.pairs[0].Name)
		}
		for _, p := range c.pairs {
			if p.Fail == nil || p.Slow != c.pairs[0].Slow || !strings.Contains(p.Name, c.name) {
				t.Errorf("%s: %+v", c.name, p)
			}
		}
	}
	list := vrrpFaults()
	for _, name := range []string{"graceful stop", "SIGKILL", "freeze", "link cut", "black hole", "check"} {
		if !slices.ContainsFunc(list, func(f fault) bool { return f.name == name }) {
			t.Errorf("no fault %q", name)
		}
	}
}
