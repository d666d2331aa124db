package consul

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// kvServer is an HTTP server that enforces Consul's check-and-set. It is not Consul:
// it speaks as much of /v1/kv and /v1/txn as the store uses, as the documentation and the
// sources of Consul have it: one index for all, which grows with each write; writes
// of what is there already keep its index; a read with ?index= waits for a higher
// one; reads that are not consistent are refused here.
type kvServer struct {
	*httptest.Server
	token string // that is demanded, if any
	mu    sync.Mutex
	index uint64
	pairs map[string]pair
	next  chan struct{} // closed at the next write
	deny  bool          // writes are rolled back for another reason than their index
	hang  chan struct{} // not nil: answers wait until it is closed
}

// pair is the JSON of a key.
type pair struct {
	Key         string
	Flags       uint64
	Value       []byte
	CreateIndex uint64
	ModifyIndex uint64
}

func newServer(t *testing.T) *kvServer {
	s := &kvServer{index: 10, pairs: map[string]pair{}, next: make(chan struct{})}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *kvServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	hang := s.hang
	s.mu.Unlock()
	if hang != nil {
		// The body has to be read for the server to notice that its client is gone.
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-hang:
		case <-r.Context().Done():
		}
		return
	}
	if s.token != "" && r.Header.Get("X-Consul-Token") != s.token {
		http.Error(w, "Permission denied", http.StatusForbidden)
		return
	}
	key, isKey := strings.CutPrefix(r.URL.Path, "/v1/kv/")
	switch {
	case isKey && r.Method == http.MethodGet:
		s.get(w, r, key)
	case isKey && r.Method == http.MethodPut:
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.set(pair{Key: key, Value: body})
		s.mu.Unlock()
		_, _ = io.WriteString(w, "true")
	case r.URL.Path == "/v1/txn" && r.Method == http.MethodPut:
		s.txn(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (s *kvServer) get(w http.ResponseWriter, r *http.Request, key string) {
	query := r.URL.Query()
	if !query.Has("consistent") {
		http.Error(w, "this test wants consistent reads", http.StatusBadRequest)
		return
	}
	after, _ := strconv.ParseUint(query.Get("index"), 10, 64)
	wait, _ := time.ParseDuration(query.Get("wait"))
	limit := time.NewTimer(wait)
	defer limit.Stop()
	for {
		s.mu.Lock()
		found, ok := s.pairs[key]
		index, next := s.index, s.next
		s.mu.Unlock()
		if ok {
			index = found.ModifyIndex
		}
		if index > after || after == 0 {
			s.answer(w, found, ok, index)
			return
		}
		select {
		case <-next:
		case <-limit.C:
			s.answer(w, found, ok, index)
			return
		case <-r.Context().Done():
			return
		}
	}
}

func (s *kvServer) answer(w http.ResponseWriter, found pair, ok bool, index uint64) {
	w.Header().Set("X-Consul-Index", strconv.FormatUint(index, 10))
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	_ = json.NewEncoder(w).Encode([]pair{found})
}

// set writes a key; s.mu is held.
func (s *kvServer) set(p pair) pair {
	have, ok := s.pairs[p.Key]
	if ok && have.Flags == p.Flags && string(have.Value) == string(p.Value) {
		return have
	}
	s.index++
	p.CreateIndex, p.ModifyIndex = s.index, s.index
	if ok {
		p.CreateIndex = have.CreateIndex
	}
	s.pairs[p.Key] = p
	close(s.next)
	s.next = make(chan struct{})
	return p
}

func (s *kvServer) txn(w http.ResponseWriter, r *http.Request) {
	var ops []struct {
		KV struct {
			Verb, Key    string
			Value        []byte
			Flags, Index uint64
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&ops); err != nil || len(ops) != 1 || ops[0].KV.Verb != "cas" {
		http.Error(w, "this server knows one cas only", http.StatusBadRequest)
		return
	}
	op := ops[0].KV
	s.mu.Lock()
	defer s.mu.Unlock()
	if have := s.pairs[op.Key]; s.deny || have.ModifyIndex != op.Index {
		w.WriteHeader(http.StatusConflict)
		_ = json.NewEncoder(w).Encode(map[string]any{"Errors": []map[string]any{{"OpIndex": 0, "What": "the transaction was rolled back"}}})
		return
	}
	written := s.set(pair{Key: op.Key, Value: op.Value, Flags: op.Flags})
	written.Value = nil
	_ = json.NewEncoder(w).Encode(map[string]any{"Results": []map[string]any{{"KV": written}}})
}
