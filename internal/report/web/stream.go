package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"stead/internal/report"
)

const (
	// maxStreams is how many pages may be open at once.
	maxStreams = 32
	// statusInterval is how often an open page gets a status.
	statusInterval = 500 * time.Millisecond
	// streamPatience is how long a page may take to read what it is sent.
	streamPatience = 5 * time.Second
	// firstEvents is how many events a page gets when it is opened.
	firstEvents = 50
)

// limit counts who is inside.
type limit struct {
	mu     sync.Mutex
	most   int
	inside int
}

func (l *limit) enter() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.inside >= l.most {
		return false
	}
	l.inside++
	return true
}

func (l *limit) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inside--
}

// view is a status as the page gets it.
type view struct {
	report.Status
	Problems []string `json:"problems"`
	Stale    string   `json:"stale,omitempty"` // why this status cannot be believed
}

func (s *Server) view() view {
	status, stale := s.recent()
	if status == nil {
		return view{Stale: stale, Problems: []string{}}
	}
	v := view{Status: status.Listed(), Problems: status.Problems(), Stale: stale}
	if v.Problems == nil {
		v.Problems = []string{}
	}
	return v
}

func (s *Server) status(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(s.view())
}

// stream sends events as they come and the status twice a second, as server-sent events.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	if !s.streams.enter() {
		say(w, http.StatusServiceUnavailable, fmt.Sprintf("%d pages are open already: close one", maxStreams))
		return
	}
	defer s.streams.leave()
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{})
	w.Header().Set("Content-Type", "text/event-stream")

	cursor := s.Log.Follow(s.from(r))
	ticker := time.NewTicker(statusInterval)
	defer ticker.Stop()
	for {
		var out bytes.Buffer
		frame(&out, "status", 0, s.view())
		for _, e := range cursor.Ready() {
			frame(&out, "change", e.Seq, e)
		}
		_ = control.SetWriteDeadline(time.Now().Add(streamPatience))
		if _, err := w.Write(out.Bytes()); err != nil {
			return
		}
		if control.Flush() != nil || !tick(r.Context(), ticker) {
			return
		}
	}
}

func tick(ctx context.Context, ticker *time.Ticker) bool {
	select {
	case <-ctx.Done():
		return false
	case <-ticker.C:
		return true
	}
}

// from is the last event that the page has: a browser that connects again says so.
func (s *Server) from(r *http.Request) uint64 {
	text := r.Header.Get("Last-Event-ID")
	if text == "" {
		text = r.FormValue("since")
	}
	if seq, err := strconv.ParseUint(text, 10, 64); err == nil {
		return seq
	}
	if last := s.Log.Last(firstEvents); len(last) > 0 {
		return last[0].Seq - 1
	}
	return 0
}

func frame(out *bytes.Buffer, kind string, id uint64, body any) {
	data, err := json.Marshal(body)
	if err != nil {
		return
	}
	fmt.Fprintf(out, "event: %s\n", kind)
	if id > 0 {
		fmt.Fprintf(out, "id: %d\n", id)
	}
	fmt.Fprintf(out, "data: %s\n\n", data)
}
