// Package memory is a store in this process, for tests of what uses one. Its faults
// are those that real stores have: it refuses, it hangs, it is slow, the answer to a
// write is lost, a write takes effect after its caller has given up.
package memory

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	"stead/internal/adapter/store"
)

// Server is the place that several clients reach.
type Server struct {
	mu       sync.Mutex
	sequence uint64
	values   map[string]entry
	metadata map[string]string
	changed  chan struct{} // closed at the next change
	place    uint64
}

type entry struct {
	value    []byte
	sequence uint64
}

// New returns an empty Server.
func New() *Server {
	return &Server{values: map[string]entry{}, metadata: map[string]string{}, changed: make(chan struct{}), place: 1}
}

// Client returns a store that reaches s, without faults until it is given some.
func (s *Server) Client() *Client { return &Client{server: s} }

// Put replaces a value behind everybody's back, as an operator would.
func (s *Server) Put(key string, value []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(key, value)
}

// Delete removes a value.
func (s *Server) Delete(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.values, key)
	s.tell()
}

// SetMetadata sets one value of the metadata of a blob.
func (s *Server) SetMetadata(key, name, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.metadata[key+"\x00"+name] = value
}

// SetPlace makes Place return another number, as after an unmount.
func (s *Server) SetPlace(place uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.place = place
}

// Value returns what is kept under a key, past every fault.
func (s *Server) Value(key string) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.values[key]
	return append([]byte(nil), e.value...), ok
}

func (s *Server) put(key string, value []byte) string {
	s.sequence++
	s.values[key] = entry{append([]byte(nil), value...), s.sequence}
	s.tell()
	return strconv.FormatUint(s.sequence, 10)
}

func (s *Server) tell() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Server) get(key string) ([]byte, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.values[key]
	if !ok {
		return nil, "", fmt.Errorf("read %s: %w", key, store.ErrAbsent)
	}
	return append([]byte(nil), e.value...), strconv.FormatUint(e.sequence, 10), nil
}

func (s *Server) swap(key, version string, value []byte) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	have := ""
	if e, ok := s.values[key]; ok {
		have = strconv.FormatUint(e.sequence, 10)
	}
	if have != version {
		return "", fmt.Errorf("swap %s: %w", key, store.ErrConflict)
	}
	return s.put(key, value), nil
}

// next returns a channel that is closed at the next change of anything.
func (s *Server) next() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// Client is a store. It implements store.Store and store.Placed.
type Client struct {
	server *Server
	faults faults
}

// Register implements store.Store.
func (c *Client) Register(key string) store.Register { return register{c, key} }

// Blob implements store.Store.
func (c *Client) Blob(key string) store.Blob { return blob{c, key} }

// Close implements store.Store.
func (c *Client) Close() error { return nil }

// Place implements store.Placed.
func (c *Client) Place(ctx context.Context) (uint64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	return c.server.place, nil
}

// Metadata implements store.Store: SetMetadata has set it.
func (c *Client) Metadata(ctx context.Context, key, name string) (value string, err error) {
	if err := store.CheckBlobKey(key); err != nil {
		return "", err
	}
	err = c.do(ctx, Op{Metadata, key}, func() error {
		c.server.mu.Lock()
		defer c.server.mu.Unlock()
		var ok bool
		if value, ok = c.server.metadata[key+"\x00"+name]; !ok {
			return fmt.Errorf("metadata %s of %s: %w", name, key, store.ErrAbsent)
		}
		return nil
	})
	return value, err
}
