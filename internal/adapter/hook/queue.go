package hook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"syscall"

	"stead/internal/adapter/spawn"
	"stead/internal/config"
)

// runLimit is how many hooks of all groups run at once: a fault that moves a
// thousand groups must not start a thousand programs on a machine under load.
const runLimit = 64

var slots = make(chan struct{}, runLimit)

// Queue runs the hooks of one group. Its methods may be called from any goroutine.
type Queue struct {
	done func(Result)

	ctx context.Context // ends the program that runs
	cut context.CancelFunc

	mu      sync.Mutex
	hooks   map[config.HookKind]hook
	pending []Event // at most two: one state, and the stop that follows it
	since   int     // changes dropped since the last hook was started
	dropped uint64
	last    config.HookKind // of the last change that was taken up
	ran     config.HookKind // the last hook that was started for one, change apart
	busy    bool            // a goroutine works the queue
	closed  bool
	idle    chan struct{} // closed when the queue is closed and empty
}

// hook is a program that was looked up.
type hook struct {
	config.Hook
	kind    config.HookKind
	program *spawn.Program
}

// New looks the hooks of a group up. The error names all that could never run.
// Every result is given to done, one after the other.
func New(group string, hooks map[config.HookKind]config.Hook, done func(Result)) (*Queue, error) {
	resolved, err := resolve(group, hooks)
	if err != nil {
		return nil, err
	}
	q := &Queue{done: done, hooks: resolved, idle: make(chan struct{})}
	q.ctx, q.cut = context.WithCancel(context.Background())
	return q, nil
}

// Replace makes these the hooks of the group. The queue goes on. Where any
// could never run, nothing changes.
func (q *Queue) Replace(group string, hooks map[config.HookKind]config.Hook) error {
	resolved, err := resolve(group, hooks)
	if err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.hooks = resolved
	return nil
}

func resolve(group string, hooks map[config.HookKind]config.Hook) (map[config.HookKind]hook, error) {
	resolved := map[config.HookKind]hook{}
	var errs []error
	for kind, h := range hooks {
		program, err := spawn.Resolve(h.Command, h.Shell, h.User)
		if err != nil {
			errs = append(errs, fmt.Errorf("group %q: hook %q: %w", group, kind, err))
			continue
		}
		resolved[kind] = hook{h, kind, program}
	}
	slices.SortFunc(errs, func(a, b error) int {
		if a.Error() < b.Error() {
			return -1
		}
		return 1
	})
	return resolved, errors.Join(errs...)
}

// Push tells the group's hooks of a change. It never blocks. After Stop it
// does nothing.
func (q *Queue) Push(e Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	e.Addresses = slices.Clone(e.Addresses)
	q.enqueue(e)
	if !q.busy {
		q.busy = true
		go q.work()
	}
}

// enqueue lets the latest change win over what has not been started.
func (q *Queue) enqueue(e Event) {
	keep := 0
	if e.Kind == config.HookStop && len(q.pending) > 0 && letsGo(q.pending[0].Kind) {
		keep = 1
	}
	q.drop(len(q.pending) - keep)
	q.pending = append(q.pending[:keep], e)
}

func (q *Queue) drop(n int) {
	q.since += n
	q.dropped += uint64(n)
}

func letsGo(kind config.HookKind) bool {
	return kind == config.HookStandby || kind == config.HookFault
}

// Dropped returns how many changes were overtaken before a hook was started.
func (q *Queue) Dropped() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped
}

// Stop takes no more changes, and waits until the hooks of those it has have
// ended. When ctx is done before, the one that runs is killed, the others are
// dropped, and the error of ctx is returned. The caller pushes the stop event first.
func (q *Queue) Stop(ctx context.Context) error {
	q.mu.Lock()
	if !q.closed {
		q.closed = true
		if !q.busy {
			close(q.idle)
		}
	}
	q.mu.Unlock()
	defer q.cut()
	select {
	case <-q.idle:
		return nil
	case <-ctx.Done():
	}
	q.cut()
	q.mu.Lock()
	q.drop(len(q.pending))
	q.pending = nil
	q.mu.Unlock()
	<-q.idle
	return ctx.Err()
}

// work runs what is pending until nothing is.
func (q *Queue) work() {
	for {
		e, hooks, ok := q.take()
		if !ok {
			return
		}
		for _, h := range hooks {
			if result, ran := q.run(e, h); ran {
				q.done(result)
			}
		}
	}
}

// take returns the next change and its hooks, none where there are none for it.
func (q *Queue) take() (e Event, hooks []hook, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.pending) == 0 {
		q.busy = false
		if q.closed {
			close(q.idle)
		}
		return Event{}, nil, false
	}
	e = q.pending[0]
	q.pending = slices.Delete(q.pending, 0, 1)
	if kind := q.choose(e.Kind); kind != "" {
		q.ran = kind
		hooks = append(hooks, q.hooks[kind])
	}
	q.last = e.Kind
	if h, ok := q.hooks[config.HookChange]; ok && e.Kind != config.HookPrepare {
		hooks = append(hooks, h)
	}
	return e, hooks, true
}

// choose returns the hook that is for a change, or nothing. A fault or a stop
// without a hook of its own runs that of standby where the node had not let go
// already: whoever has named a program that undoes activate wants it run whatever
// the cause. When such a fault has passed, standby does not run a second time.
func (q *Queue) choose(kind config.HookKind) config.HookKind {
	if kind == config.HookStandby && q.last == config.HookFault && q.ran == config.HookStandby {
		return ""
	}
	if _, ok := q.hooks[kind]; ok {
		return kind
	}
	held := q.last == config.HookActivate || q.last == config.HookPrepare
	if _, ok := q.hooks[config.HookStandby]; ok && held && (kind == config.HookFault || kind == config.HookStop) {
		return config.HookStandby
	}
	return ""
}

// run runs one hook. It returns false where the change was overtaken by the end
// of the queue while it waited for its turn among all groups.
func (q *Queue) run(e Event, h hook) (Result, bool) {
	select {
	case slots <- struct{}{}:
		defer func() { <-slots }()
	case <-q.ctx.Done():
	}
	q.mu.Lock()
	if q.ctx.Err() != nil {
		q.drop(1)
		q.mu.Unlock()
		return Result{}, false
	}
	dropped := q.since
	q.since = 0
	q.mu.Unlock()
	r := h.program.Run(q.ctx, spawn.Run{
		Timeout: h.Timeout, Args: e.arguments(h.Arguments), Env: e.environment(), Stdin: e.input(),
	})
	result := Result{
		Event: e, Hook: h.kind, Took: r.Took, Output: r.Output, Last: spawn.LastLine(r.Output), Dropped: dropped,
	}
	result.Outcome, result.Detail = judge(&r, &h)
	if result.Outcome != OK && result.Last != "" {
		result.Detail += ": " + result.Last
	}
	return result, true
}

func judge(r *spawn.Result, h *hook) (Outcome, string) {
	switch {
	case r.OK():
		return OK, ""
	case r.End == spawn.NotStarted:
		return CouldNotRun, r.Err.Error()
	case r.End == spawn.TimedOut:
		return TimedOut, "killed after " + h.Timeout.String()
	case r.End == spawn.Cancelled:
		return Cut, "killed because the daemon ends"
	case r.End == spawn.Signalled:
		return Failed, "ended by signal " + syscall.Signal(r.Code).String()
	default:
		return Failed, "exit code " + strconv.Itoa(r.Code)
	}
}
