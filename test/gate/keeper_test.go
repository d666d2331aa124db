package gate

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A workload that is guarded by its name has another keeper when the first one has died
// or hangs, and ends with its right. The gate ends when it is told to, though the store
// that the right should go back to is away.
func TestWatchedWorkloadWithoutItsKeeper(t *testing.T) {
	for name, fault := range map[string]syscall.Signal{"dead": syscall.SIGKILL, "hung": syscall.SIGSTOP} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, j := folder(t), newJournal(t)
			epochFile := filepath.Join(folder(t), "epoch")
			if code := stead(t, "the first gate", watchArgs(dir, epochFile, "--never", "flatlined")...).wait(t); code != 0 {
				t.Fatalf("the first gate has ended with %d", code)
			}
			worker := name + "-kept-worker"
			workload := stranger(t, worker, j, "1")
			address := freeAddress(t, "tcp")
			second := stead(t, "the second gate", watchArgs(dir, epochFile, "--watch", "--beat", "100ms", "--stop-process", worker, "--listen", address)...)
			answers(t, address, "/open", 200)
			var status struct {
				Workload struct {
					Keeper int `json:"keeper_pid"`
				}
			}
			_, body := get(t, address, "/status")
			if err := json.Unmarshal([]byte(body), &status); err != nil || status.Workload.Keeper == 0 {
				t.Fatalf("no keeper (%v):\n%s", err, body)
			}
			if err := syscall.Kill(status.Workload.Keeper, fault); err != nil {
				t.Fatal(err)
			}
			if name == "dead" {
				second.says(t, "another one takes its place")
				j.works(t, "east", 20)
			}
			away := strings.TrimSuffix(dir, "/") + ".away"
			if err := os.Rename(dir, away); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.RemoveAll(away) })
			workload.wait(t)
			second.signal(t, syscall.SIGTERM)
			second.wait(t)
		})
	}
}
