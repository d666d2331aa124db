package gate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"stead/internal/testns"
)

// topic is what is to be worked off: events are numbers, the end is the last of them,
// the checkpoint the last one that was done. Both sites reach it.
type topic string

func (q topic) file(name string) string { return filepath.Join(string(q), name) }

// put replaces a file as a whole.
func (q topic) put(name, text string) error {
	next := q.file("." + name)
	return errors.Join(os.WriteFile(next, []byte(text), 0o644), os.Rename(next, q.file(name)))
}

func (q topic) get(name string) (n uint64) {
	text, err := os.ReadFile(q.file(name))
	if err != nil {
		return 0
	}
	var doc struct{ SequenceNumber uint64 }
	if json.Unmarshal(text, &doc) == nil {
		return doc.SequenceNumber
	}
	n, _ = strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	return n
}

// consume is a workload that works a topic off, and hangs while the file stuck names its site.
func consume(args []string) error {
	q, site := topic(args[0]), os.Getenv("STEAD_SITE")
	log, err := os.OpenFile(q.file("done"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	stop := asked(false)
	ticker := time.NewTicker(3 * time.Millisecond)
	for {
		stuck, err := os.ReadFile(q.file("stuck"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if at := q.get("checkpoint"); string(stuck) != site && at < q.get("end") {
			_, err := fmt.Fprintf(log, "%s %s %d\n", site, os.Getenv("STEAD_EPOCH"), at+1)
			if err := errors.Join(err, q.put("checkpoint", fmt.Sprintf(`{"SequenceNumber":%d}`, at+1))); err != nil {
				return err
			}
		}
		select {
		case <-stop:
			return nil
		case <-ticker.C:
		}
	}
}

// produce adds an event each few milliseconds until paused, or the test ends.
func (q topic) produce(t *testing.T) (paused *atomic.Bool) {
	t.Helper()
	paused = &atomic.Bool{}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(10 * time.Millisecond)
		defer ticker.Stop()
		for n := 1; ; {
			if !paused.Load() {
				if err := q.put("end", strconv.Itoa(n)+"\n"); err != nil {
					t.Error(err)
					return
				}
				n++
			}
			select {
			case <-stop:
				return
			case <-ticker.C:
			}
		}
	}()
	t.Cleanup(func() { close(stop); <-done })
	return paused
}

// works waits until a site has done some more events.
func (q topic) works(t *testing.T, site string, more int) {
	t.Helper()
	count := func() int {
		text, _ := os.ReadFile(q.file("done"))
		return strings.Count("\n"+string(text), "\n"+site+" ")
	}
	before := count()
	testns.Eventually(t, patience, fmt.Sprintf("%s does %d events", site, more), func() bool { return count() >= before+more })
}

// check judges what was done: each event once, in order, with epochs that never go back.
func (q topic) check(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(q.file("done"))
	if err != nil {
		t.Fatal(err)
	}
	var epoch, event uint64
	for line := range strings.Lines(string(text)) {
		var site string
		var e, n uint64
		if _, err := fmt.Sscanf(line, "%s %d %d\n", &site, &e, &n); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if e < epoch || n != event+1 {
			t.Fatalf("%s does event %d with epoch %d after event %d with epoch %d", site, n, e, event, epoch)
		}
		epoch, event = e, n
	}
}

// consumer starts the gate of a site with a workload that works q off.
func consumer(t *testing.T, dir, site string, q topic, more ...string) *program {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	other := map[string]string{"east": "west", "west": "east"}[site]
	args := append([]string{
		"gate", "--site", site, "--other", other, "--store", "folder:" + dir, "--beat", "100ms",
		"--progress-at", q.file("checkpoint") + "#/SequenceNumber", "--progress-end", q.file("end"), "--stalled", "1s", "--progress-every", "100ms",
	}, times...)
	return stead(t, "the gate of "+site, append(append(args, more...), "--exec", "--", self, "consume", string(q))...)
}

// The workload of a site hangs, while its gate writes heartbeats as ever: the checkpoint
// stands still while events arrive, and the other site goes on where it stood. When
// that one hangs too it stays, for it has just got the right; and one that has nothing
// to do does not hang.
func TestWorkThatStandsStill(t *testing.T) {
	dir, q := folder(t), topic(folder(t))
	paused := q.produce(t)
	east := consumer(t, dir, "east", q, "--preferred", "--stall-pause", "1h")
	q.works(t, "east", 50)
	address := freeAddress(t, "tcp")
	west := consumer(t, dir, "west", q, "--stall-pause", "1h", "--listen", address)
	west.says(t, "verdict=alive")
	east.says(t, "verdict=alive")
	if err := q.put("stuck", "east"); err != nil {
		t.Fatal(err)
	}
	q.works(t, "west", 50)
	if code := east.wait(t); code != 75 || !strings.Contains(east.out.String(), "reason=check-failed") {
		t.Errorf("the gate of east has ended with %d", code)
	}
	shows := func(text string) {
		t.Helper()
		testns.Eventually(t, patience, "the metrics show "+text, func() bool {
			_, body := get(t, address, "/metrics")
			return strings.Contains(body, "\n"+text+"\n")
		})
	}
	shows("stead_gate_progress 1")
	if err := q.put("stuck", "west"); err != nil {
		t.Fatal(err)
	}
	shows("stead_gate_progress 0")
	west.says(t, "the right was handed over less than 1h0m0s ago")
	if err := q.put("stuck", ""); err != nil {
		t.Fatal(err)
	}
	q.works(t, "west", 50)
	shows("stead_gate_progress 1")
	paused.Store(true)
	testns.Eventually(t, patience, "all is done", func() bool { return q.get("checkpoint") == q.get("end") })
	idle := time.Now()
	testns.Eventually(t, patience, "longer than a stall", func() bool {
		shows("stead_gate_progress 1")
		return time.Since(idle) > 1500*time.Millisecond
	})
	if west.ended() {
		t.Error("the gate of west has ended")
	}
	west.signal(t, syscall.SIGTERM)
	west.wait(t)
	q.check(t)
}
