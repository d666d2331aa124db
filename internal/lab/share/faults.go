package share

import (
	"context"
	"syscall"
	"time"
)

// Kind is a set of operations.
type Kind uint8

// The kinds of operations.
const (
	Reads  Kind = 1 << iota // look up, list, read, ask for attributes
	Writes                  // create, write, rename, remove, set attributes, sync
)

// Faults are what is wrong with a mount. The zero value is nothing.
type Faults struct {
	Delay    time.Duration // before each operation
	Fail     syscall.Errno // how each operation ends, after Delay; 0: it takes place
	Hang     Kind          // which operations wait until the faults are others
	Stale    bool
	Torn     bool
	TornFor  time.Duration // after which the second half of a write is there; 0: never
	ReadOnly bool
}

// Set replaces the faults of a mount. What hangs goes on under the new ones.
func (m *Mount) Set(f Faults) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.setStale(f.Stale); err != nil {
		return err
	}
	m.faults = f
	close(m.changed)
	m.changed = make(chan struct{})
	return nil
}

func (m *Mount) now() (Faults, <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.faults, m.changed
}

// pass lets an operation through, late or not at all. The operation ends early
// when its caller is killed or gets a signal.
func (m *Mount) pass(ctx context.Context, kind Kind) syscall.Errno {
	for {
		f, changed := m.now()
		if f.Hang&kind == 0 {
			return f.verdict(ctx, kind)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return syscall.EINTR
		}
	}
}

func (f *Faults) verdict(ctx context.Context, kind Kind) syscall.Errno {
	if f.Delay > 0 {
		timer := time.NewTimer(f.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return syscall.EINTR
		}
	}
	if f.Fail == 0 && f.ReadOnly && kind == Writes {
		return syscall.EROFS
	}
	return f.Fail
}
