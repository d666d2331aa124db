package gate

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"stead/internal/testns"
)

// watchArgs are those of a gate that guards what it has not started.
func watchArgs(dir, epochFile string, more ...string) []string {
	args := append([]string{
		"gate", "--site", "east", "--other", "west", "--preferred", "--store", "folder:" + dir, "--epoch-file", epochFile,
	}, times...)
	return append(args, more...)
}

// lastPort makes each port another one.
var lastPort atomic.Uint32

func init() { lastPort.Store(rand.Uint32N(15000)) }

// freeAddress is one on the loopback interface that nobody listens at. Its port is
// below those that the kernel gives to whoever asks for any.
func freeAddress(t testing.TB, network string) string {
	t.Helper()
	for range 1000 {
		address := fmt.Sprint("127.0.0.1:", 15000+lastPort.Add(1)%15000)
		var taken error
		var socket io.Closer
		if network == "udp" {
			socket, taken = net.ListenPacket("udp", address)
		} else {
			socket, taken = net.Listen("tcp", address)
		}
		if taken == nil {
			_ = socket.Close()
			return address
		}
	}
	t.Fatal("no port is free")
	return ""
}

// get asks a gate over HTTP. The status is 0 while nobody answers.
func get(t testing.TB, address, path string) (status int, body string) {
	t.Helper()
	client := http.Client{Timeout: patience}
	resp, err := client.Get("http://" + address + path)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// answers waits until a path is answered with a status.
func answers(t testing.TB, address, path string, status int) {
	t.Helper()
	testns.Eventually(t, patience, fmt.Sprintf("%s answers %d", path, status), func() bool {
		got, _ := get(t, address, path)
		return got == status
	})
}

// stranger starts a workload that no gate has started, under a name of its own.
func stranger(t testing.TB, name string, j journal, epoch string) *program {
	t.Helper()
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, self, 0o755); err != nil {
		t.Fatal(err)
	}
	return start(t, name, []string{"STEAD_SITE=east", "STEAD_EPOCH=" + epoch}, path, "work", string(j))
}

// An init container claims the right, a second gate guards it on beside the
// workload: the same epoch, no pause. When the right is handed over the workload,
// which the gate knows by its name alone, is ended, and kept from running.
func TestWatch(t *testing.T) {
	t.Parallel()
	dir, j := folder(t), newJournal(t)
	epochFile := filepath.Join(folder(t), "epoch")
	first := stead(t, "the first gate", watchArgs(dir, epochFile, "--never", "flatlined")...)
	if code := first.wait(t); code != 0 {
		t.Fatalf("the first gate has ended with %d", code)
	}
	text, err := os.ReadFile(epochFile)
	if err != nil || string(text) != "1\n" {
		t.Fatalf("the epoch file holds %q (%v)", text, err)
	}
	workload := stranger(t, "watched-worker", j, strings.TrimSpace(string(text)))
	address := freeAddress(t, "tcp")
	watch := func() *program {
		return stead(t, "the second gate", watchArgs(dir, epochFile, "--watch", "--beat", "300ms", "--stop-process", "watched-worker", "--listen", address)...)
	}
	second := watch()
	second.says(t, "reason=resumed")
	answers(t, address, "/open", 200)
	answers(t, address, "/healthz", 200)
	west := guarded(t, dir, "west", j)
	west.says(t, "verdict=alive")
	j.works(t, "east", 100)
	if workload.ended() {
		t.Fatal("the workload was ended though the right is here")
	}
	// The gate is killed: its keeper ends the workload, and nobody renews the right.
	second.signal(t, syscall.SIGKILL)
	workload.wait(t)
	j.works(t, "west", 20)
	j.check(t)
	// Started again it finds that the right is elsewhere, and lets nothing run.
	second = watch()
	second.says(t, "verdict=alive")
	stranger(t, "watched-worker", newJournal(t), "1").wait(t)
	answers(t, address, "/open", 503)
	if second.ended() {
		t.Error("the gate that watches has ended")
	}
}

