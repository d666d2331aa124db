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

// beatOf writes heartbeats that depend on work until the test ends.
func beatOf(t *testing.T, set BeatSettings) (*Beater, *record) {
	t.Helper()
	if err := set.Check(); err != nil {
		t.Fatal(err)
	}
	log := &record{}
	ctx, cancel := context.WithCancel(context.Background())
	b, err := OpenBeater(ctx, &set, around(log, 7))
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		b.Close()
	})
	return b, log
}

func becomes(t *testing.T, b *Beater, state string) {
	t.Helper()
	testns.Eventually(t, patience, "the work is "+state, func() bool {
		s := b.Status()
		return s.Progress != nil && s.Progress.State == state
	})
}

func goesOn(t *testing.T, b *Beater) {
	t.Helper()
	from := b.Status().Written
	testns.Eventually(t, patience, "heartbeats are written", func() bool { return b.Status().Written > from+3 })
}

// fetched asks for a path, which has to be answered with 200.
func fetched(t *testing.T, h http.Handler, path string) []byte {
	t.Helper()
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, http.NoBody))
	if answer.Code != http.StatusOK {
		t.Fatalf("%s answers %d", path, answer.Code)
	}
	return answer.Body.Bytes()
}

// The heartbeat is written while nothing is known, held back while the work stands
// still, and written again when it moves on: all the while the process is well.
func TestBeatOfWorkThatStandsStill(t *testing.T) {
	dir := t.TempDir()
	set := BeatSettings{
		Site: "east", Stores: []string{"folder:" + dir}, Every: 20 * time.Millisecond, StopAfter: 2 * time.Second, Timeout: time.Second,
		Progress: queue(dir),
	}
	b, log := beatOf(t, set)
	goesOn(t, b)
	becomes(t, b, WorkUnknown)
	if err := os.Mkdir(filepath.Join(dir, "queue"), 0o700); err != nil {
		t.Fatal(err)
	}
	at, end := filepath.Join(dir, "queue", "at"), filepath.Join(dir, "queue", "end")
	number(t, at, 5)
	number(t, end, 5)
	becomes(t, b, WorkMoves)
	goesOn(t, b)
	number(t, end, 9)
	becomes(t, b, WorkStalled)
	// The one that was being written may still come, and no other.
	held, stalled := b.Status().Written+1, time.Now()
	h := b.Handler()
	testns.Eventually(t, patience, "longer than stop-after", func() bool {
		if n := b.Status().Written; n > held {
			t.Fatalf("%d heartbeats were written while the work stood still", n-held)
		}
		fetched(t, h, "/healthz")
		return time.Since(stalled) > 2*set.StopAfter
	})
	var status BeatStatus
	if err := json.Unmarshal(fetched(t, h, "/status"), &status); err != nil || !strings.Contains(status.Progress.Detail, "has stood at 5") {
		t.Errorf("status %+v (%v)", status.Progress, err)
	}
	testns.Eventually(t, patience, "the log says why", func() bool {
		return strings.Contains(log.String(), "no heartbeat is written: the checkpoint has stood at 5")
	})
	number(t, at, 6)
	becomes(t, b, WorkMoves)
	goesOn(t, b)
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
