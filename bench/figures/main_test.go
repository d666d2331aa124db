package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFiguresGoBetweenTheMarks(t *testing.T) {
	file := filepath.Join(t.TempDir(), "page.md")
	if err := os.WriteFile(file, []byte("above\n"+begin+"\nold\n"+end+"\nbelow\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const lab = `{"setup":{"cpus":2,"kernel":"6.6","fence":"kernel"},"faults":[{"name":"cut","runs":5,"lost":60,
"outage_ms":{"p50":12,"p99":14.5,"max":14.5},"dual_active_ms_max":0,"budget":"p50 ≤ 16ms","missed":["outage over by 1 ms"]}]}`
	if err := run(strings.NewReader(lab), []string{file}); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const want = "| the cable is cut | 5 | 12.0 / 14.5 / 14.5 | 60 | 0.0 | p50 ≤ 16ms: **missed**, outage over by 1 ms |"
	if text := string(page); !strings.Contains(text, want) || strings.Contains(text, "\nold\n") ||
		!strings.HasPrefix(text, "above\n") || !strings.HasSuffix(text, end+"\nbelow\n") {
		t.Errorf("the page is now\n%s", text)
	}
	if err := run(strings.NewReader("{}"), []string{os.DevNull}); err == nil {
		t.Error("a page without marks was taken")
	}
}
