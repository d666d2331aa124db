package gate

import (
	"context"
	"errors"
	"sync"
	"time"

	"stead/internal/core/gate"
)

// page is what a heartbeat can be written on: a blob, or the other site itself.
type page interface {
	// Write returns when the heartbeat is there for the other site to see.
	Write(ctx context.Context, value []byte) error
}

// heartbeat is one to be written.
type heartbeat struct {
	gate.Heartbeat
	format  gate.Format
	timeout time.Duration
	pages   []page
	all     bool // it counts as written when it is on every page; else on one
}

// text is what is written.
func (h *heartbeat) text() []byte {
	if h.format == gate.FormatTicks {
		return gate.AppendTicks(nil, h.At)
	}
	return h.Append(nil)
}

// write writes to all pages at once. A reader that needs all of them to be silent
// has seen a heartbeat that one of them shows; one for which any is enough has not.
func (h *heartbeat) write(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, h.timeout)
	answers, text := make(chan error, len(h.pages)), h.text()
	var under sync.WaitGroup
	for _, page := range h.pages {
		under.Go(func() { answers <- page.Write(ctx, text) })
	}
	go func() { under.Wait(); cancel() }()
	var errs []error
	for range h.pages {
		err := <-answers
		if err == nil && !h.all {
			return nil // the others have until the time-out: a dead site confirms nothing
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
