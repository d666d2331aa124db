// Package kubernetes keeps registers and blobs in Lease objects of a Kubernetes
// cluster (coordination.k8s.io/v1), by a REST client of its own: the official one
// would make the binary a third larger.
//
// The value is the annotation stead.dev/record. The fields that people and other
// tools know (holderIdentity, leaseDurationSeconds, renewTime, leaseTransitions)
// are filled from it and never read: two clocks are not compared.
//
// # What keeps it true
//
//   - A register is replaced by a merge patch that names the uid and the
//     resourceVersion of what was read: the server refuses it with 409 where either
//     has changed, creates nothing, and leaves what others have written beside it.
//   - A read names no resourceVersion, which makes the API server ask etcd's
//     majority instead of its cache.
//   - No write is sent twice. Answers other than 200, 201, 404 and 409 leave it open
//     whether it has taken effect.
//   - The connection speaks HTTP/1.1: one that is dead costs the one request that
//     waits on it, for as long as its context allows, and is never used again.
package kubernetes

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"stead/internal/adapter/store"
)

// Store is a namespace of a cluster.
type Store struct {
	access access
	prefix string
	client *http.Client
}

// Open returns the store that a URL names: kubernetes:///NAMESPACE/PREFIX. The names
// of its Leases begin with the prefix, or with "stead". Without a namespace it is
// the pod's own one in the cluster in which it runs, with the token and the
// authority of its service account. Parameters:
//
//	server=https://HOST:PORT  another API server
//	token-file=FILE           a bearer token, read anew for each request, so that it may be replaced
//	cert=FILE, key=FILE       a client certificate instead
//	ca=FILE                   the authority of the server's certificate; the system's without it
//
// It asks no server and reads no file but the pod's namespace: what is wrong with
// them is said by the first request.
func Open(_ context.Context, spec *store.Spec, _ store.Options) (store.Store, error) {
	access, err := accessOf(spec)
	if err != nil {
		return nil, err
	}
	_, prefix, _ := strings.Cut(spec.Path, "/")
	if prefix == "" {
		prefix = "stead"
	}
	if !isLabel(prefix) {
		return nil, fmt.Errorf("the prefix %q is not 1–63 lower-case letters, digits and '-'", prefix)
	}
	return &Store{access: access, prefix: prefix, client: newClient(access)}, nil
}

// Register returns the Lease of a key as a register.
func (s *Store) Register(key string) store.Register {
	return &register{lease: s.lease(key, store.CheckKey(key))}
}

// Blob returns the Lease of a key as a blob.
func (s *Store) Blob(key string) store.Blob {
	return &blob{s.lease(key, store.CheckBlobKey(key))}
}

// Metadata tells that a Lease has none.
func (s *Store) Metadata(context.Context, string, string) (string, error) {
	return "", store.ErrNoMetadata
}

// Close gives idle connections up.
func (s *Store) Close() error {
	s.client.CloseIdleConnections()
	return nil
}

func (s *Store) lease(key string, wrong error) lease {
	return lease{store: s, name: leaseName(s.prefix, key), wrong: wrong}
}

// isLabel tells whether s can be a namespace or begin the name of a Lease.
func isLabel(s string) bool {
	return len(s) <= 63 && plain(s) && !strings.Contains(s, "/")
}
