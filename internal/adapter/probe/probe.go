// Package probe runs health checks and reports what came of each run.
//
// It decides nothing: whether a service is up follows in the core from the
// outcomes. An outcome is one of three. Failed means that the service was asked
// and did not answer as it should: refused, silent for the timeout, a wrong
// answer. CouldNotRun means that it was not asked, or that this machine could
// not hear the answer: no free descriptor, no memory, no local port, no right to
// look, a name that does not resolve, or a process of ours that was itself
// without a processor for so long that a timeout proves nothing.
//
// Checks of every kind but exec run inside this process, without a fork, and are
// made to run every 10 ms.
package probe

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/config"
	"stead/internal/core"
)

// Result of one run of a check.
type Result struct {
	Outcome  core.Outcome
	Detail   string // what went wrong; empty when it passed
	Value    int    // of a check with Number that passed: what it read
	TimedOut bool   // Failed because the timeout was over
	Took     time.Duration
}

// ProbeFn runs a check once. It returns by the deadline, or soon after, and
// when ctx is done. It is never called twice at once.
type ProbeFn func(ctx context.Context, deadline time.Time) Result

// Probe is a check that is ready to run, with what it keeps between runs.
type Probe struct {
	Run   ProbeFn
	Close func() // lets go of what is kept; Run is not called afterwards
}

// Target is what a check is told about itself.
type Target struct {
	config.Check
	Group  string
	Node   string
	Stores Stores // of a progress check
}

// kinds builds the probe of each kind of check.
var kinds = map[config.CheckKind]func(Target) (Probe, error){
	config.CheckHTTP:      newHTTP,
	config.CheckTCP:       newTCP,
	config.CheckUDP:       newUDP,
	config.CheckProcess:   newProcess,
	config.CheckExec:      newExec,
	config.CheckFile:      newFile,
	config.CheckInterface: newInterface,
	config.CheckProgress:  newProgress,
}

// New builds the probe of a check. An error says what in the check, or on this
// machine, keeps it from ever running.
func New(target Target) (Probe, error) {
	build, ok := kinds[target.Kind]
	if !ok {
		return Probe{}, fmt.Errorf("group %q: check %q: no such kind of check: %q", target.Group, target.Name, target.Kind)
	}
	p, err := build(target)
	if err != nil {
		return Probe{}, fmt.Errorf("group %q: check %q: %w", target.Group, target.Name, err)
	}
	if p.Close == nil {
		p.Close = func() {}
	}
	return p, nil
}

func passed() Result { return Result{Outcome: core.Passed} }

func failed(detail string) Result { return Result{Outcome: core.Failed, Detail: detail} }

func notRun(detail string) Result { return Result{Outcome: core.CouldNotRun, Detail: detail} }

func timedOut(detail string) Result {
	return Result{Outcome: core.Failed, Detail: detail, TimedOut: true}
}

// localFaults are errors that say something about this machine, not about the
// service. A refused permission is here too: nothing was asked.
var localFaults = []error{
	unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM, unix.EADDRNOTAVAIL, unix.EACCES, unix.EPERM,
	unix.EAFNOSUPPORT, unix.EPROTONOSUPPORT,
}

func isLocalFault(err error) bool {
	for _, fault := range localFaults {
		if errors.Is(err, fault) {
			return true
		}
	}
	return false
}
