package keeper

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/core/clock"
)

// again is how often the keeper looks whether what it has killed is gone, and
// whether processes that it watches over have come back.
const again = 20 * time.Millisecond

// lookEvery is how often the keeper looks whether watched processes are there.
const lookEvery = 200 * time.Millisecond

// Run is the keeper: the body of the process that Start starts. It returns when
// nothing of the workload is left. now reads CLOCK_BOOTTIME.
func Run(now func() clock.Instant) error {
	// The kernel kills the workload when the thread ends that has started it: this
	// one, which is the first of the process, lives as long as it.
	runtime.LockOSThread()
	// What is meant for the gate does not end the keeper. The signals are caught, not
	// ignored: what is ignored stays so in what is started (signal(7)).
	signal.Notify(make(chan os.Signal, 1),
		unix.SIGHUP, unix.SIGINT, unix.SIGTERM, unix.SIGQUIT, unix.SIGPIPE, unix.SIGUSR1, unix.SIGUSR2)
	unix.CloseOnExec(ordersFD)
	unix.CloseOnExec(reportsFD)
	w := &warden{now: now, reports: os.NewFile(reportsFD, "reports")}
	in := bufio.NewReader(os.NewFile(ordersFD, "orders"))
	if err := readLine(in, &w.job); err != nil {
		return fmt.Errorf("keeper: %w (a gate starts it, not a person)", err)
	}
	// The deadlines may have been moved while this process began.
	last := w.job.order
	for in.Buffered() > 0 || readable(ordersFD) {
		if err := readLine(in, &last); err != nil {
			w.alone = true
			break
		}
	}
	w.end, w.kill = last.End, last.Kill
	if len(w.job.Workload) > 0 && (w.alone || w.now() >= w.end) {
		// This process stood still meanwhile: what it would start could be the second one.
		w.tell(report{What: failedStart, Text: "start the workload: its time was over before it had begun"})
		return nil
	}
	if err := w.begin(); err != nil {
		w.tell(report{What: failedStart, Text: err.Error()})
		return nil
	}
	orders := make(chan order)
	go func() {
		defer close(orders)
		for {
			var o order
			if readLine(in, &o) != nil {
				return
			}
			orders <- o
		}
	}()
	return w.watch(orders)
}

