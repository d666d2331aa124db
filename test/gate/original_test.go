package gate

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"stead/internal/testns"
)

// ticksAtUnixEpoch is DateTime.UnixEpoch.Ticks.
const ticksAtUnixEpoch = 621355968000000000

// utcNowTicks is DateTime.UtcNow.Ticks.
func utcNowTicks() int64 { return ticksAtUnixEpoch + time.Now().UnixNano()/100 }

// asked is closed by SIGTERM; deaf: never.
func asked(deaf bool) <-chan struct{} {
	stop, signals := make(chan struct{}), make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	go func() {
		<-signals
		if !deaf {
			close(stop)
		}
	}()
	return stop
}

// originalBeat does what the original's writer does: the number as text, written
// into the file where it stands. With "torn" each write takes a while, as over a
// slow share.
func originalBeat(args []string) error {
	path := filepath.Join(args[0], args[1], "heartbeat.txt")
	every, err := time.ParseDuration(args[2])
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	torn := len(args) > 3 && args[3] == "torn"
	stop := asked(false)
	for n := 1; ; n++ {
		text := strconv.FormatInt(utcNowTicks(), 10)
		file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
		if err != nil {
			return err
		}
		for _, part := range []string{text[:9], text[9:]} {
			if torn {
				time.Sleep(every / 4)
			}
			if _, err := file.WriteString(part); err != nil {
				return err
			}
		}
		if err := file.Close(); err != nil {
			return err
		}
		fmt.Println("beat", n)
		select {
		case <-stop:
			return nil
		case <-time.After(every):
		}
	}
}

// originalGate does what the original's init container does: it compares the time
// in the file with its own clock, and reads again at once where there is no number.
func originalGate(args []string) error {
	path := filepath.Join(args[0], args[1], "heartbeat.txt")
	limit, err := time.ParseDuration(args[2])
	if err != nil {
		return err
	}
	for end := time.Now().Add(2 * patience); time.Now().Before(end); {
		text, err := os.ReadFile(path)
		ticks, bad := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		if err != nil || bad != nil {
			continue
		}
		if time.Duration(utcNowTicks()-ticks)*100 >= limit {
			return nil
		}
		time.Sleep(limit / 20)
	}
	return errors.New("the gate has not opened")
}

// dropIn is the environment that the original is configured by.
func dropIn(dir, this, that string) []string {
	return []string{"HEART_BEAT_FOLDER=" + dir, "THIS_CLUSTER=" + this, "THAT_CLUSTER=" + that}
}

// A stead gate in the place of the original's waits while the original's writer
// writes, also while what it reads is torn, and opens when it has stopped.
func TestGateReadsTheOriginal(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"whole", "torn"} {
		t.Run(how, func(t *testing.T) {
			dir := folder(t)
			beat := itself(t, "the original's writer", "original-beat", dir, "east", period.String(), how)
			beat.says(t, "beat 1\n")
			gate := start(t, "gate", dropIn(dir, "west", "east"), append([]string{os.Getenv(builtAt), "gate"}, times...)...)
			gate.says(t, "verdict=alive")
			beat.says(t, "beat 20\n") // longer than it takes to find a flatline
			if gate.ended() {
				t.Fatal("the gate has opened while the other site lives")
			}
			beat.signal(t, syscall.SIGKILL)
			beat.wait(t)
			stopped := time.Now()
			if code := gate.wait(t); code != 0 {
				t.Errorf("the gate has ended with %d", code)
			}
			if took := time.Since(stopped); took < flatline-3*period {
				t.Errorf("opened %v after the last heartbeat, before %v", took, flatline)
			}
			if out := gate.out.String(); !strings.HasSuffix(out, "\n1\n") {
				t.Errorf("the last line is not the epoch: %q", testns.Tail(out, 1))
			}
		})
	}
}

// The original's gate waits while stead beats, and opens when it has stopped.
func TestOriginalReadsTheBeat(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	beat := start(t, "beat", dropIn(dir, "east", "west"), os.Getenv(builtAt), "beat", "--period", "300ms", "--stop-after", "2s")
	beat.says(t, "the first heartbeat is written")
	gate := itself(t, "the original's gate", "original-gate", dir, "east", flatline.String())
	text := func() string {
		b, err := os.ReadFile(filepath.Join(dir, "east", "heartbeat.txt"))
		if err != nil {
			t.Fatal(err) // it is never away, and never half a file
		}
		if len(b) != 18 {
			t.Fatalf("read %q", b)
		}
		return string(b)
	}
	changes, last := 0, text()
	testns.Eventually(t, patience, "the heartbeat changes twenty times", func() bool {
		if now := text(); now != last {
			changes, last = changes+1, now
		}
		return changes >= 20
	})
	if gate.ended() {
		t.Fatal("the original's gate has opened while stead beats")
	}
	beat.signal(t, syscall.SIGTERM)
	if code := beat.wait(t); code != 0 {
		t.Errorf("beat has ended with %d", code)
	}
	if code := gate.wait(t); code != 0 {
		t.Errorf("the original's gate has ended with %d", code)
	}
}

// The clock of the other site is an hour off: the original opens at once, or
// never; stead looks at change alone.
func TestClocksThatDiffer(t *testing.T) {
	t.Parallel()
	for name, off := range map[string]time.Duration{"behind": -time.Hour, "ahead": time.Hour} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t)
			path := filepath.Join(dir, "east", "heartbeat.txt")
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			write := func() {
				if err := os.WriteFile(path, strconv.AppendInt(nil, utcNowTicks()+int64(off/100), 10), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			write()
			gate := start(t, "gate", dropIn(dir, "west", "east"), append([]string{os.Getenv(builtAt), "gate"}, times...)...)
			for range 20 {
				<-time.After(period)
				write()
				if gate.ended() {
					t.Fatal("the gate has opened while the other site lives")
				}
			}
			gate.says(t, "verdict=alive")
			if code := gate.wait(t); code != 0 {
				t.Errorf("the gate has ended with %d", code)
			}
		})
	}
}
