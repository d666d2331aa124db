package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"stead/internal/adapter/hook"
	"stead/internal/adapter/outbox"
	"stead/internal/config"
	"stead/internal/core/reason"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const generous = 20 * time.Second

// server answers every request with the next of its answers, the last for ever.
type server struct {
	*httptest.Server
	mu      sync.Mutex
	answers []http.HandlerFunc
	got     []request
	came    chan struct{}
}

type request struct {
	header http.Header
	body   map[string]any
	path   string
}

func serve(t *testing.T, answers ...http.HandlerFunc) *server {
	t.Helper()
	s := &server{answers: answers, came: make(chan struct{}, 100)}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, _ := io.ReadAll(r.Body)
	body := map[string]any{}
	if err := json.Unmarshal(text, &body); err != nil || r.Method != http.MethodPost {
		http.Error(w, "not a POST of JSON", http.StatusTeapot)
		return
	}
	s.mu.Lock()
	s.got = append(s.got, request{r.Header.Clone(), body, r.URL.Path})
	answer := s.answers[0]
	if len(s.answers) > 1 {
		s.answers = s.answers[1:]
	}
	s.mu.Unlock()
	s.came <- struct{}{}
	answer(w, r)
}

func (s *server) requests() []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

func status(code int, fields ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(fields); i += 2 {
			w.Header().Set(fields[i], fields[i+1])
		}
		w.WriteHeader(code)
		_, _ = fmt.Fprintf(w, "answer %d\n", code)
	}
}

// deliver starts a webhook with short pauses whose results go to a channel.
func deliver(t *testing.T, cfg config.Webhook) (*Webhook, <-chan outbox.Result) {
	t.Helper()
	if cfg.Timeout == 0 {
		cfg.Timeout = generous
	}
	if cfg.Retry == 0 {
		cfg.Retry = time.Hour
	}
	results := make(chan outbox.Result, 100)
	w := start(cfg, outbox.Options[hook.Event]{
		First: time.Millisecond, Most: 4 * time.Millisecond, Report: func(r outbox.Result) { results <- r },
	})
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		w.Stop(ctx)
	})
	return w, results
}

func change(epoch uint64) hook.Event {
	return hook.Event{
		Kind: config.HookActivate, At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Group: "web", Node: "primary", Epoch: epoch, Priority: 101,
		Reason: reason.PeerSilent, Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24")}, ActiveNode: "primary",
	}
}

func next(t *testing.T, results <-chan outbox.Result) outbox.Result {
	t.Helper()
	select {
	case r := <-results:
		return r
	case <-time.After(generous):
		t.Fatal("no result")
		return outbox.Result{}
	}
}

func TestPostsTheDocumentWithTokenAndHeaders(t *testing.T) {
	s := serve(t, status(204))
	w, results := deliver(t, config.Webhook{URL: s.URL + "/in", Token: []byte("s3cret\n"), Headers: map[string]string{"X-Team": "net"}})
	w.Tell(change(7))
	if r := next(t, results); r.Outcome != outbox.Sent {
		t.Fatalf("%v %v", r.Outcome, r.Err)
	}
	got := s.requests()[0]
	id, _ := got.body["id"].(string)
	sent, err := time.Parse(time.RFC3339Nano, fmt.Sprint(got.body["sent_at"]))
	if err != nil || time.Since(sent) > time.Minute || len(id) != 32 {
		t.Errorf("sent_at %v, id %q", got.body["sent_at"], id)
	}
	delete(got.body, "id")
	delete(got.body, "sent_at")
	want := "map[active_node:primary addresses:[192.0.2.1/24] at:2026-01-02T03:04:05Z epoch:7 event:activate group:web node:primary priority:101 reason:peer-silent role:active]"
	if fmt.Sprint(got.body) != want || got.path != "/in" {
		t.Errorf("%s %v, want %s", got.path, got.body, want)
	}
	for name, want := range map[string]string{
		"Authorization": "Bearer s3cret", "X-Team": "net", "Content-Type": "application/json", "Idempotency-Key": id, "User-Agent": "stead",
	} {
		if got.header.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, got.header.Get(name), want)
		}
	}
}

func TestTriesAgainUntilItIsTaken(t *testing.T) {
	s := serve(t, status(503), status(500), status(408), status(425), status(429, "Retry-After", "0"), status(200))
	w, results := deliver(t, config.Webhook{URL: s.URL})
	w.Tell(change(1))
	w.Tell(change(2))
	if r := next(t, results); r.Outcome != outbox.Trying || !strings.Contains(r.Err.Error(), "503 Service Unavailable: answer 503") {
		t.Errorf("%v %v", r.Outcome, r.Err)
	}
	if a, b := next(t, results), next(t, results); a.Outcome != outbox.Sent || b.Outcome != outbox.Sent {
		t.Errorf("%v %v", a, b)
	}
	var epochs []string
	ids := map[string]bool{}
	for _, r := range s.requests() {
		epochs = append(epochs, fmt.Sprint(r.body["epoch"]))
		ids[r.header.Get("Idempotency-Key")] = true
	}
	if got := strings.Join(epochs, ""); got != "1111112" || len(ids) != 2 {
		t.Errorf("epochs %s with %d identities", got, len(ids))
	}
}

