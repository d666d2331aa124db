// Package object makes a store of what object stores offer: an object is read and
// replaced as a whole, and replaced on the condition that it is there with a given
// ETag, or not there at all. Packages azblob and s3 say it in the words of their
// services.
//
// # What keeps it true
//
//   - Every write of a register adds a line with a nonce to the value. Two writes of
//     the same value have different bytes, and so different ETags also where an
//     ETag is the digest of the content: a version that was replaced never comes back.
//   - No request is sent twice: clients are made without retries, and NewClient
//     speaks HTTP/1.1, whose transport repeats no write that it has begun to send.
//   - Something on the way may repeat a write all the same. Where the answer is that
//     the condition does not hold, the object is read: if it has the nonce of this
//     write, this write is what changed it, and it has succeeded.
//   - Every other answer, and none, leaves it open what has become of the write.
package object

import (
	"context"
	"errors"

	"stead/internal/adapter/store"
)

// ErrRefused is what Put returns when the service has answered that the condition
// does not hold.
var ErrRefused = errors.New("the condition does not hold")

// Condition is when a write may take place. The zero value is always.
type Condition struct {
	ETag   string // the object is there, with this ETag
	Absent bool   // there is no object; ETag is empty then
}

// Bucket is one place in an object store. Its methods say in their errors where
// they were and what to do. It may be used by several goroutines.
type Bucket interface {
	// Get reads an object, with ReadAll; store.ErrAbsent where there is none, but
	// another error where the place itself does not exist.
	Get(ctx context.Context, key string) (body []byte, etag string, err error)
	// Put writes an object with one request, and returns its ETag or ErrRefused.
	Put(ctx context.Context, key string, body []byte, on Condition) (etag string, err error)
	// Metadata reads what was written beside an object; store.ErrAbsent where there is none.
	Metadata(ctx context.Context, key string) (map[string]string, error)
	// Close gives idle connections up.
	Close() error
}

// Store is a store whose keys begin with a prefix in a Bucket.
type Store struct {
	bucket Bucket
	prefix string
}

// New returns a store. The prefix may be empty and has no '/' around it.
func New(bucket Bucket, prefix string) *Store {
	if prefix != "" {
		prefix += "/"
	}
	return &Store{bucket, prefix}
}

// Register returns the object of a key as a register.
func (s *Store) Register(key string) store.Register { return &register{s, key} }

// Blob returns the object of a key as a blob.
func (s *Store) Blob(key string) store.Blob { return &blob{s, key} }

// Close gives idle connections up.
func (s *Store) Close() error { return s.bucket.Close() }
