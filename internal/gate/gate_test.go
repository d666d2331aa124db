package gate

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/adapter/keeper"
	"stead/internal/core/gate"
	"stead/internal/testns"
)

// patience is how long a test waits for what has to happen.
const patience = 30 * time.Second

// TestMain is also the keeper of the workloads that tests start.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "keeper" {
		if err := keeper.Run(bootTime); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func bootTime() Instant {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic(err)
	}
	return Instant(ts.Nano())
}

// record is a log that a test reads while it is written.
type record struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (r *record) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.Write(b)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.String()
}

// around are the surroundings of a gate of a test.
func around(log *record, session uint64) Surroundings {
	return Surroundings{
		Now: bootTime, Wall: time.Now, Log: slog.New(slog.NewTextHandler(log, nil)), Session: session,
		Boot: "this", Environ: os.Environ(),
	}
}

// quick are times for tests.
func quick() gate.Timing {
	return gate.Timing{
		Beat: 50 * time.Millisecond, Flatline: 4 * time.Second, StopAfter: 2 * time.Second,
		Grace: 500 * time.Millisecond, Timeout: time.Second,
	}
}

// begin runs a gate until the test ends. The function that it returns waits for its end.
func begin(t *testing.T, set Settings, session uint64) (g *Gate, log *record, stop context.CancelFunc, wait func() *Outcome) {
	t.Helper()
	if err := set.Check(); err != nil {
		t.Fatal(err)
	}
	log = &record{}
	ctx, cancel := context.WithCancel(context.Background())
	g, err := Open(ctx, &set, around(log, session))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan *Outcome, 1)
	go func() {
		o, err := g.Run(ctx)
		if err != nil {
			t.Error(err)
		}
		g.Close()
		done <- o
	}()
	var once sync.Once
	var outcome *Outcome
	wait = func() *Outcome {
		once.Do(func() {
			select {
			case outcome = <-done:
			case <-time.After(patience):
				t.Errorf("the gate runs after %v:\n%s", patience, log)
			}
		})
		return outcome
	}
	t.Cleanup(func() { cancel(); wait() })
	return g, log, cancel, wait
}

func (r *record) says(t *testing.T, text string) {
	t.Helper()
	testns.Eventually(t, patience, text, func() bool { return strings.Contains(r.String(), text) })
}

// ask asks a handler.
func ask(h http.Handler, path string) int {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code
}

// A gate that only opens ends with the epoch, and leaves it in a file.
func TestOpens(t *testing.T) {
	dir := t.TempDir()
	set := Settings{
		Site: "west", Other: "east", Store: "folder:" + dir, Preferred: true, Timing: quick(), EpochFile: filepath.Join(dir, "epoch"),
	}
	set.Timing.Beat = 0
	for epoch, text := range []string{"", "1\n", "2\n"} {
		if epoch == 0 {
			continue
		}
		_, _, _, wait := begin(t, set, uint64(epoch))
		if o := wait(); o == nil || !o.Opened || o.Epoch != uint64(epoch) {
			t.Fatalf("ended as %+v, want open with epoch %d", o, epoch)
		}
		if got, err := os.ReadFile(set.EpochFile); err != nil || string(got) != text {
			t.Errorf("the epoch file holds %q (%v)", got, err)
		}
	}
}

// Told to end, a gate ends its workload, parks the right, and says so; a gate that
// stays waits again when its workload has ended by itself.
func TestStaysAndStops(t *testing.T) {
	dir := t.TempDir()
	set := Settings{
		Site: "west", Other: "east", Store: "folder:" + dir, Preferred: true, Timing: quick(), Stay: true,
		Command: []string{"sh", "-c", `echo $STEAD_EPOCH {epoch} >>` + filepath.Join(dir, "ran") + `; [ {epoch} = 1 ] || sleep 600`},
	}
	g, log, stop, wait := begin(t, set, 1)
	h := g.Handler()
	log.says(t, "the workload has ended with code 0")
	testns.Eventually(t, patience, "the workload runs again", func() bool {
		ran, _ := os.ReadFile(filepath.Join(dir, "ran"))
		return strings.HasSuffix(string(ran), "2 2\n") && g.Status().Epoch == 2
	})
	if code := ask(h, "/open"); code != 200 {
		t.Errorf("/open answers %d while the workload runs", code)
	}
	if code := ask(h, "/healthz"); code != 200 {
		t.Errorf("/healthz answers %d while all is well", code)
	}
	stop()
	if o := wait(); o == nil || o.Lost || o.Exit == nil || o.Exit.Code != 143 {
		t.Errorf("ended as %+v, want code 143", o)
	}
	if code := ask(h, "/open"); code != 503 {
		t.Errorf("/open answers %d when the gate has ended", code)
	}
	ran, err := os.ReadFile(filepath.Join(dir, "ran"))
	if err != nil || !strings.HasPrefix(string(ran), "1 1\n2 2\n") {
		t.Errorf("the workload has run as %q (%v)", ran, err)
	}
	seen, err := (&Asker{Timeout: time.Second, Now: bootTime}).Observe(t.Context(), &set, []string{"west"}, 0)
	if err != nil || seen.Right.State != "parked" || seen.Beats[0].Sight != "heartbeat" {
		t.Errorf("left behind: %+v (%v)", seen, err)
	}
}

// A command that is not there is an error, and the right is not kept by it.
func TestNoSuchCommand(t *testing.T) {
	dir := t.TempDir()
	set := Settings{Site: "west", Other: "east", Store: "folder:" + dir, Preferred: true, Timing: quick(), Command: []string{"/no/such/worker"}}
	_, _, _, wait := begin(t, set, 1)
	o := wait()
	if o == nil || o.Lost || o.Exit == nil || o.Exit.Err == nil || !strings.Contains(o.Exit.Err.Error(), "/no/such/worker") {
		t.Errorf("ended as %+v", o)
	}
}

// An epoch that cannot be written down is not worked with.
func TestEpochFileThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	set := Settings{
		Site: "west", Other: "east", Store: "folder:" + dir, Preferred: true, Timing: quick(), EpochFile: "/no/such/place/epoch",
		Command: []string{"touch", filepath.Join(dir, "ran")},
	}
	_, _, _, wait := begin(t, set, 1)
	o := wait()
	if o == nil || o.Exit == nil || !errors.Is(o.Exit.Err, fs.ErrNotExist) {
		t.Errorf("ended as %+v", o)
	}
	if _, err := os.Stat(filepath.Join(dir, "ran")); err == nil {
		t.Error("the workload has run")
	}
}

// A loop that hangs is seen: what it said last is not believed.
func TestHangingLoop(t *testing.T) {
	set := Settings{Site: "west", Other: "east", Store: "folder:" + t.TempDir(), Timing: quick(), Command: []string{"true"}}
	env := around(&record{}, 1)
	late := Instant(0)
	env.Now = func() Instant { return bootTime() + late }
	g, err := Open(t.Context(), &set, env)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	h := g.Handler()
	if code := ask(h, "/healthz"); code != 503 {
		t.Errorf("/healthz answers %d before the gate has begun", code)
	}
	g.ctx = t.Context()
	g.publish(env.Now())
	if code := ask(h, "/healthz"); code != 200 {
		t.Errorf("/healthz answers %d", code)
	}
	late = Instant(stuckAfter) + 1e9
	if code := ask(h, "/healthz"); code != 503 {
		t.Errorf("/healthz answers %d when the loop hangs", code)
	}
}
