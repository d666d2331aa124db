package kubernetes

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"stead/internal/adapter/store"
	"stead/internal/adapter/store/open"
	"stead/internal/adapter/store/storetest"
)

var needed = []string{"get", "create", "patch", "watch"}

const record = "stead=1 epoch=7 turn=12 state=held holder=east session=2a ttl=15000 priority=0"

// opened opens a namespace as a store, with a token.
func opened(t *testing.T, server, namespace, tokenFile string) store.Store {
	t.Helper()
	spec, err := open.Parse("kubernetes:///" + namespace + "?server=" + server + "&token-file=" + tokenFile + "&ca=" + clusterCA())
	if err != nil {
		t.Fatal(err)
	}
	s, err := open.Open(t.Context(), spec, open.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func clusterCA() string { return server.ca }

func within(t *testing.T, limit time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}

// The store keeps its promises with the four verbs of the Role and no other.
func TestStore(t *testing.T) {
	namespace := server.namespace(t)
	token := server.account(t, namespace, "gate", needed...)
	storetest.Run(t, func(t *testing.T) store.Store { return opened(t, server.url, namespace, token) })
}

func lease(t *testing.T, namespace, name string) (o struct {
	Metadata struct {
		Labels, Annotations map[string]string
	}
	Spec map[string]any
}) {
	t.Helper()
	server.do(t, http.MethodGet, "/apis/coordination.k8s.io/v1/namespaces/"+namespace+"/leases/"+name, nil, &o)
	return o
}

// What `kubectl get leases` shows is what the record says.
func TestPeopleSeeTheHolder(t *testing.T) {
	namespace := server.namespace(t)
	r := opened(t, server.url, namespace, server.account(t, namespace, "gate", needed...)).Register("groups/web")
	version, err := r.Swap(t.Context(), "", []byte(record))
	if err != nil {
		t.Fatal(err)
	}
	first := lease(t, namespace, "stead.groups.web")
	if s := first.Spec; s["holderIdentity"] != "east" || s["leaseDurationSeconds"] != 15.0 || s["leaseTransitions"] != 7.0 || s["acquireTime"] == nil || s["renewTime"] == nil {
		t.Errorf("after a claim: %v", s)
	}
	if version, err = r.Swap(t.Context(), version, []byte(strings.Replace(record, "turn=12", "turn=13", 1))); err != nil {
		t.Fatal(err)
	}
	if s := lease(t, namespace, "stead.groups.web").Spec; s["acquireTime"] != first.Spec["acquireTime"] || s["renewTime"] == first.Spec["renewTime"] {
		t.Errorf("after a renewal: %v, before %v", s, first.Spec)
	}
	if _, err = r.Swap(t.Context(), version, []byte(strings.Replace(record, "state=held", "state=free", 1))); err != nil {
		t.Fatal(err)
	}
	last := lease(t, namespace, "stead.groups.web")
	if last.Spec["holderIdentity"] != nil || last.Metadata.Annotations["stead.dev/record"] == "" || last.Metadata.Labels["app.kubernetes.io/managed-by"] != "stead" {
		t.Errorf("after the release: %+v", last)
	}
}

// A Lease that was deleted, or deleted and made again, is not the one that was read.
func TestDeleted(t *testing.T) {
	namespace := server.namespace(t)
	r := opened(t, server.url, namespace, server.account(t, namespace, "gate", needed...)).Register("right")
	version, err := r.Swap(t.Context(), "", []byte(record))
	if err != nil {
		t.Fatal(err)
	}
	path := "/apis/coordination.k8s.io/v1/namespaces/" + namespace + "/leases/stead.right"
	server.do(t, http.MethodDelete, path, nil, nil)
	if _, err := r.Swap(t.Context(), version, []byte(record)); !errors.Is(err, store.ErrConflict) {
		t.Errorf("swap of a deleted register: %v", err)
	}
	if _, _, err := r.Read(t.Context()); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("it is there again: %v", err)
	}
	again, err := r.Swap(t.Context(), "", []byte(record))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Swap(t.Context(), version, []byte(record)); !errors.Is(err, store.ErrConflict) {
		t.Errorf("swap by the version of the one before: %v", err)
	}
	uid, _, _ := strings.Cut(version, " ")
	_, number, _ := strings.Cut(again, " ")
	if _, err := r.Swap(t.Context(), uid+" "+number, []byte(record)); err == nil {
		t.Error("swap by the uid of the one before and the number of this one: done")
	}
}

// What others have written on a Lease stays: a label, and an annotation.
func TestOthersMarksStay(t *testing.T) {
	namespace := server.namespace(t)
	r := opened(t, server.url, namespace, server.account(t, namespace, "gate", needed...)).Register("right")
	if _, err := r.Swap(t.Context(), "", []byte(record)); err != nil {
		t.Fatal(err)
	}
	marks := []byte(`{"metadata":{"labels":{"team":"data"},"annotations":{"example.org/note":"hands off"}}}`)
	path := "/apis/coordination.k8s.io/v1/namespaces/" + namespace + "/leases/stead.right"
	if code, said, err := server.ask(t.Context(), http.MethodPatch, path, "application/merge-patch+json", marks); err != nil || code != http.StatusOK {
		t.Fatalf("%d, %v: %s", code, err, said)
	}
	_, version, err := r.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Swap(t.Context(), version, []byte(record+" to=west")); err != nil {
		t.Fatal(err)
	}
	m := lease(t, namespace, "stead.right").Metadata
	if m.Labels["team"] != "data" || m.Annotations["example.org/note"] != "hands off" {
		t.Errorf("what is left: %+v", m)
	}
}

// A token without the Role is refused by name of what is missing, and for each verb.
func TestForbidden(t *testing.T) {
	namespace := server.namespace(t)
	all := opened(t, server.url, namespace, server.account(t, namespace, "gate", needed...))
	version, err := all.Register("right").Swap(t.Context(), "", []byte(record))
	if err != nil {
		t.Fatal(err)
	}
	calls := map[string]func(store.Store) error{
		"get": func(s store.Store) error {
			_, _, err := s.Register("right").Read(t.Context())
			return err
		},
		"create": func(s store.Store) error {
			_, err := s.Register("other").Swap(t.Context(), "", []byte(record))
			return err
		},
		"patch": func(s store.Store) error {
			_, err := s.Register("right").Swap(t.Context(), version, []byte(record))
			return err
		},
		"watch": func(s store.Store) error {
			return s.Register("right").(store.Watcher).Watch(within(t, 30*time.Second), func() {})
		},
	}
	for _, verb := range needed {
		var others []string
		for _, v := range needed {
			if v != verb {
				others = append(others, v)
			}
		}
		err := calls[verb](opened(t, server.url, namespace, server.account(t, namespace, "no-"+verb, others...)))
		if err == nil || errors.Is(err, store.ErrAbsent) || errors.Is(err, store.ErrConflict) || !strings.Contains(err.Error(), "the Role needs") || !strings.Contains(err.Error(), `cannot `+verb) {
			t.Errorf("without %s: %v", verb, err)
		}
	}
}

// A namespace that is not there is no empty register to be created.
func TestNoNamespace(t *testing.T) {
	namespace := server.namespace(t)
	token := server.account(t, namespace, "gate")
	secret(t, token, server.admin)
	r := opened(t, server.url, "nowhere", token).Register("right")
	_, err := r.Swap(t.Context(), "", []byte(record))
	if err == nil || errors.Is(err, store.ErrAbsent) || errors.Is(err, store.ErrConflict) || !strings.Contains(err.Error(), "create the namespace nowhere first") {
		t.Errorf("create in a namespace that is not there: %v", err)
	}
}

// A token is read anew for each request: one that has ended is an error that says
// so, and its successor works without a restart.
func TestTokenIsReplaced(t *testing.T) {
	namespace := server.namespace(t)
	token := server.account(t, namespace, "gate", needed...)
	r := opened(t, server.url, namespace, token).Register("right")
	version, err := r.Swap(t.Context(), "", []byte(record))
	if err != nil {
		t.Fatal(err)
	}
	good := server.token(t, namespace, "gate")
	secret(t, token, good[:len(good)-8])
	if _, err := r.Swap(t.Context(), version, []byte(record)); err == nil || errors.Is(err, store.ErrConflict) || !strings.Contains(err.Error(), "does not accept the credentials") {
		t.Errorf("with a broken token: %v", err)
	}
	secret(t, token, good)
	if _, err := r.Swap(t.Context(), version, []byte(record)); err != nil {
		t.Errorf("with the next token: %v", err)
	}
}

// The API server restarts between a read and the swap: the watch ends, the version
// still holds, and a watch from before it remembers is answered by 410, in the form
// which the tests of the package itself take from a server of their own.
func TestRestart(t *testing.T) {
	namespace := server.namespace(t)
	r := opened(t, server.url, namespace, server.account(t, namespace, "gate", needed...)).Register("right")
	version, err := r.Swap(t.Context(), "", []byte(record))
	if err != nil {
		t.Fatal(err)
	}
	seen, watched := make(chan bool, 1), make(chan error, 1)
	go func() {
		watched <- r.(store.Watcher).Watch(t.Context(), func() { seen <- true })
	}()
	<-seen
	server.end()
	if err := <-watched; err == nil {
		t.Error("the watch of a server that is gone ended without an error")
	}
	if _, err := r.Swap(within(t, time.Second), version, []byte(record)); err == nil || errors.Is(err, store.ErrConflict) {
		t.Errorf("swap without a server: %v", err)
	}
	if err := server.run(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Swap(t.Context(), version, []byte(record)); err != nil {
		t.Errorf("swap after the restart: %v", err)
	}
	path := "/apis/coordination.k8s.io/v1/namespaces/" + namespace + "/leases?watch=true&resourceVersion=1&timeoutSeconds=2"
	code, said, err := server.ask(t.Context(), http.MethodGet, path, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	var event struct {
		Type   string
		Object struct{ Code int }
	}
	if err := json.Unmarshal(said, &event); err != nil || code != http.StatusOK || event.Type != "ERROR" || event.Object.Code != http.StatusGone {
		t.Errorf("a watch from the beginning: %d: %s", code, said)
	}
}

// A connection that is dead costs the one call that waits on it, for as long as its
// context allows: the next one has a connection of its own.
func TestDeadConnection(t *testing.T) {
	namespace := server.namespace(t)
	token := server.account(t, namespace, "gate", needed...)
	relay := relayTo(t, strings.TrimPrefix(server.url, "https://"))
	r := opened(t, "https://"+relay.address, namespace, token).Register("right")
	if _, _, err := r.Read(within(t, 30*time.Second)); !errors.Is(err, store.ErrAbsent) {
		t.Fatal(err)
	}
	relay.freeze()
	const limit = 300 * time.Millisecond
	begun := time.Now()
	if _, _, err := r.Read(within(t, limit)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("by a dead connection: %v", err)
	}
	if took := time.Since(begun); took > limit+20*time.Second {
		t.Errorf("it took %v", took)
	}
	if _, _, err := r.Read(within(t, 30*time.Second)); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("the call after it: %v", err)
	}
	if relay.connections() != 2 {
		t.Errorf("%d connections, not 2", relay.connections())
	}
}
