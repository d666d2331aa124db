package keeper

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/core/clock"
)

// Options is what a keeper has to know.
type Options struct {
	Keeper []string // command of the keeper: default this program with the argument "keeper"

	// Workload is the command that is run, or Processes the names of processes that
	// somebody else runs.
	Workload  []string
	Processes []string
	User      string   // that the workload runs as, by name or number; empty: that of the gate
	Env       []string // all of the workload's environment
	Grace     time.Duration
	Adopted   bool // Adopt was called: what a dead keeper leaves behind is this process's

	// The workload is told to end at End, and killed at Kill.
	End, Kill clock.Instant

	Now func() clock.Instant // CLOCK_BOOTTIME
	// Say is something that people should know, and Present that one of Processes is
	// there, or none any more. They are called one at a time.
	Say     func(text string)
	Present func(are bool)
}

// Exit is how a workload has ended.
type Exit struct {
	Code   int   // of the command: 128 and the signal's number where one has ended it
	Told   bool  // it was told to end, or killed
	Killed bool  // what was left at Kill was killed
	Err    error // it could not be started, or its keeper has died and it was killed
}

// startWithin is how long a keeper may take to begin.
const startWithin = 5 * time.Second

// lateBy is how long after Kill the gate takes it that its keeper hangs. Tests,
// which may run on a machine that hangs itself, give it longer.
var lateBy = 300 * time.Millisecond

// Keeper is the gate's end of a keeper. Its methods may be called by several
// goroutines.
type Keeper struct {
	opts    Options
	cmd     *exec.Cmd
	orders  *os.File
	group   string
	session int
	ready   chan error
	done    chan struct{}
	exit    Exit

	mu    sync.Mutex
	late  *time.Timer
	kill  clock.Instant // as the keeper was told last
	acted bool          // it has killed what was there then
}

// Start is Begin and Ready.
func Start(opts Options) (*Keeper, error) {
	k, err := Begin(opts)
	if err != nil {
		return nil, err
	}
	return k, k.Ready()
}

// Begin starts a keeper, which starts the workload. The deadlines can be moved
// while it does.
func Begin(opts Options) (*Keeper, error) {
	if len(opts.Keeper) == 0 {
		opts.Keeper = []string{"/proc/self/exe", "keeper"}
	}
	if opts.Say == nil {
		opts.Say = func(string) {}
	}
	if opts.Present == nil {
		opts.Present = func(bool) {}
	}
	k := &Keeper{opts: opts, ready: make(chan error, 1), done: make(chan struct{})}
	if len(opts.Workload) > 0 {
		var err error
		if k.group, err = makeGroup(); err != nil {
			opts.Say(fmt.Sprintf("the workload has no control group of its own: %v", err))
		}
	}
	reports, err := k.start()
	if err != nil {
		k.leave()
		return nil, fmt.Errorf("start the keeper of the workload: %w", err)
	}
	k.guard(opts.Kill)
	go k.listen(reports)
	return k, nil
}

// Ready waits until the workload runs, 5 s at most, or tells why it does not.
func (k *Keeper) Ready() error {
	timeout := time.AfterFunc(startWithin, func() { _ = k.cmd.Process.Kill() })
	defer timeout.Stop()
	if err := <-k.ready; err != nil {
		<-k.done
		return err
	}
	return nil
}

// start starts the keeper and gives it its job.
func (k *Keeper) start() (reports *os.File, err error) {
	theirs, ours, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	k.orders = ours
	reports, writer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer writer.Close()
	k.cmd = exec.Command(k.opts.Keeper[0], k.opts.Keeper[1:]...)
	if k.cmd.Path == "/proc/self/exe" {
		k.cmd.Args[0] = os.Args[0] // so that a list of processes names it as the gate
	}
	k.cmd.Stdin, k.cmd.Stdout, k.cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	k.cmd.ExtraFiles = []*os.File{theirs, writer} // ordersFD and reportsFD
	// What is sent to the gate's process group is for the gate to pass on.
	k.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := startKeeper(k.cmd); err != nil {
		_ = reports.Close()
		return nil, err
	}
	j := job{
		Workload: k.opts.Workload, Processes: k.opts.Processes, User: k.opts.User, Env: k.opts.Env,
		Group: k.group, Gate: os.Getpid(), Grace: k.opts.Grace, order: order{End: k.opts.End, Kill: k.opts.Kill},
	}
	if _, err := k.orders.Write(line(j)); err != nil && !errors.Is(err, unix.EPIPE) {
		_ = reports.Close()
		return nil, errors.Join(err, k.cmd.Process.Kill(), waitKeeper(k.cmd))
	}
	return reports, nil
}

// PID is the process ID of the keeper.
func (k *Keeper) PID() int { return k.cmd.Process.Pid }