// The switchover of a watched workload, seen over HTTP.
func TestWatchHandsOver(t *testing.T) {
	t.Parallel()
	dir, j := folder(t), newJournal(t)
	epochFile := filepath.Join(folder(t), "epoch")
	if code := stead(t, "the first gate", watchArgs(dir, epochFile, "--never", "flatlined")...).wait(t); code != 0 {
		t.Fatalf("the first gate has ended with %d", code)
	}
	workload := stranger(t, "handed-worker", j, "1")
	address := freeAddress(t, "tcp")
	second := stead(t, "the second gate", watchArgs(dir, epochFile, "--watch", "--beat", "300ms", "--stop-process", "handed-worker", "--listen", address)...)
	second.says(t, "reason=resumed")
	west := guarded(t, dir, "west", j)
	west.says(t, "verdict=alive")
	second.says(t, "verdict=alive")
	j.works(t, "east", 20)
	var status struct {
		Open    bool
		Epoch   uint64
		Verdict string
		Right   struct{ Mine bool }
	}
	_, body := get(t, address, "/status")
	if err := json.Unmarshal([]byte(body), &status); err != nil || !status.Open || status.Epoch != 1 || !status.Right.Mine {
		t.Errorf("status (%v):\n%s", err, body)
	}
	_, metrics := get(t, address, "/metrics")
	for _, want := range []string{
		"stead_gate_open 1", "stead_gate_epoch 1", "stead_gate_right_held 1", `stead_gate_verdict{other="west",verdict="alive"} 1`,
		`stead_gate_heartbeat_age_seconds{witness="store"}`, `stead_gate_writes_total{outcome="ok"}`, "stead_gate_store_seconds_bucket",
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in the metrics", want)
		}
	}
	if code := stead(t, "switchover", "gate", "switchover", "--to", "west", "--store", "folder:"+dir).wait(t); code != 0 {
		t.Errorf("switchover has ended with %d", code)
	}
	workload.wait(t)
	j.works(t, "west", 20)
	answers(t, address, "/open", 503)
	answers(t, address, "/healthz", 200) // it does its work: it waits
	// What is started here again has no right.
	stranger(t, "handed-worker", newJournal(t), "1").wait(t)
	j.check(t)
}

// A gate that only watches ends with 75, so that whoever has started it can act.
func TestWatchWithoutAName(t *testing.T) {
	t.Parallel()
	dir, j := folder(t), newJournal(t)
	epochFile := filepath.Join(folder(t), "epoch")
	if code := stead(t, "the first gate", watchArgs(dir, epochFile, "--never", "flatlined")...).wait(t); code != 0 {
		t.Fatalf("the first gate has ended with %d", code)
	}
	second := stead(t, "the second gate", watchArgs(dir, epochFile, "--watch", "--beat", "300ms")...)
	second.says(t, "reason=resumed")
	west := guarded(t, dir, "west", j)
	west.says(t, "verdict=alive")
	if code := stead(t, "switchover", "gate", "switchover", "--to", "west", "--store", "folder:"+dir).wait(t); code != 0 {
		t.Errorf("switchover has ended with %d", code)
	}
	if code := second.wait(t); code != 75 {
		t.Errorf("the gate has ended with %d, want 75", code)
	}
	j.works(t, "west", 5)
}

// Two sites that exchange heartbeats over the network, with the right in a store:
// silence of both witnesses is needed.
func TestNetworkHeartbeats(t *testing.T) {
	t.Parallel()
	dir, j := folder(t), newJournal(t)
	key := filepath.Join(folder(t), "key")
	if err := os.WriteFile(key, []byte("0123456789abcdef0123456789abcdef\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	at := map[string]string{"east": freeAddress(t, "udp"), "west": freeAddress(t, "udp")}
	flags := func(site, other string) []string {
		return []string{"--network", at[site], "--to", at[other], "--key-file", key}
	}
	east := guarded(t, dir, "east", j, flags("east", "west")...)
	j.works(t, "east", 5)
	west := guarded(t, dir, "west", j, flags("west", "east")...)
	west.says(t, "network: changed")
	// The file alone falls silent: the network knows better.
	place := filepath.Join(dir, "east")
	readOnly(t, place)
	j.works(t, "east", 200) // until what was being written is written
	heartbeat := func() string {
		text, err := os.ReadFile(filepath.Join(place, "heartbeat.txt"))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	before := heartbeat()
	j.works(t, "east", aFlatline)
	if after := heartbeat(); after != before {
		t.Errorf("the file has not fallen silent: %q, then %q", before, after)
	}
	kill(t, east)
	j.works(t, "west", 20)
	j.check(t)
}

// readOnly lets nobody write to a folder until the test ends.
func readOnly(t testing.TB, dir string) {
	t.Helper()
	if err := unix.Mount(dir, dir, "", unix.MS_BIND, ""); err != nil {
		testns.Lacking(t, "a mount (CAP_SYS_ADMIN)", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	if err := unix.Mount("", dir, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
}

// Without a right two gates are kept apart by their heartbeats alone.
func TestTimeAlone(t *testing.T) {
	t.Parallel()
	dir, j := folder(t), newJournal(t)
	more := []string{"--right", "none", "--never", "flatlined"}
	east := guarded(t, dir, "east", j, more...)
	j.works(t, "east", 20)
	west := guarded(t, dir, "west", j, more...)
	west.says(t, "verdict=alive")
	j.works(t, "east", aFlatline)
	if n := j.runs(t); n["west"] != 0 {
		t.Fatalf("runs: %v", n)
	}
	east.signal(t, syscall.SIGTERM)
	east.wait(t)
	before := len(j.entries(t))
	j.works(t, "west", 20)
	for _, e := range j.entries(t)[before:] {
		if e.site != "west" {
			t.Fatal("east works after its gate has ended")
		}
	}
}
