// Package spawn runs one program for an exec check or a hook, and guarantees
// that it is gone afterwards.
//
// A program runs in a process group of its own. When its time is up the whole
// group is killed, grandchildren included. The group is only ever signalled
// while its leader has not been reaped, so that a process number that was given
// to a stranger in the meantime is never hit. There is no shell unless one is
// asked for, the environment holds what the caller names and nothing else, and
// what the program prints is read to the end and kept up to a bound.
package spawn

import (
	"context"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/adapter/sched"
)

// OutputLimit is how many bytes of a program's output are kept: the last ones.
const OutputLimit = 4096

// Run is what differs from run to run of one Program.
type Run struct {
	Timeout     time.Duration // 0: none but that of the context
	Args        []string      // after those of the command; of a shell's line they are $1, $2 and so on
	Env         []string      // beside the minimal environment, as NAME=value
	Stdin       []byte        // empty: /dev/null
	KillRemains bool          // kill what the program leaves behind in its process group
	DieWithUs   bool          // the kernel kills the program when this process dies
}

// End is how a run ended.
type End uint8

// The ends of a run.
const (
	NotStarted End = iota // Err says why; the program did not run at all
	Exited                // by itself, with Code
	Signalled             // by a signal of somebody else, in Code
	TimedOut              // Timeout was over; the process group was killed
	Cancelled             // the context was done; the process group was killed
)

// Result is what came out of a run.
type Result struct {
	End    End
	Code   int    // exit code of Exited, signal of Signalled
	Err    error  // of NotStarted
	Output []byte // standard output and error together, the last OutputLimit bytes
	Took   time.Duration
	Late   time.Duration // of TimedOut: how long after the timeout this process noticed
}

// OK reports whether the program exited with code 0.
func (r *Result) OK() bool { return r.End == Exited && r.Code == 0 }

// dyingLimit is how long a killed program is waited for. One that sleeps
// uninterruptibly in the kernel, on a dead disk say, does not die before it wakes.
const dyingLimit = time.Second

// Run runs the program and waits for its end, for the timeout or for ctx,
// whichever comes first. While an earlier run was killed but will not die, no
// other is started: that run counts as one that is still timing out.
func (p *Program) Run(ctx context.Context, run Run) (result Result) {
	start := now()
	defer func() { result.Took = now().Sub(start) }()
	if p.lingering.Load() > 0 {
		return Result{End: TimedOut}
	}

	// The program gets the priority of the thread that forks it, and the kernel's
	// parent is that thread: it must not end before the program does.
	done := make(chan struct{})
	go func() {
		defer close(done)
		sched.Ordinary()
		result = p.run(ctx, run, start)
	}()
	<-done
	return result
}

// run is Run on a thread that ends with it.
func (p *Program) run(ctx context.Context, run Run, start time.Time) (result Result) {
	out, writeEnd, err := p.outputPipe()
	if err != nil {
		return Result{End: NotStarted, Err: err}
	}
	defer out.Close()
	pid, err := p.start(run, writeEnd)
	_ = writeEnd.Close()
	if err != nil {
		return Result{End: NotStarted, Err: err}
	}
	output := collect(out)
	result = p.wait(ctx, pid, run, start)
	result.Output = output.finish()
	return result
}

// start forks the program and returns its process number.
func (p *Program) start(run Run, output *os.File) (int, error) {
	stdin, err := p.stdin(run.Stdin)
	if err != nil {
		return 0, err
	}
	defer stdin.Close()
	attr := &syscall.SysProcAttr{Setpgid: true, Credential: p.credential}
	if run.DieWithUs {
		attr.Pdeathsig = syscall.SIGKILL
	}
	// ForkExec and not os.StartProcess: that one reaps through its own handle,
	// and the group must stay unreaped until it was signalled for the last time.
	pid, err := syscall.ForkExec(p.path, p.arguments(run.Args), &syscall.ProcAttr{
		Dir:   "/",
		Env:   append(p.environment(), run.Env...),
		Files: []uintptr{stdin.Fd(), output.Fd(), output.Fd()},
		Sys:   attr,
	})
	if err != nil {
		return 0, &os.PathError{Op: "run", Path: p.path, Err: err}
	}
	return pid, nil
}

// wait waits for the leader of the group, kills the group where it has to go,
// and reaps the leader last.
func (p *Program) wait(ctx context.Context, pid int, run Run, start time.Time) Result {
	exited := make(chan struct{})
	go func() { defer close(exited); waitUnreaped(pid) }()

	var timeout <-chan time.Time
	if run.Timeout > 0 {
		timer := time.NewTimer(run.Timeout - now().Sub(start))
		defer timer.Stop()
		timeout = timer.C
	}
	result := Result{End: Exited}
	select {
	case <-exited:
	case <-timeout:
		result.End, result.Late = TimedOut, now().Sub(start)-run.Timeout
	case <-ctx.Done():
		result.End = Cancelled
	}
	if result.End != Exited || run.KillRemains {
		_ = unix.Kill(-pid, unix.SIGKILL)
	}
	if result.End != Exited {
		p.bury(pid, exited)
		return result
	}
	if status := reap(pid); status.Signaled() {
		result.End, result.Code = Signalled, int(status.Signal())
	} else {
		result.Code = status.ExitStatus()
	}
	return result
}

// bury reaps a killed program: now, or where it does not die, once it does.
func (p *Program) bury(pid int, exited <-chan struct{}) {
	dying := time.NewTimer(dyingLimit)
	defer dying.Stop()
	select {
	case <-exited:
		reap(pid)
	case <-dying.C:
		p.lingering.Add(1)
		go func() {
			<-exited
			reap(pid)
			p.lingering.Add(-1)
		}()
	}
}

// waitUnreaped returns when the process has ended. It stays a zombie, so that
// its number is given to no other.
func waitUnreaped(pid int) {
	for unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
}

func reap(pid int) unix.WaitStatus {
	var status unix.WaitStatus
	for {
		if _, err := unix.Wait4(pid, &status, 0, nil); err != unix.EINTR {
			return status
		}
	}
}
