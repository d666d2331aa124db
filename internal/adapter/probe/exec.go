package probe

import (
	"context"
	"fmt"
	"strconv"
	"syscall"
	"time"

	"stead/internal/adapter/spawn"
)

// execLimit is how many programs of checks run at once, so that hanging ones
// cannot fill the process table.
const execLimit = 64

var execSlots = make(chan struct{}, execLimit)

// execProbe runs a program: exit code 0 has passed, any other has failed.
type execProbe struct {
	program *spawn.Program
	env     []string
	timeout time.Duration
}

func newExec(t Target) (Probe, error) {
	program, err := spawn.Resolve(t.Command, t.Shell, t.User)
	if err != nil {
		return Probe{}, err
	}
	p := &execProbe{program: program, timeout: t.Timeout, env: []string{
		"STEAD_GROUP=" + t.Group, "STEAD_CHECK=" + t.Name, "STEAD_NODE=" + t.Node,
	}}
	return Probe{Run: p.run}, nil
}

func (p *execProbe) run(ctx context.Context, deadline time.Time) Result {
	select {
	case execSlots <- struct{}{}:
		defer func() { <-execSlots }()
	default:
		return notRun(fmt.Sprintf("%d programs of checks are running already", execLimit))
	}
	r := p.program.Run(ctx, spawn.Run{
		Timeout: max(deadline.Sub(now()), time.Millisecond), Env: p.env, KillRemains: true, DieWithUs: true,
	})
	return p.judge(&r)
}

func (p *execProbe) judge(r *spawn.Result) Result {
	switch r.End {
	case spawn.NotStarted:
		return notRun(r.Err.Error())
	case spawn.TimedOut:
		return timedOut("not done within " + p.timeout.String() + said(r.Output))
	case spawn.Cancelled:
		return notRun("cancelled")
	case spawn.Signalled:
		return failed("ended by signal " + syscall.Signal(r.Code).String() + said(r.Output))
	}
	switch {
	case r.Code == 0:
		return passed()
	case p.program.ViaShell() && (r.Code == 126 || r.Code == 127):
		// The shell's own words for: found but not executable, and not found
		// (POSIX Shell Command Language, section 2.8.2).
		return notRun("exit code " + strconv.Itoa(r.Code) + said(r.Output))
	default:
		return failed("exit code " + strconv.Itoa(r.Code) + said(r.Output))
	}
}

func said(output []byte) string {
	if line := spawn.LastLine(output); line != "" {
		return ": " + line
	}
	return ""
}
