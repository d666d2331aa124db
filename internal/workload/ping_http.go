package workload

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// httpAsker asks over a new connection each time, as the trial's client did: a
// kept connection would show when the connection breaks, not when the address moves.
type httpAsker struct {
	url     string
	client  *http.Client
	hist    *history
	timeout time.Duration
	room    chan struct{}
	open    sync.WaitGroup
}

// maxOpenRequests is how many HTTP requests may be under way. What would be one
// more is a loss: so many unanswered requests mean that nobody answers.
const maxOpenRequests = 1024

func newHTTPAsker(opt Options, hist *history) *httpAsker {
	dialer := net.Dialer{Timeout: opt.Timeout}
	return &httpAsker{
		url:     "http://" + opt.Target.String() + "/",
		hist:    hist,
		timeout: opt.Timeout,
		room:    make(chan struct{}, maxOpenRequests),
		client: &http.Client{
			Timeout:   opt.Timeout,
			Transport: &http.Transport{DisableKeepAlives: true, DialContext: dialer.DialContext},
		},
	}
}

func (h *httpAsker) ask(seq uint64) {
	select {
	case h.room <- struct{}{}:
	default:
		return
	}
	h.open.Add(1)
	go func() {
		defer func() { <-h.room; h.open.Done() }()
		h.get(seq)
	}()
}

func (h *httpAsker) get(seq uint64) {
	ctx, cancel := context.WithTimeout(context.Background(), h.timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, h.url, nil)
	if err != nil {
		return
	}
	answer, err := h.client.Do(request)
	if err != nil {
		return
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxIDSize))
	if err != nil || answer.StatusCode != http.StatusOK {
		return
	}
	h.hist.answer(seq, []byte(strings.TrimSpace(string(body))), Now(), h.timeout)
}

func (h *httpAsker) drain() { h.open.Wait() }
