package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/adapter/store"
	"stead/internal/config"
	"stead/internal/core"
)

// shelf is a store of blobs and of their metadata, by key and by key#name.
type shelf map[string]string

func (s shelf) Register(string) store.Register { return nil }
func (s shelf) Blob(key string) store.Blob     { return shelved{s, key} }
func (s shelf) Close() error                   { return nil }
func (s shelf) Metadata(ctx context.Context, key, name string) (string, error) {
	content, err := shelved{s, key + "#" + name}.Read(ctx)
	return string(content), err
}

type shelved struct {
	shelf shelf
	key   string
}

func (s shelved) Write(context.Context, []byte) error { return errors.ErrUnsupported }
func (s shelved) Read(ctx context.Context) ([]byte, error) {
	switch value, ok := s.shelf[s.key]; {
	case !ok:
		return nil, store.ErrAbsent
	case value == "hangs":
		<-ctx.Done()
		return nil, ctx.Err()
	default:
		return []byte(value), nil
	}
}

func (s shelf) stores(name string) (store.Store, bool) { return s, name == "dr" }

// progress builds the probe of a progress check that stalls after an hour.
func progress(t testing.TB, stores Stores, at config.Number, end *config.Number) Probe {
	t.Helper()
	p, err := New(Target{Group: "web", Stores: stores, Check: config.Check{
		Name: "check", Kind: config.CheckProgress, Interval: time.Hour, Timeout: generous,
		Progress: &config.Progress{At: at, End: end, Stalled: time.Hour},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestProgressOfFiles(t *testing.T) {
	dir := t.TempDir()
	at, end := filepath.Join(dir, "at.json"), filepath.Join(dir, "end")
	p := progress(t, nil, config.Number{From: at, Pointer: "/SequenceNumber"}, &config.Number{From: end})
	want(t, run(p, generous), core.CouldNotRun, at+": no such file")
	write(t, at, `{"Offset":"774464","SequenceNumber":3462,"PartitionId":"1","Epoch":2}`)
	want(t, run(p, generous), core.CouldNotRun, "end: "+end+": no such file")
	write(t, end, "3500")
	want(t, run(p, generous), core.CouldNotRun, "not seen to move yet: the checkpoint has stood at 3462")
	write(t, at, `{"Offset":"774464","SequenceN`)
	want(t, run(p, generous), core.CouldNotRun, "cut off")
	write(t, at, `{"SequenceNumber":"3463"}`)
	want(t, run(p, generous), core.Passed, "")
	write(t, at, "")
	want(t, run(p, generous), core.CouldNotRun, "checkpoint: "+at+": empty")
	write(t, at, strings.Repeat(" ", documentLimit)+"1")
	want(t, run(p, generous), core.CouldNotRun, "longer than 65536 bytes")
	if err := os.Remove(end); err != nil {
		t.Fatal(err)
	}
	write(t, at, `{"SequenceNumber":3464}`)
	want(t, run(p, generous), core.Passed, "") // it has moved, whatever the end is
	want(t, run(p, generous), core.CouldNotRun, "end: "+end)
}

// What stands still for long enough has failed, by the time that really passes.
func TestProgressFails(t *testing.T) {
	at := filepath.Join(t.TempDir(), "at")
	write(t, at, "5")
	p, err := NewProgress(config.Progress{At: config.Number{From: at}, Stalled: time.Nanosecond}, time.Hour, generous, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	want(t, run(p, generous), core.CouldNotRun, "not seen to move yet")
	want(t, run(p, generous), core.Failed, "the checkpoint has stood at 5")
}

func TestProgressOfWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, fifo, "/dev/zero"} {
		want(t, run(progress(t, nil, config.Number{From: path}, nil), generous), core.CouldNotRun, "not a regular file")
	}
}

func TestProgressOverHTTP(t *testing.T) {
	var answer atomic.Pointer[string]
	set := func(text string) { answer.Store(&text) }
	url, _ := site(t, func(w http.ResponseWriter, r *http.Request) {
		switch text := *answer.Load(); text {
		case "redirect":
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		case "503":
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			_, _ = io.WriteString(w, text)
		}
	})
	p := progress(t, nil, config.Number{From: url, Pointer: "/lag/at"}, &config.Number{From: url, Pointer: "/lag/end"})
	for _, c := range []struct {
		answer, detail string
		outcome        core.Outcome
	}{
		{`{"lag":{"at":1,"end":9}}`, "not seen to move yet", core.CouldNotRun},
		{`{"lag":{"at":2,"end":9}}`, "", core.Passed},
		{"redirect", "status 302", core.CouldNotRun},
		{"503", "status 503", core.CouldNotRun},
		{strings.Repeat(" ", documentLimit) + `{"lag":{"at":3,"end":9}}`, "longer than", core.CouldNotRun},
		{strings.Repeat(" ", documentLimit-24) + `{"lag":{"at":3,"end":9}}`, "", core.Passed},
		{`{"lag":{"at":3}}`, "end: " + url + ": there is no /lag/end", core.CouldNotRun},
	} {
		set(c.answer)
		want(t, run(p, generous), c.outcome, c.detail)
	}
}

func TestProgressOverHTTPThatIsNotThere(t *testing.T) {
	l := listen(t)
	_ = l.Close()
	p := progress(t, nil, config.Number{From: "http://" + l.Addr().String() + "/"}, nil)
	want(t, run(p, generous), core.CouldNotRun, "refused")
}

func TestProgressInAStore(t *testing.T) {
	s := shelf{"hub/0#sequencenumber": "7", "hub/0": `{"end":"9"}`}
	at := config.Number{From: "store:dr/hub/0#sequencenumber"}
	p := progress(t, s.stores, at, &config.Number{From: "store:dr/hub/0", Pointer: "/end"})
	want(t, run(p, generous), core.CouldNotRun, "not seen to move yet")
	s["hub/0#sequencenumber"] = "8"
	want(t, run(p, generous), core.Passed, "")
	s["hub/0"] = "hangs"
	want(t, run(p, brief), core.CouldNotRun, "end: store:dr/hub/0: context deadline exceeded")
	delete(s, "hub/0#sequencenumber")
	want(t, run(p, generous), core.CouldNotRun, store.ErrAbsent.Error())
	s["hub/0"] = strings.Repeat(" ", documentLimit+1)
	want(t, run(progress(t, s.stores, config.Number{From: "store:dr/hub/0"}, nil), generous), core.CouldNotRun, "longer than")
	want(t, run(progress(t, s.stores, config.Number{From: "store:other/hub/0"}, nil), generous), core.CouldNotRun, `no store "other"`)
}

func TestProgressThatCannotBeBuilt(t *testing.T) {
	good := config.Number{From: "/run/at"}
	for detail, c := range map[string]config.Progress{
		"checkpoint: \"run/at\": want an absolute path": {At: config.Number{From: "run/at"}, Stalled: 1},
		"it begins with /":         {At: config.Number{From: "/run/at", Pointer: "at"}, Stalled: 1},
		"end: \"store:dr\"":        {At: good, End: &config.Number{From: "store:dr"}, Stalled: 1},
		"want store:NAME/KEY":      {At: config.Number{From: "store:dr/key#"}, Stalled: 1},
		"no host":                  {At: config.Number{From: "http:///x"}, Stalled: 1},
		"stalled is 0s":            {At: good},
		"ftp://x/y\": want an abs": {At: config.Number{From: "ftp://x/y"}, Stalled: 1},
	} {
		if _, err := NewProgress(c, time.Second, time.Second, shelf{}.stores); err == nil || !strings.Contains(err.Error(), detail) {
			t.Errorf("%v; want %q", err, detail)
		}
	}
	if _, err := NewProgress(config.Progress{At: config.Number{From: "store:dr/key"}, Stalled: 1}, 1, 1, nil); err == nil || !strings.Contains(err.Error(), "no stores here") {
		t.Error(err)
	}
	if _, err := New(Target{Check: config.Check{Kind: config.CheckProgress}}); err == nil {
		t.Error("a check without a checkpoint is built")
	}
}

// A group hands its stores to its checks.
func TestProgressInASet(t *testing.T) {
	s := shelf{"at": "7"}
	results := make(chan Result, 100)
	set, err := Start("primary", []Group{{Name: "web", Stores: s.stores, Checks: []config.Check{{
		Name: "work", Kind: config.CheckProgress, Interval: 10 * time.Millisecond, Timeout: generous,
		Progress: &config.Progress{At: config.Number{From: "store:dr/at"}, End: &config.Number{From: "store:dr/at"}, Stalled: time.Hour},
	}}}}, func(_ core.GroupID, _ int, r Result) {
		select {
		case results <- r:
		default:
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer set.Stop()
	want(t, <-results, core.Passed, "")
}

func BenchmarkProgressFiles(b *testing.B) {
	at := filepath.Join(b.TempDir(), "at.json")
	write(b, at, fmt.Sprintf(`{"Offset":"774464","SequenceNumber":%d,"PartitionId":"1","Epoch":2}`, 3462))
	n := config.Number{From: at, Pointer: "/SequenceNumber"}
	p := progress(b, nil, n, &n)
	b.ReportAllocs()
	for b.Loop() {
		if r := run(p, generous); r.Outcome != core.Passed {
			b.Fatal(r.Detail)
		}
	}
}
