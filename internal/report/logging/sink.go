package logging

import (
	"sync"
	"time"
)

// kept is how many records wait at most for a target that is slow or away.
const kept = 1024

// retryPause is how long a target that has failed is left alone.
const retryPause = time.Second

// target takes encoded records, one at a time. Its methods are called by one
// goroutine, and may block.
type target interface {
	write(record []byte) error
	close()
}

// sink stands between those who log and the target. Nobody waits for it: when the
// target does not keep up, the oldest record goes.
type sink struct {
	target  target
	problem func(error)         // the target has failed; said once until it works again
	lost    func(uint64) []byte // the record that says that so many are missing here

	mu       sync.Mutex
	records  [][]byte
	dropped  uint64 // ever
	unsaid   uint64 // of them, not said yet
	closed   bool
	wake     chan struct{}
	hurry    chan struct{} // closed with the sink
	finished chan struct{}
}

func newSink(t target) *sink {
	return &sink{
		target: t, problem: func(error) {}, lost: func(uint64) []byte { return nil },
		wake: make(chan struct{}, 1), hurry: make(chan struct{}), finished: make(chan struct{}),
	}
}

// Write keeps a copy of one record for the target. It never waits and never fails.
func (s *sink) Write(record []byte) (int, error) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return len(record), nil
	}
	if len(s.records) == kept {
		s.records[0] = nil
		s.records = s.records[1:]
		s.dropped++
		s.unsaid++
	}
	s.records = append(s.records, append([]byte(nil), record...))
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return len(record), nil
}

// Dropped is how many records were lost so far.
func (s *sink) Dropped() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dropped
}

// run writes until the sink is closed and empty.
func (s *sink) run() {
	defer close(s.finished)
	defer s.target.close()
	failing := false
	for {
		record, ok := s.next()
		if !ok {
			return
		}
		for len(record) > 0 {
			err := s.target.write(record)
			if err == nil {
				break
			}
			if !failing {
				s.problem(err)
			}
			failing = true
			if !s.pause() {
				s.giveUp()
				return
			}
		}
		failing = false
	}
}

// next waits for a record. It returns false when there will be none. Where
// records are missing stands one that says so.
func (s *sink) next() ([]byte, bool) {
	for {
		s.mu.Lock()
		if n := s.unsaid; n > 0 {
			s.unsaid = 0
			s.mu.Unlock()
			return s.lost(n), true
		}
		if len(s.records) > 0 {
			record := s.records[0]
			s.records[0] = nil
			s.records = s.records[1:]
			s.mu.Unlock()
			return record, true
		}
		closed := s.closed
		s.mu.Unlock()
		if closed {
			return nil, false
		}
		select {
		case <-s.wake:
		case <-s.hurry:
		}
	}
}

// pause waits before the target is tried again. A target that fails while the
// sink is being closed is not tried again.
func (s *sink) pause() bool {
	select {
	case <-s.hurry:
		return false
	case <-time.After(retryPause):
		return true
	}
}

func (s *sink) giveUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropped += uint64(len(s.records)) + 1
	s.records = nil
}

// Close writes what waits and ends, within the time that is given.
func (s *sink) Close(patience time.Duration) {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.hurry)
	}
	s.mu.Unlock()
	select {
	case <-s.finished:
	case <-time.After(patience):
	}
}
