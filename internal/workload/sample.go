package workload

import "stead/internal/core/clock"

// Sample is one request and what became of it.
type Sample struct {
	Sent     clock.Instant // when it was handed to the kernel
	Received clock.Instant // when the first answer arrived; 0: none within the timeout
	ID       string        // who answered first; empty when nobody did
	Second   string        // another server that answered the same request; empty: none
}

// Answered tells whether somebody answered.
func (s *Sample) Answered() bool { return s.Received != 0 }
