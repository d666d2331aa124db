// Package etcd keeps rights and heartbeats in etcd. A register is a key that a
// transaction replaces if its modification revision is still the one that was read;
// revisions belong to the whole cluster and only grow, so none recurs. Reads are
// linearizable: a member that has lost the majority does not answer them.
//
// A backup that is restored takes revisions back. What claims rights there must be
// stopped meanwhile.
package etcd

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"stead/internal/adapter/store"
	"stead/internal/adapter/store/tlsfile"
)

// The times by which a connection that does not answer is closed. grpc does not
// ask more often, and servers refuse clients that do.
const (
	keepaliveTime    = 10 * time.Second
	keepaliveTimeout = 3 * time.Second
)

const defaultPort = "2379"

// Store is an etcd cluster. It talks to one of its members, and to the next one
// when that does not answer.
type Store struct {
	spec    *store.Spec
	tls     *tls.Config
	timeout time.Duration
	members []*member

	mu      sync.Mutex
	current int
}

// Open returns the store of an etcd cluster. It connects when it is first used.
func Open(_ context.Context, spec *store.Spec, options store.Options) (store.Store, error) {
	options = options.Complete()
	config, err := tlsfile.Config(spec)
	if err != nil {
		return nil, err
	}
	if _, err := tlsfile.Secret(spec, "password-file", "password file"); err != nil {
		return nil, err
	}
	s := &Store{spec: spec, tls: config, timeout: options.Timeout}
	for _, host := range spec.Hosts {
		s.members = append(s.members, &member{store: s, endpoint: s.endpoint(host), left: make(chan struct{})})
	}
	return s, nil
}

func (s *Store) endpoint(host string) string {
	if _, _, err := net.SplitHostPort(host); err != nil {
		host = net.JoinHostPort(strings.Trim(host, "[]"), defaultPort)
	}
	if s.tls != nil {
		return "https://" + host
	}
	return "http://" + host
}

// Register implements store.Store. What it returns implements store.Watcher, too.
func (s *Store) Register(key string) store.Register { return register{s, key} }

// Blob implements store.Store.
func (s *Store) Blob(key string) store.Blob { return blob{s, key} }

// Metadata implements store.Store: keys have none.
func (s *Store) Metadata(context.Context, string, string) (string, error) {
	return "", store.ErrNoMetadata
}

// Close closes all connections.
func (s *Store) Close() error {
	for _, m := range s.members {
		m.close()
	}
	return nil
}

// path is the name of a key in etcd.
func (s *Store) path(key string) string {
	if s.spec.Path == "" {
		return key
	}
	return s.spec.Path + "/" + key
}

func (s *Store) member() *member {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.members[s.current]
}

// leave goes on to the next member, unless somebody else has done so already, and
// ends the watches that the member was to serve.
func (s *Store) leave(m *member) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.members[s.current] != m || len(s.members) == 1 {
		return
	}
	s.current = (s.current + 1) % len(s.members)
	close(m.left)
	m.left = make(chan struct{})
}

// leaving returns a channel that is closed when a member is left.
func (s *Store) leaving(m *member) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return m.left
}

// where words an error: what was done to which key.
func (s *Store) where(what, key string, err error) error {
	return fmt.Errorf("%s %s in etcd at %s: %w", what, s.path(key), strings.Join(s.spec.Hosts, ","), err)
}