// Done is closed when nothing of the workload is left. Exit tells how it ended.
func (k *Keeper) Done() <-chan struct{} { return k.done }

// Exit is how the workload has ended. It may be asked when Done is closed.
func (k *Keeper) Exit() Exit { return k.exit }

// Until moves the deadlines. It does not wait.
func (k *Keeper) Until(end, kill clock.Instant) error {
	k.guard(kill)
	// 0 would be left out of the line.
	return k.order(order{End: max(end, 1), Kill: max(kill, 1)})
}

// Leave lets go of the workload: it is ended at once, as if the gate had died.
// It returns when nothing of it is left.
func (k *Keeper) Leave() {
	_ = k.orders.Close()
	<-k.done
}

// Signal passes a signal on to the workload. It does not wait.
func (k *Keeper) Signal(s syscall.Signal) error { return k.order(order{Signal: int(s)}) }

// order writes to the keeper. One that hangs does not read; its pipe fills up, and
// then what is written is lost, as the keeper is.
func (k *Keeper) order(o order) error {
	raw, err := k.orders.SyscallConn()
	if err != nil {
		return fmt.Errorf("keeper of the workload: %w", err)
	}
	failed := raw.Write(func(fd uintptr) bool {
		_, err = unix.Write(int(fd), line(o))
		return true
	})
	if err := cmp.Or(err, failed); err != nil {
		return fmt.Errorf("keeper of the workload: %w", err)
	}
	return nil
}

// guard kills a keeper that has not killed its workload when it was to: the kernel
// kills a command with it, and processes that others have started are for the next keeper.
func (k *Keeper) guard(kill clock.Instant) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.late != nil {
		k.late.Stop()
	}
	left := kill.Sub(k.opts.Now())
	k.kill, k.acted = kill, k.acted && left <= 0
	if kill == clock.Never || k.acted {
		return
	}
	k.late = time.AfterFunc(max(0, left)+lateBy, func() { _ = k.cmd.Process.Kill() })
}

// hasActed takes in that the keeper has killed. What does not go away by that hangs in
// the kernel, and would hang without its keeper, too.
func (k *Keeper) hasActed() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.kill > k.opts.Now() {
		return
	}
	k.acted = true
	if k.late != nil {
		k.late.Stop()
	}
}

// listen hears what the keeper tells until it ends.
func (k *Keeper) listen(reports *os.File) {
	defer close(k.done)
	defer reports.Close()
	over := false
	failed := errors.New("the keeper of the workload died before the workload ran")
	for in := bufio.NewReader(reports); ; {
		text, err := in.ReadBytes('\n')
		var r report
		if err != nil || json.Unmarshal(text, &r) != nil {
			break
		}
		switch r.What {
		case said:
			k.opts.Say(r.Text)
		case started:
			k.session = r.PID
			failed = nil
			k.ready <- nil
		case present:
			k.opts.Present(r.Count > 0)
		case told:
			k.exit.Told = true
		case killed:
			k.exit.Killed = true
			k.hasActed()
			if r.Count > 0 {
				k.opts.Say(fmt.Sprintf("%d processes had left the workload's session: they were killed, too", r.Count))
			}
		case ended:
			k.exit.Code, k.exit.Told, over = r.Code, r.Told, true
		case failedStart:
			failed, over = errors.New(r.Text), true
		}
	}
	ended := waitKeeper(k.cmd)
	if !over {
		k.exit.Told = true
		k.exit.Err = fmt.Errorf("the keeper of the workload has died (%v): the workload was killed", ended)
		k.mourn()
	}
	k.leave()
	if failed != nil {
		k.exit.Err = failed
		k.ready <- failed
	}
}

// mourn kills what the kernel has not killed with the keeper.
func (k *Keeper) mourn() {
	if k.session == 0 {
		return
	}
	// A process may be starting another one while it is looked for.
	for range 50 {
		_ = killGroup(k.group)
		all := table()
		left := slices.DeleteFunc(slices.Clone(all), func(p process) bool { return p.session != k.session })
		if k.opts.Adopted {
			left = append(left, descendants(all, os.Getpid())...)
		}
		left = slices.DeleteFunc(left, func(p process) bool { return p.zombie })
		if len(left) == 0 && len(groupPeople(k.group)) == 0 {
			return
		}
		for _, p := range left {
			_ = unix.Kill(p.pid, unix.SIGKILL)
		}
		time.Sleep(again)
	}
}

// leave gives back what the gate has had for the keeper.
func (k *Keeper) leave() {
	k.mu.Lock()
	if k.late != nil {
		k.late.Stop()
	}
	k.late = nil
	k.mu.Unlock()
	if k.orders != nil {
		_ = k.orders.Close()
	}
	if k.group != "" {
		_ = os.Remove(k.group) // what cannot be removed is swept by the next gate
	}
}
