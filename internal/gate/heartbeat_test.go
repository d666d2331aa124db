package gate

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stead/internal/core/gate"
	"stead/internal/testns"
)

// leaf is a page that takes what is written, or does not.
type leaf struct {
	err  error
	hang bool
	got  string
}

func (l *leaf) Write(ctx context.Context, value []byte) error {
	if l.hang {
		<-ctx.Done()
		return ctx.Err()
	}
	l.got = string(value)
	return l.err
}

// A heartbeat counts when the other site can see it: on one page where it takes
// all of them to be silent, on all where one is enough.
func TestWritten(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		name  string
		pages []page
		all   bool
		good  bool
	}{
		{"one", []page{&leaf{}}, false, true},
		{"one of two", []page{&leaf{err: broken}, &leaf{}}, false, true},
		{"one of two, all needed", []page{&leaf{err: broken}, &leaf{}}, true, false},
		{"two of two, all needed", []page{&leaf{}, &leaf{}}, true, true},
		{"none", []page{&leaf{err: broken}, &leaf{hang: true}}, false, false},
		{"one hangs", []page{&leaf{hang: true}, &leaf{}}, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := heartbeat{pages: c.pages, all: c.all, timeout: 20 * time.Millisecond, Heartbeat: gate.Heartbeat{Site: "west"}}
			if c.good {
				h.timeout = time.Hour // what hangs is not waited for
			}
			written := make(chan error, 1)
			go func() { written <- h.write(t.Context()) }()
			select {
			case err := <-written:
				if (err == nil) != c.good {
					t.Errorf("write: %v", err)
				}
			case <-time.After(patience):
				t.Errorf("write: no end after %v", patience)
			}
		})
	}
}

// A heartbeat in ticks is the number alone; one that no gate writes tells of no right.
func TestTextOfTheBeat(t *testing.T) {
	at := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	h := heartbeat{format: gate.FormatTicks, Heartbeat: gate.Heartbeat{Site: "west", At: at}}
	if got := string(h.text()); got != "639309024000000000" {
		t.Errorf("ticks %q", got)
	}
	h.format, h.Mute = gate.FormatStead, true
	if s := gate.FormatAuto.Sight("west", h.text()); s.Sight != gate.Beaten || !s.Mute {
		t.Errorf("%q is seen as %+v", h.text(), s)
	}
}

// A beater ends when it could not write for StopAfter, and not before; what it says
// of itself goes with it.
func TestBeaterEnds(t *testing.T) {
	dir := t.TempDir()
	set := BeatSettings{Site: "west", Stores: []string{"folder:" + dir}, Every: 30 * time.Millisecond, StopAfter: 3 * time.Second, Timeout: time.Second}
	if err := set.Check(); err != nil {
		t.Fatal(err)
	}
	log := &record{}
	b, err := OpenBeater(t.Context(), &set, around(log, 1))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	ended := make(chan error, 1)
	go func() { ended <- b.Run(t.Context()) }()
	testns.Eventually(t, patience, "ten heartbeats are written", func() bool { return b.Status().Written >= 10 })
	if !b.Status().Healthy || ask(b.Handler(), "/healthz") != 200 {
		t.Errorf("not healthy: %+v", b.Status())
	}
	// The folder of the site is another thing now.
	if err := os.RemoveAll(filepath.Join(dir, "west")); err != nil {
		t.Fatal(err)
	}
	for err = errors.New(""); err != nil; { // the beater may make it again meanwhile
		_ = os.RemoveAll(filepath.Join(dir, "west"))
		err = os.WriteFile(filepath.Join(dir, "west"), nil, 0o644)
	}
	select {
	case err = <-ended:
	case <-time.After(patience):
		t.Fatal("the beater goes on")
	}
	if err == nil || !strings.Contains(err.Error(), "could not be written for") {
		t.Errorf("ended with %v", err)
	}
	if b.Status().Healthy || ask(b.Handler(), "/healthz") != 503 {
		t.Errorf("healthy: %+v", b.Status())
	}
}

func TestBeatSettings(t *testing.T) {
	for want, set := range map[string]BeatSettings{
		"site: is missing":                {Stores: []string{"folder:/a"}, Every: 1, Timeout: 1},
		"store: is missing":               {Site: "a", Every: 1, Timeout: 1},
		"is not longer than the period":   {Site: "a", Stores: []string{"folder:/a"}, Every: 2, StopAfter: 2, Timeout: 1},
		"have to be longer than 0":        {Site: "a", Stores: []string{"folder:/a"}, Timeout: 1},
		"other: is missing":               {Site: "a", Network: Network{Listen: "x"}, Every: 1, Timeout: 1},
		"does not begin with a kind of s": {Site: "a", Stores: []string{"x"}, Every: 1, Timeout: 1},
	} {
		if err := set.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}
