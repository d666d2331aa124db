package broker

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"stead/internal/lab/share"
	"stead/internal/lab/share/sharetest"
	"stead/internal/testns"
)

const (
	east, west = "east", "west" // east is preferred
	patience   = time.Minute
)

// gate starts the gate of a site, with its workload.
func gate(t *testing.T, s *sharetest.Share, site, socket string) *exec.Cmd {
	t.Helper()
	mount, other := s.Sites[0].At(), west
	if site == west {
		mount, other = s.Sites[1].At(), east
	}
	args := []string{
		"gate", "--site", site, "--other", other, "--store", "folder:" + mount, "--json",
		"--beat", "300ms", "--flatline", "4s", "--stop-after", "2s", "--grace", "300ms", "--timeout", "1s",
	}
	if site == east {
		args = append(args, "--preferred")
	}
	cmd := exec.Command(stead(), append(args, "--exec", "--", "/proc/"+strconv.Itoa(os.Getpid())+"/exe")...)
	cmd.Env = append(os.Environ(), workerEnv+"="+socket, "STEAD_BROKER_SITE="+site)
	log := &testns.Log{}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		ended := make(chan struct{})
		go func() { _ = cmd.Wait(); close(ended) }()
		select {
		case <-ended:
		case <-time.After(patience):
			t.Error("a gate does not end")
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			<-ended
		}
		if t.Failed() {
			t.Logf("the gate of %s:\n%s", site, log)
		}
	})
	return cmd
}

// produce appends events until the test ends.
func produce(t *testing.T, socket string) {
	r, err := dial(socket)
	if err != nil {
		t.Fatal(err)
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for number := 0; ; number++ {
			select {
			case <-stop:
				return
			case <-time.After(2 * time.Millisecond):
			}
			if _, err := r.do("XADD", source, "*", "number", strconv.Itoa(number)); err != nil {
				t.Errorf("produce: %v", err)
				return
			}
		}
	}()
	t.Cleanup(func() { close(stop); <-stopped; _ = r.conn.Close() })
}

// TestFencedTakeover lets the right go from east to west, because east cannot
// reach the share, and back by an operator. What Redis holds then is each event
// once, in order, and a late writer of the first epoch is refused.
func TestFencedTakeover(t *testing.T) {
	s := sharetest.New(t, 2)
	socket := startRedis(t)
	r, err := dial(socket)
	if err != nil {
		t.Fatal(err)
	}
	produce(t, socket)
	seen := resultsOf(t, r)
	gate(t, s, east, socket)
	testns.Eventually(t, patience, "east processes events", func() bool { return seen(east) > 100 })
	if _, err := os.Stat(filepath.Join(s.Dir, east, "heartbeat.txt")); err != nil {
		t.Fatalf("east has no heartbeat: %v", err)
	}
	gate(t, s, west, socket)

	s.Set(t, 0, share.Faults{Fail: syscall.EIO})
	testns.Eventually(t, patience, "west processes events", func() bool { return seen(west) > 100 })
	list, err := r.entries(source, "0-0", 1_000_000)
	if err != nil || len(list) == 0 {
		t.Fatalf("%v", err)
	}
	newest := list[len(list)-1].id
	if outcome, err := r.apply("1", east, newest); err != nil || outcome != refused {
		t.Errorf("a writer of epoch 1 got %d, %v; want it refused", outcome, err)
	}

	s.Set(t, 0, share.Faults{})
	gate(t, s, east, socket) // the first one has ended with its workload
	switchover := exec.Command(stead(), "gate", "switchover", "--to", east, "--store", "folder:"+s.Sites[1].At())
	before := seen(east)
	if out, err := switchover.CombinedOutput(); err != nil {
		t.Fatalf("switchover: %v: %s", err, out)
	}
	testns.Eventually(t, patience, "east processes events again", func() bool { return seen(east) > before+100 })
}

// resultsOf returns what looks at the results that are new, and says how many a
// site has written. Each result has to be of the event that follows the one
// before, under an epoch that is not lower.
func resultsOf(t *testing.T, r *redis) func(site string) int {
	written, lastResult, lastEvent, lastEpoch := map[string]int{}, "0-0", "0-0", 0
	return func(site string) int {
		t.Helper()
		fresh, err := r.entries(result, lastResult, 1_000_000)
		if err != nil {
			t.Fatal(err)
		}
		source, err := r.entries(source, lastEvent, len(fresh)+1)
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range fresh {
			epoch, err := strconv.Atoi(e.fields[1])
			by, event := e.fields[3], e.fields[5]
			if err != nil || epoch < lastEpoch || event != source[i].id {
				t.Fatalf("after event %s under epoch %d: event %s by %s under epoch %s, want event %s", lastEvent, lastEpoch, event, by, e.fields[1], source[i].id)
			}
			written[by]++
			lastResult, lastEvent, lastEpoch = e.id, event, epoch
		}
		return written[site]
	}
}
