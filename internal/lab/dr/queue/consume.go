package queue

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"stead/internal/workload"
)

// Options are what a consumer has to know.
type Options struct {
	URL   string // of the server, such as http://10.0.1.4:8100
	Site  string
	Epoch uint64 // its fencing token; 0: it has none
}

// A consumer's schedule.
const (
	commitEvery = 20 // events
	idle        = 2 * time.Millisecond
	retry       = 20 * time.Millisecond
	tooLong     = 500 * time.Millisecond // for an answer
	farewell    = 100 * time.Millisecond // for the last commit
)

type consumer struct {
	opt    Options
	client http.Client
	next   int // the offset of the next event
	done   int // events since the last commit
}

// Consume pulls events and processes them until ctx ends, then commits once more.
// What does not answer is asked again.
func Consume(ctx context.Context, opt Options) error {
	began := workload.Now()
	c := &consumer{opt: opt, client: http.Client{Timeout: tooLong}}
	hello := Consumer{Site: opt.Site, PID: os.Getpid(), Epoch: opt.Epoch, Began: began}
	for {
		b, err := ask[begun](ctx, c, "/begin", hello)
		if err == nil {
			c.next = b.Checkpoint
			break
		}
		if !wait(ctx, retry) {
			return nil
		}
	}
	for ctx.Err() == nil {
		b, err := ask[batch](ctx, c, "/fetch", fetch{c.next})
		if err == nil {
			err = c.process(ctx, b)
		}
		switch {
		case err != nil:
			wait(ctx, retry)
		case b.From == b.To:
			wait(ctx, idle)
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	_, err := ask[committed](last, c, "/commit", commit{opt.Epoch, c.next, os.Getpid()})
	return err
}

// process processes a batch, one event after the other. An event that was begun
// is ended and committed also when ctx ends: who hands over leaves nothing to be
// processed again.
func (c *consumer) process(ctx context.Context, b batch) error {
	whole := context.WithoutCancel(ctx)
	for event := b.From; event < b.To && ctx.Err() == nil; event++ {
		record := Record{Site: c.opt.Site, PID: os.Getpid(), Epoch: c.opt.Epoch, Event: event}
		if _, err := ask[processed](whole, c, "/process", record); err != nil {
			return err
		}
		c.next = event + 1
		if c.done++; c.done < commitEvery {
			continue
		}
		c.done = 0
		// A commit that is refused ends nothing: this is a consumer that does not know better.
		if _, err := ask[committed](whole, c, "/commit", commit{c.opt.Epoch, c.next, 0}); err != nil {
			return err
		}
	}
	return nil
}

// ask asks the server something.
func ask[A any](ctx context.Context, c *consumer, path string, question any) (answer A, err error) {
	body, err := json.Marshal(question)
	if err != nil {
		return answer, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.opt.URL+path, bytes.NewReader(body))
	if err != nil {
		return answer, err
	}
	response, err := c.client.Do(request)
	if err != nil {
		return answer, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return answer, fmt.Errorf("%s: %s", path, response.Status)
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return answer, err
	}
	return answer, json.Unmarshal(text, &answer)
}

// wait waits, and tells whether ctx goes on.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
