package gate

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"stead/internal/lab/share"
	"stead/internal/lab/share/sharetest"
)

// waiting starts a gate that reads the folder of a site, and waits until it has
// seen the other one live.
func waiting(t testing.TB, dir string) *program {
	t.Helper()
	return stead(t, "the gate of west", append([]string{"gate", "--site", "west", "--other", "east", "--store", "folder:" + dir, "--never", "flatlined"}, times...)...)
}

// A share that goes wrong for the site that waits is no sign that the other one is dead.
func TestBlindGateStaysClosed(t *testing.T) {
	for name, faults := range map[string]share.Faults{
		"reads hang":  {Hang: share.Reads},
		"all hangs":   {Hang: share.Reads | share.Writes},
		"all fails":   {Fail: syscall.EIO},
		"stale cache": {Stale: true},
		"not there":   {Fail: syscall.ESTALE},
		"no answers":  {Delay: 3 * time.Second},
		"not allowed": {Fail: syscall.EACCES},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sharetest.New(t, 2)
			beat := stead(t, "beat", "beat", "--site", "east", "--store", "folder:"+s.Sites[0].At(), "--period", "300ms", "--stop-after", "2s", "--timeout", "1s")
			beat.says(t, "the first heartbeat is written")
			gate := waiting(t, s.Sites[1].At())
			gate.says(t, "verdict=alive")
			if err := s.Sites[1].Set(faults); err != nil {
				t.Fatal(err)
			}
			if name != "stale cache" { // which looks like silence until it ends: the right decides
				gate.says(t, "verdict=cannot-tell")
			}
			select {
			case <-gate.exited:
				if name != "stale cache" {
					t.Fatal("the gate has opened though it can tell nothing")
				}
			case <-time.After(3 * flatline / 2):
			}
			if err := s.Sites[1].Set(share.Faults{}); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// What is read where the heartbeat should be is none.
func TestGarbageOpensNothing(t *testing.T) {
	for name, make := range map[string]func(path string) error{
		"a pipe":      func(path string) error { return syscall.Mkfifo(path, 0o644) },
		"a directory": func(path string) error { return os.Mkdir(path, 0o755) },
		"empty":       func(path string) error { return os.WriteFile(path, nil, 0o644) },
		"half":        func(path string) error { return os.WriteFile(path, []byte("63930903"), 0o644) },
		"huge":        func(path string) error { return os.WriteFile(path, []byte(strings.Repeat("6", 1<<20)), 0o644) },
		"binary":      func(path string) error { return os.WriteFile(path, []byte{0, 1, 2, 0xff}, 0o644) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := folder(t)
			if err := os.Mkdir(filepath.Join(dir, "east"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := make(filepath.Join(dir, "east", "heartbeat.txt")); err != nil {
				t.Fatal(err)
			}
			gate := waiting(t, dir)
			gate.says(t, "verdict=cannot-tell")
			select {
			case <-gate.exited:
				t.Fatal("the gate has opened though it can tell nothing")
			case <-time.After(3 * flatline / 2):
			}
			if strings.Contains(gate.out.String(), "verdict=flatlined") {
				t.Error("garbage counts as silence")
			}
		})
	}
}

// The site that runs cannot write any more: its workload ends before the other one
// starts, though neither hears of the other.
func TestWriterThatCannotWrite(t *testing.T) {
	for name, faults := range map[string]share.Faults{
		"writes fail": {ReadOnly: true},
		"all hangs":   {Hang: share.Reads | share.Writes},
		"all fails":   {Fail: syscall.EIO},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, j := sharetest.New(t, 2), newJournal(t)
			east := guarded(t, s.Sites[0].At(), "east", j, "deaf")
			j.works(t, "east", 20)
			west := guarded(t, s.Sites[1].At(), "west", j)
			west.says(t, "verdict=alive")
			if err := s.Sites[0].Set(faults); err != nil {
				t.Fatal(err)
			}
			if code := east.wait(t); code != 75 {
				t.Errorf("the gate that cannot write has ended with %d, want 75", code)
			}
			j.works(t, "west", 20)
			j.check(t)
			if err := s.Sites[0].Set(share.Faults{}); err != nil {
				t.Fatal(err)
			}
		})
	}
}
