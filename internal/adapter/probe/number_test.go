package probe

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/config"
	"stead/internal/core"
)

func TestFileWithANumber(t *testing.T) {
	path := filepath.Join(t.TempDir(), "weight")
	p := build(t, config.Check{Kind: config.CheckFile, Target: path, Number: true})
	want(t, run(p, generous), core.CouldNotRun, "no such file")
	for _, c := range []struct {
		content string
		outcome core.Outcome
		value   int
		detail  string
	}{
		{"0", core.Passed, 0, ""},
		{"-253\n", core.Passed, -253, ""},
		{" \t+17 \r\n\n", core.Passed, 17, ""},
		{"2147483647", core.Passed, math.MaxInt32, ""},
		{"-2147483648", core.Passed, math.MinInt32, ""},
		{strings.Repeat(" ", 60) + "1234", core.Passed, 1234, ""},
		{"", core.CouldNotRun, 0, "empty"},
		{" \n", core.CouldNotRun, 0, "empty"},
		{"-", core.CouldNotRun, 0, `not a number: "-"`},
		{"ten", core.CouldNotRun, 0, `not a number: "ten"`},
		{"10 11", core.CouldNotRun, 0, "not a number"},
		{"1.5", core.CouldNotRun, 0, "not a number"},
		{"0x10", core.CouldNotRun, 0, "not a number"},
		{"1_0", core.CouldNotRun, 0, "not a number"},
		{"--1", core.CouldNotRun, 0, "not a number"},
		{"1\x00", core.CouldNotRun, 0, `not a number: "1\x00"`},
		{"010", core.CouldNotRun, 0, "010 begins with 0"},
		{"-00", core.CouldNotRun, 0, "-00 begins with 0"},
		{"2147483648", core.CouldNotRun, 0, "is not in -2147483648"},
		{"-99999999999999999999999", core.CouldNotRun, 0, "is not in -2147483648"},
		{strings.Repeat(" ", 64) + "1", core.CouldNotRun, 0, "longer than 64 bytes"},
		{strings.Repeat("1", 1<<20), core.CouldNotRun, 0, "longer than 64 bytes"},
	} {
		if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		r := run(p, generous)
		if r.Outcome != c.outcome || r.Value != c.value || !strings.Contains(r.Detail, c.detail) {
			t.Errorf("%.40q: outcome %d, value %d, detail %q; want %d, %d, %q",
				c.content, r.Outcome, r.Value, r.Detail, c.outcome, c.value, c.detail)
		}
	}
}

// What is no file with a number in it has not been read, and nothing waits for it.
func TestNumberOfWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, detail := range map[string]string{dir: "is a directory", fifo: "empty", dir + "/none/x": "no such file", "/dev/zero": "longer than"} {
		want(t, run(build(t, config.Check{Kind: config.CheckFile, Target: path, Number: true}), generous), core.CouldNotRun, detail)
	}
}

// Whoever stopped writing the number is a failure where that was asked for.
func TestNumberThatIsOld(t *testing.T) {
	path := filepath.Join(t.TempDir(), "weight")
	if err := os.WriteFile(path, []byte("5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	p := build(t, config.Check{Kind: config.CheckFile, Target: path, Number: true, MaxAge: time.Minute})
	want(t, run(p, generous), core.Failed, "unchanged for 1h")
}

// FuzzNumber compares with strconv on what both take.
func FuzzNumber(f *testing.F) {
	for _, seed := range []string{"0", " -17\n", "+2147483648", "010", "\x00", "1e3"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		value, err := number(content)
		if err != nil {
			if value != 0 || err.Error() == "" {
				t.Fatalf("%d with %v", value, err)
			}
			return
		}
		if value < math.MinInt32 || value > math.MaxInt32 {
			t.Fatalf("%d does not fit", value)
		}
		again, err := strconv.Atoi(strings.TrimSpace(string(content)))
		if err != nil || again != value {
			t.Fatalf("%q is %d, but %d, %v to strconv", content, value, again, err)
		}
	})
}
