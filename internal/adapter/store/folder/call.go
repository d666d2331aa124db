package folder

import (
	"context"
	"fmt"
	"sync"
)

// mostStuck is how many calls that do not return are left behind before further ones
// are refused: each keeps a thread in the kernel.
const mostStuck = 8

// calls are those under way on one folder. A system call on a share whose server
// is gone returns when the server is back, or never, and cannot be interrupted.
type calls struct {
	mu    sync.Mutex
	stuck int
}

// call is one of them. Its fields are guarded by calls.mu.
type call struct {
	left  bool // nobody waits for it any more
	ended bool
}

// answer is what a call gives back.
type answer[T any] struct {
	value T
	err   error
}

// do runs work on a goroutine of its own, which is left behind when ctx ends first.
func do[T any](ctx context.Context, c *calls, work func() (T, error)) (T, error) {
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	if stuck := c.count(); stuck >= mostStuck {
		return none, fmt.Errorf("%d calls have not returned: the share hangs, look at its server and its mount", stuck)
	}
	this := &call{}
	answers := make(chan answer[T], 1)
	go func() {
		defer c.end(this)
		value, err := work()
		answers <- answer[T]{value, err}
	}()
	select {
	case a := <-answers:
		return a.value, a.err
	case <-ctx.Done():
		c.leave(this)
		return none, fmt.Errorf("the file system has not answered: %w", ctx.Err())
	}
}

func (c *calls) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stuck
}

func (c *calls) leave(this *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !this.ended {
		this.left = true
		c.stuck++
	}
}

func (c *calls) end(this *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	this.ended = true
	if this.left {
		c.stuck--
	}
}
