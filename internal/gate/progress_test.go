package gate

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"stead/internal/config"
	"stead/internal/testns"
)

// number writes the number in a file.
func number(t *testing.T, path string, n int) {
	t.Helper()
	next := path + ".next"
	if err := os.WriteFile(next, []byte(strconv.Itoa(n)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, path); err != nil {
		t.Fatal(err)
	}
}

// queue is the progress of a checkpoint towards an end, both in a store.
func queue(dir string) *Progress {
	return &Progress{
		Progress: config.Progress{
			At: config.Number{From: "store:s/queue/at"}, End: &config.Number{From: "store:s/queue/end"}, Stalled: 200 * time.Millisecond,
		},
		Interval: 20 * time.Millisecond, Pause: time.Hour, Stores: map[string]string{"s": "folder:" + dir},
	}
}

// The heartbeat is written while nothing is known, held back while the work stands
// still, and written again when it moves on: all the while the process is well.
func TestBeatOfWorkThatStandsStill(t *testing.T) {
	dir := t.TempDir()
	set := BeatSettings{
		Site: "east", Stores: []string{"folder:" + dir}, Every: 20 * time.Millisecond, StopAfter: 300 * time.Millisecond, Timeout: 200 * time.Millisecond,
		Progress: queue(dir),
	}
	if err := set.Check(); err != nil {
		t.Fatal(err)
	}
	log := &record{}
	ctx, cancel := context.WithCancel(context.Background())
	b, err := OpenBeater(ctx, &set, around(log, 7))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		b.Close()
	}()
	becomes := func(state string) {
		t.Helper()
		testns.Eventually(t, patience, "the work is "+state, func() bool {
			s := b.Status()
			return s.Progress != nil && s.Progress.State == state
		})
	}
	written := func() uint64 { return b.Status().Written }
	goesOn := func() {
		t.Helper()
		from := written()
		testns.Eventually(t, patience, "heartbeats are written", func() bool { return written() > from+3 })
	}
	goesOn()
	becomes(WorkUnknown)
	if err := os.Mkdir(filepath.Join(dir, "queue"), 0o700); err != nil {
		t.Fatal(err)
	}
	at, end := filepath.Join(dir, "queue", "at"), filepath.Join(dir, "queue", "end")
	number(t, at, 5)
	number(t, end, 5)
	becomes(WorkMoves)
	goesOn()
	number(t, end, 9)
	becomes(WorkStalled)
	// The one that was being written may still come, and no other.
	held := written() + 1
	stalled := time.Now()
	server := httptest.NewServer(b.Handler())
	defer server.Close()
	testns.Eventually(t, patience, "longer than stop-after", func() bool {
		if n := written(); n > held {
			t.Fatalf("%d heartbeats were written while the work stood still", n-held)
		}
		resp, err := http.Get(server.URL + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("/healthz answers %d", resp.StatusCode)
		}
		return time.Since(stalled) > 2*set.StopAfter
	})
	var status BeatStatus
	resp, err := http.Get(server.URL + "/status")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&status); err != nil || !strings.Contains(status.Progress.Detail, "has stood at 5") {
		t.Errorf("status %+v (%v)", status.Progress, err)
	}
	if !strings.Contains(log.String(), "no heartbeat is written: the checkpoint has stood at 5") {
		t.Errorf("the log does not say why:\n%s", log)
	}
	number(t, at, 6)
	becomes(WorkMoves)
	goesOn()
}

// What is wrong with the work that is to be judged is said before anything begins.
func TestCheckProgress(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Settings)
		want   string
	}{
		"good":         {func(*Settings) {}, ""},
		"no workload":  {func(s *Settings) { s.Command = nil }, "nothing here could stop the workload"},
		"a process":    {func(s *Settings) { s.Command, s.Watch, s.Processes = nil, true, []string{"x"} }, ""},
		"too short":    {func(s *Settings) { s.Progress.Interval = time.Minute }, "two intervals"},
		"same numbers": {func(s *Settings) { s.Progress.End = &s.Progress.At }, "same number"},
		"no place":     {func(s *Settings) { s.Progress.At.From = "x" }, "want an absolute path"},
		"no pointer":   {func(s *Settings) { s.Progress.At.Pointer = "x" }, "no JSON pointer"},
	} {
		t.Run(name, func(t *testing.T) {
			s := good()
			s.Progress = queue("/share")
			c.change(&s)
			switch err := s.Check(); {
			case c.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}
