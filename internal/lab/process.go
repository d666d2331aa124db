package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// process is a program that runs on a host until it is ended.
type process struct {
	host *Host
	name string
	args []string // the program's file first; ps shows name
	env  []string
	log  *os.File

	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

// start starts the program anew. What it writes is added to its log.
func (p *process) start() error {
	if p.running() {
		return nil
	}
	p.cmd = p.host.Command(p.args[0], p.args[1:]...)
	p.cmd.Args[0] = p.name
	p.cmd.Env = append(os.Environ(), p.env...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.host.Start(p.cmd); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	p.done = make(chan struct{})
	go func(cmd *exec.Cmd, done chan struct{}) {
		_ = cmd.Wait()
		close(done)
	}(p.cmd, p.done)
	return nil
}

func (p *process) running() bool {
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
func (p *process) signal(sig syscall.Signal) error {
	if p.cmd == nil {
		return fmt.Errorf("signal %s: it was never started", p.name)
	}
	return p.cmd.Process.Signal(sig)
}

// signalGroup goes to the program and to what it started.
func (p *process) signalGroup(sig syscall.Signal) error {
	if p.cmd == nil {
		return fmt.Errorf("signal %s: it was never started", p.name)
	}
	return syscall.Kill(-p.cmd.Process.Pid, sig)
}

var errLingers = errors.New("did not end")

// wait waits until the program has ended.
func (p *process) wait(limit time.Duration) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-p.done:
		return nil
	case <-timer.C:
		return fmt.Errorf("%s on %s: %w within %v", p.name, p.host.Name, errLingers, limit)
	}
}

// kill ends the program and what it started, and waits for it.
func (p *process) kill() {
	if p.cmd == nil {
		return
	}
	_ = p.signalGroup(syscall.SIGKILL)
	_ = p.wait(5 * time.Second)
}
