package objecttest

import (
	"errors"
	"net/http"
	"testing"

	"stead/internal/adapter/store"
	"stead/test/stores"
)

func (p Place) lost(t *testing.T) {
	r, other, version := p.held(t)
	before := p.puts()
	p.Proxy.Next(http.MethodPut, stores.Lose)
	mustBeOpen(t, within(t, generous), r, version)
	if n := p.puts() - before; n != 1 {
		t.Errorf("the write was sent %d times", n)
	}
	next := mustRead(t, other, "turn=2")
	mustConflict(t, r, version)
	mustSwap(t, r, next, "turn=4")
}

func (p Place) lostFirst(t *testing.T) {
	r := p.unused(t)
	p.Proxy.Next(http.MethodPut, stores.Lose)
	mustBeOpen(t, within(t, generous), r, "")
	mustRead(t, r, "turn=2")
	mustConflict(t, r, "")
}

func (p Place) late(t *testing.T) {
	r, other, version := p.held(t)
	held, fault := stores.Late()
	p.Proxy.Next(http.MethodPut, fault)
	mustBeOpen(t, within(t, brief), r, version)
	mustRead(t, other, "turn=1")
	if status := held.Release(); status != http.StatusOK && status != http.StatusCreated {
		t.Fatalf("the late write: %d", status)
	}
	mustRead(t, other, "turn=2")
	mustConflict(t, other, version)
}

func (p Place) lateLoses(t *testing.T) {
	r, other, version := p.held(t)
	held, fault := stores.Late()
	p.Proxy.Next(http.MethodPut, fault)
	mustBeOpen(t, within(t, brief), r, version)
	mustSwap(t, other, version, "turn=5")
	if status := held.Release(); status != http.StatusPreconditionFailed && status != http.StatusConflict {
		t.Fatalf("the late write: %d", status)
	}
	mustRead(t, r, "turn=5")
}

func (p Place) repeated(t *testing.T) {
	r, other, version := p.held(t)
	p.Proxy.Next(http.MethodPut, stores.Repeat)
	next := mustSwap(t, r, version, "turn=2")
	if seen := mustRead(t, other, "turn=2"); seen != next {
		t.Errorf("the version is %q and was said to be %q", seen, next)
	}
}

func (p Place) repeatedFirst(t *testing.T) {
	r := p.unused(t)
	p.Proxy.Next(http.MethodPut, stores.Repeat)
	next := mustSwap(t, r, "", "turn=1")
	if seen := mustRead(t, r, "turn=1"); seen != next {
		t.Errorf("the version is %q and was said to be %q", seen, next)
	}
}

// blind loses a race, and then cannot read who has won it.
func (p Place) blind(t *testing.T) {
	r, other, version := p.held(t)
	mustSwap(t, other, version, "turn=5")
	p.Proxy.Next(http.MethodGet, stores.Answers(http.StatusInternalServerError, nil, ""))
	mustBeOpen(t, within(t, generous), r, version)
	mustConflict(t, r, version)
}

func (p Place) errors(t *testing.T) {
	for _, status := range []int{429, 500, 502, 503, 504} {
		r, other, version := p.held(t)
		before := p.puts()
		p.Proxy.Next(http.MethodPut, stores.Answers(status, nil, "<html>oops</html>"))
		mustBeOpen(t, within(t, generous), r, version)
		if n := p.puts() - before; n != 1 {
			t.Errorf("%d: the write was sent %d times", status, n)
		}
		p.Proxy.Next(http.MethodGet, stores.Answers(status, nil, "<html>oops</html>"))
		if value, _, err := r.Read(within(t, generous)); err == nil || errors.Is(err, store.ErrAbsent) {
			t.Errorf("%d: read %q, %v", status, value, err)
		}
		mustRead(t, other, "turn=1")
	}
	r, _, version := p.held(t)
	p.Proxy.Next(http.MethodPut, p.Busy)
	mustBeOpen(t, within(t, generous), r, version)
	mustSwap(t, r, version, "turn=2")
}

func (p Place) hangs(t *testing.T) {
	r, other, version := p.held(t)
	whole := within(t, generous)
	p.Proxy.Next(http.MethodPut, stores.Hang)
	mustBeOpen(t, within(t, brief), r, version)
	p.Proxy.Next(http.MethodGet, stores.Hang)
	if value, _, err := r.Read(within(t, brief)); err == nil || errors.Is(err, store.ErrAbsent) {
		t.Errorf("read %q, %v", value, err)
	}
	if whole.Err() != nil {
		t.Errorf("took more than %v", generous)
	}
	mustRead(t, other, "turn=1")
	mustSwap(t, r, version, "turn=2")
}

func (p Place) dropped(t *testing.T) {
	r, other, version := p.held(t)
	before := p.puts()
	p.Proxy.Next(http.MethodPut, stores.Drop)
	mustBeOpen(t, within(t, generous), r, version)
	if n := p.puts() - before; n != 1 {
		t.Errorf("the write was sent %d times", n)
	}
	mustRead(t, other, "turn=1")
}

// again writes the same value twice: who has seen the first one conflicts.
func (p Place) again(t *testing.T) {
	r, other, first := p.held(t)
	second := mustSwap(t, other, first, "turn=2")
	third := mustSwap(t, other, second, "turn=1")
	if third == first {
		t.Errorf("version %q has come back with the value", first)
	}
	mustConflict(t, r, first)
}

// oddKeys are those of blobs that others write, such as checkpoints of consumers.
func (p Place) oddKeys(t *testing.T) {
	s := p.Open(t)
	for _, key := range []string{"hub/$default/checkpoint/0", "a b", "50%", "50%25", "a#b", "a?b=c&d", "a+b", "a@b:c", "it's(1)!*,;~", "[a]{b}|^`"} {
		b := s.Blob("odd/" + key)
		if err := b.Write(within(t, generous), []byte(key)); err != nil {
			t.Errorf("write %q: %v", key, err)
			continue
		}
		if value, err := b.Read(within(t, generous)); err != nil || string(value) != key {
			t.Errorf("read %q: %q, %v", key, value, err)
		}
	}
}