func TestRefusalIsNotTriedAgain(t *testing.T) {
	for _, code := range []int{400, 401, 404, 410, 422} {
		s := serve(t, status(code), status(200))
		w, results := deliver(t, config.Webhook{URL: s.URL, Token: []byte("s3cret")})
		w.Tell(change(1))
		r := next(t, results)
		if r.Outcome != outbox.Failed || !strings.Contains(r.Err.Error(), fmt.Sprint(code)) || strings.Contains(r.Err.Error(), "s3cret") {
			t.Errorf("%d: %v %v", code, r.Outcome, r.Err)
		}
		w.Tell(change(2))
		if r := next(t, results); r.Outcome != outbox.Sent || len(s.requests()) != 2 {
			t.Errorf("%d: then %v, %d requests", code, r.Outcome, len(s.requests()))
		}
	}
}

func TestServerAwayThenBack(t *testing.T) {
	s := serve(t, status(200))
	address := s.Listener.Addr().String()
	s.Close()
	w, results := deliver(t, config.Webhook{URL: "http://" + address})
	w.Tell(change(1))
	if r := next(t, results); r.Outcome != outbox.Trying {
		t.Fatalf("%v %v", r.Outcome, r.Err)
	}
	back := httptest.NewUnstartedServer(s)
	listener, err := listenAt(address)
	if err != nil {
		t.Fatal(err)
	}
	_ = back.Listener.Close()
	back.Listener = listener
	back.Start()
	defer back.Close()
	if r := next(t, results); r.Outcome != outbox.Sent {
		t.Errorf("%v %v", r.Outcome, r.Err)
	}
}

func TestGivesUpAtTheEndOfItsPatience(t *testing.T) {
	s := serve(t, status(500))
	w, results := deliver(t, config.Webhook{URL: s.URL, Retry: 30 * time.Millisecond})
	w.Tell(change(1))
	r := next(t, results)
	if r.Outcome == outbox.Trying {
		r = next(t, results)
	}
	if r.Outcome != outbox.Failed || w.Counts().Failed != 1 || !strings.Contains(w.Counts().LastError, "500") {
		t.Errorf("%v, counts %+v", r.Outcome, w.Counts())
	}
}

func TestServerThatDoesNotAnswer(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, func(http.ResponseWriter, *http.Request) { <-release }, status(200))
	defer close(release)
	w, results := deliver(t, config.Webhook{URL: s.URL, Timeout: 50 * time.Millisecond})
	w.Tell(change(1))
	if r := next(t, results); r.Outcome != outbox.Trying || !strings.Contains(r.Err.Error(), "deadline") {
		t.Errorf("%v %v", r.Outcome, r.Err)
	}
	if r := next(t, results); r.Outcome != outbox.Sent {
		t.Errorf("%v %v", r.Outcome, r.Err)
	}
}

func TestRedirections(t *testing.T) {
	stranger := serve(t, status(200))
	for _, c := range []struct {
		code    int
		to      string
		outcome outbox.Outcome
	}{
		{307, "/moved", outbox.Sent}, // the same host, the method is kept
		{308, "/moved", outbox.Sent},
		{302, "/moved", outbox.Failed}, // would become a GET
		{307, stranger.URL, outbox.Failed},
		{308, stranger.URL, outbox.Failed},
	} {
		s := serve(t, status(c.code, "Location", c.to), status(200))
		w, results := deliver(t, config.Webhook{URL: s.URL, Token: []byte("s3cret")})
		w.Tell(change(1))
		r := next(t, results)
		if r.Outcome != c.outcome {
			t.Errorf("%d to %s: %v %v, want %v", c.code, c.to, r.Outcome, r.Err, c.outcome)
		}
		if got := s.requests(); c.outcome == outbox.Sent && (len(got) != 2 || got[1].path != "/moved" || got[1].body["epoch"] != 1.0 || got[1].header.Get("Authorization") == "") {
			t.Errorf("%d: requests %v", c.code, got)
		}
	}
	if got := stranger.requests(); len(got) != 0 {
		t.Errorf("a stranger got %v", got)
	}
}

func TestCertificateIsVerified(t *testing.T) {
	s := &server{answers: []http.HandlerFunc{status(200)}, came: make(chan struct{}, 9)}
	s.Server = httptest.NewUnstartedServer(s)
	s.Config.ErrorLog = quiet
	s.StartTLS()
	defer s.Close()
	w, results := deliver(t, config.Webhook{URL: s.URL})
	w.Tell(change(1))
	if r := next(t, results); r.Outcome != outbox.Trying || !strings.Contains(r.Err.Error(), "certificate") || len(s.requests()) != 0 {
		t.Errorf("%v %v, %d requests", r.Outcome, r.Err, len(s.requests()))
	}
}

func TestReplace(t *testing.T) {
	old, fresh := serve(t, status(500)), serve(t, status(200))
	w, results := deliver(t, config.Webhook{URL: old.URL})
	w.Tell(change(1))
	next(t, results)
	w.Replace(config.Webhook{URL: fresh.URL, Timeout: generous, Retry: time.Hour})
	if r := next(t, results); r.Outcome != outbox.Sent || len(fresh.requests()) != 1 {
		t.Errorf("%v %v", r.Outcome, r.Err)
	}
}

func TestRetryAfter(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"": 0, "3": 3 * time.Second, "-1": 0, "soon": 0, "100000000": longestPause,
		time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat): 0,
		time.Now().Add(time.Hour).UTC().Format(http.TimeFormat):  longestPause,
	} {
		if got := retryAfter(text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}
