package workload

import (
	"sort"
	"sync"
	"time"

	"stead/internal/core/clock"
)

// MaxRequests is how many requests one run keeps: 70 minutes at 1 ms.
const MaxRequests = 1 << 22

// history is the samples of a run, written by the threads of a client and read
// while they write.
type history struct {
	mu      sync.Mutex
	samples []Sample
	ids     map[string]string // one string for each server, however often it answers
}

// add appends a request. It reports false when the history is full.
func (h *history) add(sent clock.Instant) (seq uint64, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.samples) == MaxRequests {
		return 0, false
	}
	h.samples = append(h.samples, Sample{Sent: sent})
	return uint64(len(h.samples) - 1), true
}

// answer records an answer, unless it came later than the timeout.
func (h *history) answer(seq uint64, id []byte, at clock.Instant, timeout time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if seq >= uint64(len(h.samples)) {
		return
	}
	s := &h.samples[seq]
	switch {
	case at.Sub(s.Sent) > timeout:
	case !s.Answered():
		s.Received, s.ID = at, h.intern(id)
	case s.ID != string(id) && s.Second == "":
		s.Second = h.intern(id)
	}
}

func (h *history) intern(id []byte) string {
	if known, ok := h.ids[string(id)]; ok {
		return known
	}
	if h.ids == nil {
		h.ids = map[string]string{}
	}
	text := string(id)
	if text == "" {
		text = "?"
	}
	h.ids[string(id)] = text
	return text
}

// between copies the samples sent at or after from and before to.
func (h *history) between(from, to clock.Instant) []Sample {
	h.mu.Lock()
	defer h.mu.Unlock()
	lo := sort.Search(len(h.samples), func(i int) bool { return h.samples[i].Sent >= from })
	hi := sort.Search(len(h.samples), func(i int) bool { return h.samples[i].Sent >= to })
	return append([]Sample(nil), h.samples[lo:max(lo, hi)]...)
}

// since copies the samples from number first on.
func (h *history) since(first int) []Sample {
	h.mu.Lock()
	defer h.mu.Unlock()
	if first >= len(h.samples) {
		return nil
	}
	return append([]Sample(nil), h.samples[first:]...)
}

// open tells whether a request sent at or after from waits for its answer.
func (h *history) open(from clock.Instant) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := len(h.samples) - 1; i >= 0 && h.samples[i].Sent >= from; i-- {
		if !h.samples[i].Answered() {
			return true
		}
	}
	return false
}