// readable tells whether a descriptor has something to read, or is at its end.
func readable(fd int32) bool {
	fds := []unix.PollFd{{Fd: fd, Events: unix.POLLIN}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n == 1 && fds[0].Revents&unix.POLLIN != 0
}

// readLine reads one value from the gate.
func readLine(in *bufio.Reader, v any) error {
	text, err := in.ReadBytes('\n')
	if err != nil {
		return err
	}
	return json.Unmarshal(text, v)
}

// warden is a keeper at work.
type warden struct {
	now     func() clock.Instant
	reports *os.File
	job     job
	timer   *os.File

	end, kill clock.Instant
	alone     bool // the gate is gone
	told      bool
	killed    bool

	child  int // 0 once it was reaped
	code   int
	bidden bool // the command has ended after it was told to
	people bool // something of the workload is there
}

// begin starts what the job says.
func (w *warden) begin() error {
	fd, err := unix.TimerfdCreate(unix.CLOCK_BOOTTIME, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("make a timer: %w", err)
	}
	w.timer = os.NewFile(uintptr(fd), "timer")
	if len(w.job.Workload) == 0 {
		w.people = true
		w.tell(report{What: started})
		return nil
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become the subreaper of the workload: %w", err)
	}
	if w.child, err = w.startWorkload(); err != nil {
		return err
	}
	w.people = true
	w.tell(report{What: started, PID: w.child})
	return nil
}

// watch keeps the deadlines until nothing is left.
func (w *warden) watch(orders <-chan order) error {
	children := make(chan os.Signal, 1)
	signal.Notify(children, unix.SIGCHLD)
	alarms := make(chan struct{})
	go func() {
		var count [8]byte
		for {
			if _, err := w.timer.Read(count[:]); err != nil && !errors.Is(err, unix.EAGAIN) {
				return
			}
			alarms <- struct{}{}
		}
	}()
	for {
		next, done := w.look()
		if done {
			w.tell(report{What: ended, Code: w.code, Told: w.bidden})
			return nil
		}
		if err := w.arm(next); err != nil {
			return err
		}
		select {
		case o, ok := <-orders:
			if ok {
				w.heed(o)
				continue
			}
			orders = nil
			// Nobody renews any more, and nobody else will tell the workload.
			w.alone = true
			w.end = clock.Min(w.end, w.now())
			w.kill = clock.Min(w.kill, w.end.Add(w.job.Grace))
		case <-children:
		case <-alarms:
		}
	}
}

// heed does what the gate wants.
func (w *warden) heed(o order) {
	if o.Signal != 0 {
		w.pass(unix.Signal(o.Signal))
		return
	}
	if w.told && w.job.Processes == nil {
		// A workload that was told to end is ending: only its time can be cut.
		w.kill = clock.Min(w.kill, o.Kill)
		return
	}
	w.end, w.kill = o.End, o.Kill
	if w.now() < w.end {
		w.told, w.killed = false, false
	}
}

// look does what is due. It returns when to look again, and whether all is over.
func (w *warden) look() (next clock.Instant, done bool) {
	w.reap()
	if w.job.Processes == nil && !w.people {
		return 0, true
	}
	now := w.now()
	if now >= w.end && !w.told {
		w.told = true
		w.ask()
		w.tell(report{What: told})
	}
	if now >= w.kill {
		n := w.finish()
		if !w.killed {
			w.killed = true
			w.tell(report{What: killed, Count: n})
		}
		w.reap()
	}
	if w.job.Processes != nil {
		return w.lookNamed(now)
	}
	switch {
	case !w.people:
		return 0, true
	case now >= w.kill:
		return now.Add(again), false
	case w.told:
		return w.kill, false
	}
	return w.end, false
}

// lookNamed is the end of look for processes that others have started: they may
// come back for as long as the gate lives.
func (w *warden) lookNamed(now clock.Instant) (next clock.Instant, done bool) {
	count := len(w.found())
	people := count > 0
	if people != w.people {
		w.people = people
		w.tell(report{What: present, Count: count})
	}
	if w.alone && (!people || now >= w.kill.Add(w.job.Grace)) {
		return 0, true
	}
	next = now.Add(lookEvery)
	if now < w.end {
		next = clock.Min(next, w.end)
	} else if now < w.kill {
		next = clock.Min(next, w.kill)
	}
	return next, false
}

// reap takes leave of children that have ended, those that others have left
// behind too. When there are none any more, the workload is over.
func (w *warden) reap() {
	if w.job.Processes != nil {
		return
	}
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, unix.WNOHANG, nil)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil: // ECHILD
			w.people = false
			return
		case pid == 0:
			return
		case pid == w.child:
			w.commandEnded(status)
		}
	}
}

// commandEnded lets nothing that the command has left behind outlive it for long.
func (w *warden) commandEnded(status unix.WaitStatus) {
	w.child, w.bidden = 0, w.told
	w.code = status.ExitStatus()
	if status.Signaled() {
		w.code = 128 + int(status.Signal())
	}
	if left := len(w.found()); left > 0 && !w.told {
		w.tell(report{What: said, Text: fmt.Sprintf("the command has ended and left %d processes behind: they are ended, too", left)})
	}
	w.end = clock.Min(w.end, w.now())
	w.kill = clock.Min(w.kill, w.end.Add(w.job.Grace))
	w.told = w.told || len(w.found()) == 0 // nobody is there to be told
}

// arm sets the timer. A moment that has passed rings at once.
func (w *warden) arm(at clock.Instant) error {
	var spec unix.ItimerSpec
	if at != clock.Never {
		spec.Value = unix.NsecToTimespec(int64(max(at, 1)))
	}
	raw, err := w.timer.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = unix.TimerfdSettime(int(fd), unix.TFD_TIMER_ABSTIME, &spec, nil)
	})
	return errors.Join(err, failed)
}

// tell reports to the gate, where there is one.
func (w *warden) tell(r report) { _, _ = w.reports.Write(line(r)) }
