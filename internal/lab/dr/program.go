package dr

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"stead/internal/lab"
	"stead/internal/lab/wallclock"
)

// program runs on a host until it is ended.
type program struct {
	host *lab.Host
	args []string // the program's file first
	env  []string
	log  string // the file that what it writes is added to
	// clock is the wall clock that it has; nil: the machine's. copy is the program
	// to be run then: see package wallclock.
	clock *wallclock.Clock
	copy  *os.File

	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

// start starts the program, in a process group of its own.
func (p *program) start() error {
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	args := p.args
	if p.clock != nil {
		args = append([]string{args[0], "lab", "clock", "--"}, args[1:]...)
	}
	p.cmd = p.host.Command(args[0], args[1:]...)
	if p.clock != nil {
		if p.cmd.ExtraFiles, err = p.clock.Files(p.copy); err != nil {
			return err
		}
		defer p.cmd.ExtraFiles[0].Close()
	}
	p.cmd.Args[0] = "stead"
	p.cmd.Env = append(os.Environ(), p.env...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.host.Start(p.cmd); err != nil {
		return fmt.Errorf("start stead %s: %w", p.args[1], err)
	}
	p.done = make(chan struct{})
	go func(cmd *exec.Cmd, done chan struct{}) {
		_ = cmd.Wait()
		close(done)
	}(p.cmd, p.done)
	return nil
}

func (p *program) running() bool {
	if p.done == nil {
		return false
	}
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// signal goes to the program alone.
func (p *program) signal(sig syscall.Signal) {
	if p.running() {
		_ = p.cmd.Process.Signal(sig)
	}
}
