package kubernetes

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"stead/internal/adapter/store"
)

// against opens the store of a server that the test plays: what a real one would
// not say on demand. The real one is in test/kubernetes.
func against(t *testing.T, handler http.HandlerFunc) *Store {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	dir := t.TempDir()
	ca, token := filepath.Join(dir, "ca.crt"), filepath.Join(dir, "token")
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	for file, text := range map[string]string{ca: string(authority), token: "secret\n"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return openedAt(t, "kubernetes:///prod?server="+server.URL+"&token-file="+token+"&ca="+ca)
}

func openedAt(t *testing.T, url string) *Store {
	t.Helper()
	spec, err := store.Parse(url)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), spec, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s.(*Store)
}

func status(code int, reason, kind string) string {
	return fmt.Sprintf(`{"kind":"Status","code":%d,"reason":%q,"message":"the message","details":{"kind":%q}}`, code, reason, kind)
}

// What each answer to a swap means. Only the API server itself can say that
// nothing was written; and no write is sent twice.
func TestAnswers(t *testing.T) {
	tests := []struct {
		name   string
		code   int
		answer string
		is     error  // nil: it is not known what has become of the write
		says   string // in the error
	}{
		{"conflict", 409, status(409, "Conflict", "leases"), store.ErrConflict, "prod/stead.right"},
		{"exists", 409, status(409, "AlreadyExists", "leases"), store.ErrConflict, ""},
		{"gone meanwhile", 404, status(404, "NotFound", "leases"), store.ErrConflict, ""},
		{"no namespace", 404, status(404, "NotFound", "namespaces"), nil, "create the namespace prod first"},
		{"no such API", 404, "404 page not found", nil, "no answer of an API server"},
		{"a proxy's conflict", 409, "<html>", nil, "no answer of an API server"},
		{"codes that differ", 409, status(404, "NotFound", "leases"), nil, "no answer of an API server"},
		{"forbidden", 403, status(403, "Forbidden", "leases"), nil, `verbs ["get", "create", "patch", "watch"] in namespace prod`},
		{"unauthorized", 401, status(401, "Unauthorized", ""), nil, "does not accept the credentials"},
		{"throttled", 429, status(429, "TooManyRequests", ""), nil, "429 Too Many Requests: the message"},
		{"broken", 500, status(500, "InternalError", ""), nil, "500 Internal Server Error"},
		{"slow", 504, status(504, "Timeout", ""), nil, "504"},
		{"elsewhere", 307, "", nil, "307"},
		{"no Lease", 200, `{"kind":"Pod"}`, nil, "no Lease"},
		{"half", 200, `{"kind":"Lease","meta`, nil, "no Lease"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var asked atomic.Int32
			s := against(t, func(w http.ResponseWriter, r *http.Request) {
				asked.Add(1)
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(test.code)
				fmt.Fprint(w, test.answer)
			})
			_, err := s.Register("right").Swap(t.Context(), "uid 7", []byte("epoch=1"))
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%v; want %q in it", err, test.says)
			}
			if test.is == nil && (errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrAbsent)) || test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("%v; want %v", err, test.is)
			}
			if asked.Load() != 1 {
				t.Errorf("it was sent %d times", asked.Load())
			}
		})
	}
}

// A connection that breaks after the request was sent does not make the client
// send a write again, also on a connection that was used before.
func TestWriteIsNotSentTwice(t *testing.T) {
	var writes atomic.Int32
	s := against(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			fmt.Fprint(w, `{"kind":"Lease","metadata":{"uid":"u","resourceVersion":"1","annotations":{"stead.dev/record":"epoch=1"}}}`)
			return
		}
		writes.Add(1)
		panic(http.ErrAbortHandler)
	})
	r := s.Register("right")
	_, version, err := r.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Swap(t.Context(), version, []byte("epoch=2")); err == nil || errors.Is(err, store.ErrConflict) {
		t.Errorf("a swap whose connection broke: %v", err)
	}
	if writes.Load() != 1 {
		t.Errorf("sent %d times", writes.Load())
	}
}

// What is sent: the credentials, the version as a condition, and no address by
// which the server could answer from its cache.
func TestRequests(t *testing.T) {
	var seen []string
	s := against(t, func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Metadata struct{ UID, ResourceVersion string }
		}
		_ = json.NewDecoder(r.Body).Decode(&body)
		seen = append(seen, fmt.Sprint(r.Method, " ", r.URL, " ", r.Proto, " ", r.Header.Get("Authorization"), " ", body.Metadata))
		fmt.Fprint(w, `{"kind":"Lease","metadata":{"uid":"u","resourceVersion":"8"}}`)
	})
	r := s.Register("groups/web")
	if _, version, err := r.Read(t.Context()); err != nil || version != "u 8" {
		t.Fatalf("version %q, %v", version, err)
	}
	if _, err := r.Swap(t.Context(), "u 8", []byte("epoch=2")); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"GET /apis/coordination.k8s.io/v1/namespaces/prod/leases/stead.groups.web HTTP/1.1 Bearer secret { }",
		"PATCH /apis/coordination.k8s.io/v1/namespaces/prod/leases/stead.groups.web?fieldManager=stead HTTP/1.1 Bearer secret {u 8}",
	}
	if strings.Join(seen, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(seen, "\n"), strings.Join(want, "\n"))
	}
}

// A watch goes on where the server has ended it, and starts anew, which counts as
// a change, where the server does not remember as far back.
func TestWatchGoesOn(t *testing.T) {
	answers := []string{
		`{"type":"ADDED","object":{"metadata":{"resourceVersion":"5"}}}`,
		`{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}}}`,
		`{"type":"ERROR","object":{"code":410,"reason":"Expired"}}`,
		`{"type":"ADDED","object":{"metadata":{"resourceVersion":"12"}}}{"type":"MODIFIED","object":{"metadata":{"resourceVersion":"13"}}}`,
		`{"type":"ERROR","object":{"code":500,"reason":"InternalError","message":"no"}}`,
	}
	var from []string
	s := against(t, func(w http.ResponseWriter, r *http.Request) {
		from = append(from, r.URL.Query().Get("resourceVersion"))
		fmt.Fprint(w, answers[len(from)-1])
	})
	changes := 0
	err := s.Register("right").(store.Watcher).Watch(t.Context(), func() { changes++ })
	if err == nil || !strings.Contains(err.Error(), "500 InternalError: no") {
		t.Errorf("ended by %v", err)
	}
	if got := strings.Join(from, ","); got != ",5,9,,13" {
		t.Errorf("asked from %q", got)
	}
	if changes != 4 {
		t.Errorf("%d changes, not 4", changes)
	}
}

// A watch ends with its context.
func TestWatchEnds(t *testing.T) {
	s := against(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Register("right").(store.Watcher).Watch(ctx, func() {}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it ended by %v", err)
	}
}
