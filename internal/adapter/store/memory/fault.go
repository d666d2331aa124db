package memory

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Kind of an operation.
type Kind uint8

// The kinds of operations.
const (
	ReadRegister Kind = iota + 1
	Swap
	ReadBlob
	WriteBlob
	Metadata
)

// Op is an operation that a client asks for.
type Op struct {
	Kind Kind
	Key  string
}

// Fault is what happens to an operation. The zero Fault is none.
type Fault struct {
	// Fail is returned at once; nothing takes effect.
	Fail error
	// Hang: nothing takes effect, and the call returns when its context ends.
	Hang bool
	// Delay: the operation begins when this is closed; where the context ends before, it never does.
	Delay <-chan struct{}
	// Lose: the operation takes effect, and its answer never arrives: the call returns ErrLost.
	Lose bool
	// Late: the call returns when its context ends, and the operation takes effect
	// when this is closed, against whatever is there then.
	Late <-chan struct{}
}

// ErrLost says that the answer to an operation was lost.
var ErrLost = errors.New("the connection was lost before the answer")

// faults decides on the fault of each operation, and knows of those that are late.
type faults struct {
	mu     sync.Mutex
	choose func(Op) Fault
	late   sync.WaitGroup
}

// Inject makes choose decide what happens to each operation from now on; nil ends
// all faults. It is called by several goroutines.
func (c *Client) Inject(choose func(Op) Fault) {
	c.faults.mu.Lock()
	defer c.faults.mu.Unlock()
	c.faults.choose = choose
}

// Landed waits until all operations that are late have taken effect.
func (c *Client) Landed() { c.faults.late.Wait() }

// do carries out one operation with its fault.
func (c *Client) do(ctx context.Context, op Op, effect func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	fault := c.fault(op)
	switch {
	case fault.Fail != nil:
		return fmt.Errorf("%s: %w", op.Key, fault.Fail)
	case fault.Hang:
		<-ctx.Done()
		return ctx.Err()
	case fault.Late != nil:
		c.faults.late.Go(func() {
			<-fault.Late
			// Nobody is there to hear whether it was refused.
			_ = effect()
		})
		<-ctx.Done()
		return ctx.Err()
	}
	if fault.Delay != nil {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-fault.Delay:
		}
	}
	err := effect()
	if fault.Lose {
		return fmt.Errorf("%s: %w", op.Key, ErrLost)
	}
	return err
}

func (c *Client) fault(op Op) Fault {
	c.faults.mu.Lock()
	choose := c.faults.choose
	c.faults.mu.Unlock()
	if choose == nil {
		return Fault{}
	}
	return choose(op)
}
