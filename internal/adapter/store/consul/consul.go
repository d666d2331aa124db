// Package consul keeps rights and heartbeats in the key-value store of Consul. A
// register is a key that is written with check-and-set: its ModifyIndex is still
// the one that was read, 0 where there is none. Indexes belong to the whole cluster and only
// grow. Reads are of the mode consistent: the leader asks the others whether it still is one.
//
// A snapshot that is restored takes indexes back. What claims rights there must be
// stopped meanwhile.
package consul

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/hashicorp/consul/api"

	"stead/internal/adapter/store"
	"stead/internal/adapter/store/tlsfile"
)

const (
	defaultPort = "8500"
	// watchWait is how long the server keeps a watch waiting for a change.
	watchWait = 30 * time.Second
)

// Store is a Consul agent or server. It implements store.Store.
type Store struct {
	spec   *store.Spec
	client *api.Client
	http   *http.Transport
}

// Open returns the store of a Consul cluster. It connects when it is first used.
func Open(_ context.Context, spec *store.Spec, options store.Options) (store.Store, error) {
	options = options.Complete()
	config, err := tlsfile.Config(spec)
	if err != nil {
		return nil, err
	}
	if _, err := token(spec); err != nil {
		return nil, err
	}
	transport := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: options.Timeout, KeepAlive: 5 * time.Second}).DialContext,
		TLSClientConfig:     config,
		TLSHandshakeTimeout: options.Timeout,
		MaxIdleConnsPerHost: 4,
		IdleConnTimeout:     90 * time.Second,
	}
	scheme := "http"
	if config != nil {
		scheme = "https"
	}
	client, err := api.NewClient(&api.Config{
		Address: address(spec.Hosts[0]), Scheme: scheme, Datacenter: spec.Params["datacenter"],
		// A redirect would show the token to somebody else.
		HttpClient: &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	})
	if err != nil {
		return nil, err
	}
	return &Store{spec: spec, client: client, http: transport}, nil
}

func address(host string) string {
	if _, _, err := net.SplitHostPort(host); err != nil {
		return net.JoinHostPort(strings.Trim(host, "[]"), defaultPort)
	}
	return host
}

// token is read for each call: it is replaced now and then.
func token(spec *store.Spec) (string, error) {
	return tlsfile.Secret(spec, "token-file", "token file")
}

// Register implements store.Store. What it returns implements store.Watcher, too.
func (s *Store) Register(key string) store.Register { return register{s, key} }

// Blob implements store.Store.
func (s *Store) Blob(key string) store.Blob { return blob{s, key} }

// Metadata implements store.Store: keys have none.
func (s *Store) Metadata(context.Context, string, string) (string, error) {
	return "", store.ErrNoMetadata
}

// Close closes the connections that are idle.
func (s *Store) Close() error {
	s.http.CloseIdleConnections()
	return nil
}

func (s *Store) path(key string) string {
	if s.spec.Path == "" {
		return key
	}
	return s.spec.Path + "/" + key
}

// get reads a key. With an index, the server answers when there is a higher one, or
// after a while; wait is for how long.
func (s *Store) get(ctx context.Context, key string, index uint64, wait time.Duration) (*api.KVPair, uint64, error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	token, err := token(s.spec)
	if err != nil {
		return nil, 0, err
	}
	options := (&api.QueryOptions{RequireConsistent: true, Token: token, WaitIndex: index, WaitTime: wait}).WithContext(ctx)
	pair, meta, err := s.client.KV().Get(s.path(key), options)
	if err != nil {
		return nil, 0, ended(ctx, err)
	}
	if pair == nil {
		return nil, meta.LastIndex, store.ErrAbsent
	}
	return pair, meta.LastIndex, nil
}

// ended says that the context has ended where that is why a call failed.
func ended(ctx context.Context, err error) error {
	if why := ctx.Err(); why != nil && !errors.Is(err, why) {
		return fmt.Errorf("%w (%w)", why, err)
	}
	return err
}

func (s *Store) writeOptions(ctx context.Context) (*api.WriteOptions, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	token, err := token(s.spec)
	if err != nil {
		return nil, err
	}
	return (&api.WriteOptions{Token: token}).WithContext(ctx), nil
}

// where words an error: what was done to which key.
func (s *Store) where(what, key string, err error) error {
	return fmt.Errorf("%s %s in Consul at %s: %w", what, s.path(key), s.spec.Hosts[0], err)
}
