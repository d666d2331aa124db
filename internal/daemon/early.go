package daemon

import (
	"sync"

	"stead/internal/core"
)

// early keeps events until there is an engine to take them.
type early struct {
	mu     sync.Mutex
	to     func(core.Event)
	events []core.Event
}

// post hands an event to the engine, now or when there is one.
func (e *early) post(ev core.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.to == nil {
		e.events = append(e.events, ev)
		return
	}
	e.to(ev)
}

// open hands over what has come so far, and everything from then on.
func (e *early) open(to func(core.Event)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.to = to
	for _, ev := range e.events {
		to(ev)
	}
	e.events = nil
}
