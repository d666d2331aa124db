package queue

import (
	"context"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"stead/internal/workload"
)

// eventually waits until done says so.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not in time: " + what)
		}
	}
}

func serve(t *testing.T) (*Log, string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	log := New(time.Millisecond)
	server := Serve(log, listener)
	t.Cleanup(server.Close)
	return log, "http://" + listener.Addr().String()
}

// consume starts a consumer and returns what ends it and waits for it.
func consume(t *testing.T, opt Options) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Consume(ctx, opt) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// One consumer after the other, each ended as one that hands over: nothing is
// processed twice and nothing is missing.
func TestHandOver(t *testing.T) {
	log, url := serve(t)
	for i, site := range []string{"a", "b", "a"} {
		stop := consume(t, Options{URL: url, Site: site, Epoch: uint64(i + 1)})
		eventually(t, site+" processes events", func() bool { return count(log).Processed > 100*(i+1) })
		stop()
	}
	if c := count(log); c.Twice+c.FencedTwice+c.StaleAccepted+c.StaleRefused+c.Missing > 0 {
		t.Errorf("%+v", c)
	}
}

func count(log *Log) Counts {
	consumers, _ := log.Consumers()
	return Count(log.Records(), consumers, 0)
}

// Two consumers at once: the plain sink has what both did, the fencing sink only
// what the newer one did.
func TestTwoAtOnce(t *testing.T) {
	log, url := serve(t)
	a := consume(t, Options{URL: url, Site: "a", Epoch: 1})
	eventually(t, "a processes events", func() bool { return count(log).Processed > 50 })
	b := consume(t, Options{URL: url, Site: "b", Epoch: 2})
	eventually(t, "both process events", func() bool { c := count(log); return c.ByBoth > 50 && c.StaleRefused > 50 })
	a()
	b()
	if c := count(log); c.FencedTwice+c.StaleAccepted+c.Missing > 0 {
		t.Errorf("%+v", c)
	}
}

func TestSinkRefuses(t *testing.T) {
	log := New(time.Hour)
	log.Began(Consumer{Site: "a", Epoch: 3})
	for i, step := range []struct {
		epoch uint64
		event int
		want  Outcome
	}{{3, 0, Accepted}, {3, 2, Gap}, {2, 1, Stale}, {3, 0, Known}, {4, 1, Accepted}, {3, 2, Stale}, {0, 2, ""}} {
		if got := log.Process(Record{Epoch: step.epoch, Event: step.event}); got != step.want {
			t.Errorf("step %d: %q, want %q", i, got, step.want)
		}
	}
	if log.Commit(3, 9) || !log.Commit(4, 9) {
		t.Error("the checkpoint is not fenced")
	}
}

// The count finds a stale epoch that a sink has accepted, whatever the sink says.
func TestCountFindsStale(t *testing.T) {
	consumers := []Consumer{{Site: "a", Epoch: 1, Known: 10}, {Site: "b", Epoch: 2, Known: 20}}
	records := []Record{
		{At: 15, Site: "a", Epoch: 1, Event: 0, Fenced: Accepted},
		{At: 25, Site: "b", Epoch: 2, Event: 0, Fenced: Accepted},
		{At: 26, Site: "a", Epoch: 1, Event: 2, Fenced: Accepted},
		{At: 27, Site: "a", Epoch: 1, Event: 3, Fenced: Stale},
	}
	want := Counts{Processed: 3, Twice: 1, ByBoth: 1, FencedTwice: 1, StaleAccepted: 1, StaleRefused: 1, Missing: 1}
	if got := Count(records, consumers, 25); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	want.Twice, want.ByBoth = 0, 0
	if got := Count(records, consumers, 26); got != want {
		t.Errorf("since the second time: got %+v, want %+v", got, want)
	}
}

// The end of a consumer is known from the kernel.
func TestEnd(t *testing.T) {
	log, url := serve(t)
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestConsumer$")
	cmd.Env = append(os.Environ(), "STEAD_QUEUE="+url)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	eventually(t, "it processes events", func() bool { return len(log.Records()) > 10 })
	if list, _ := log.Consumers(); len(list) != 1 || list[0].Ended != 0 || list[0].Began == 0 {
		t.Fatalf("%+v", list)
	}
	killed := workload.Now()
	_ = cmd.Process.Kill()
	eventually(t, "its end is known", func() bool { list, _ := log.Consumers(); return list[0].Ended > killed })
}

// TestConsumer is the program that TestEnd starts.
func TestConsumer(t *testing.T) {
	url := os.Getenv("STEAD_QUEUE")
	if url == "" {
		return
	}
	if err := Consume(t.Context(), Options{URL: url, Site: "a"}); err != nil {
		t.Fatal(err)
	}
}
