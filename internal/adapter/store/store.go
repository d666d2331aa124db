// Package store reaches what several sites or nodes share: a folder on a mounted
// share, an object store, a key-value store, the API of Kubernetes.
//
// It offers two things. A Register is a value that is read and replaced as a
// whole, and only by who knows its version: rights are kept in it. A Blob is a
// value that one writer replaces without a condition: heartbeats and checkpoints.
//
// Nothing here decides anything, and nothing here waits longer than its context
// allows: a call on a share that hangs is left behind when the context ends.
package store

import (
	"context"
	"errors"
)

// Errors that callers tell apart. Everything else that goes wrong leaves it open
// whether a write has taken effect, or will.
var (
	// ErrAbsent says that the store was reached and that there is no such value.
	ErrAbsent = errors.New("there is no such value")
	// ErrConflict says that nothing was written because the register has another version.
	ErrConflict = errors.New("somebody else has written")
)

// MaxRegister is how many bytes a Register can hold: letters, digits, spaces and
// any of "=.,_/:-".
const MaxRegister = 200

// MaxBlob is how many bytes of a Blob are read at most. A longer one is an error.
const MaxBlob = 64 << 10

// Register is a value that is replaced by compare and swap. It may be used by
// several goroutines.
type Register interface {
	// Read returns the value and its version as the store has them now, past every
	// cache; ErrAbsent where there is none.
	Read(ctx context.Context) (value []byte, version string, err error)
	// Swap replaces the value if its version is still this one, and creates it if
	// version is empty and there is none. It returns the new version, or
	// ErrConflict when it is certain that nothing was written and nothing will be.
	Swap(ctx context.Context, version string, value []byte) (string, error)
}

// Watcher is a Register that can tell of changes.
type Watcher interface {
	Register
	// Watch calls changed after each change until ctx ends or the connection is
	// lost. It may call it without one. The caller polls all the same.
	Watch(ctx context.Context, changed func()) error
}

// Blob is a value that one writer replaces as a whole: a reader sees the old one
// or the new one. It may be used by several goroutines.
type Blob interface {
	// Read returns the value as the store has it now, past every cache; ErrAbsent
	// where there is none.
	Read(ctx context.Context) ([]byte, error)
	// Write replaces it.
	Write(ctx context.Context, value []byte) error
}

// Placed is a Store or a Blob that can tell which place it reaches: another number
// than before says that it is another one under the same name, such as the empty
// directory that a share was mounted on.
type Placed interface {
	Place(ctx context.Context) (uint64, error)
}

// Store is a place with registers and blobs under keys such as "groups/web" and
// "east/heartbeat.txt", see CheckKey and CheckBlobKey. A key is that of a register or
// of a blob, not of both.
type Store interface {
	Register(key string) Register
	Blob(key string) Blob
	// Metadata reads one value of the metadata of a blob; only object stores have any.
	Metadata(ctx context.Context, key, name string) (string, error)
	Close() error
}
