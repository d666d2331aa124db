package daemon

import (
	"fmt"
	"runtime/debug"

	"stead/internal/core"
	"stead/internal/core/reason"
	"stead/internal/engine"
)

// survive keeps a panic of the goroutine that defers it from ending the process
// at once: what is held is released first. The engine sees to panics of its own.
func (d *Daemon) survive() {
	p := recover()
	if p == nil {
		return
	}
	select {
	case d.faults <- fmt.Errorf("the daemon panicked, and has released what it held: %v\n%s", p, debug.Stack()):
	default: // the first one counts
	}
	d.engine.Post(core.Command{ID: d.engine.CommandID(), Verb: core.Abort, Group: core.AllGroups, Why: reason.Panicked})
}

// fault is the panic that has ended this run, if one has.
func (d *Daemon) fault() error {
	select {
	case err := <-d.faults:
		return err
	default:
		return nil
	}
}

// tellAll is tell for the engine: a panic loses what was told, not the teller.
func (d *Daemon) tellAll(t engine.Told) {
	defer d.survive()
	d.tell(t)
}
