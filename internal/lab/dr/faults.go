package dr

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"stead/internal/lab/share"
)

const (
	sigStop = syscall.SIGSTOP
	sigCont = syscall.SIGCONT
)

// want is what has to become of the gate of the site that does not run.
type want uint8

const (
	stayClosed want = iota
	open
)

func (w want) String() string {
	if w == open {
		return "opens"
	}
	return "stays closed"
}

// fault is one thing that goes wrong.
type fault struct {
	name  string
	about string // for people
	// prepare brings about what has to be there before; nil: site a runs, and b waits.
	prepare func(context.Context, *pair) error
	inject  func(context.Context, *pair) error
	// heal ends the fault; nil: there is nothing to end.
	heal func(context.Context, *pair) error

	gate    string // whose gate it is about; empty: b's
	want    want
	goesOn  bool // the workload that ran before may not be stopped by it
	again   bool // after heal, a workload has to run again
	exactly bool // nothing is processed twice
	split   bool // the heartbeat is written by a program of its own
	clocks  bool // both sites have wall clocks that can be stepped
	pauses  bool // what is stopped counts as what does not run, until it goes on

	original bool // the construction that the gate replaces goes through it, too
}

// soft is how long a share that was mounted soft lets its users wait for an error.
const soft = 50 * time.Millisecond

func unreachable() share.Faults { return share.Faults{Fail: syscall.EIO, Delay: soft} }

// shareFault makes an inject, or a heal, of faults of the share.
func shareFault(f share.Faults, of ...string) func(context.Context, *pair) error {
	return func(_ context.Context, p *pair) (err error) {
		for _, site := range of {
			err = errors.Join(err, p.mounts[site].Set(f))
		}
		return err
	}
}

func healShare(ctx context.Context, p *pair) error {
	return shareFault(share.Faults{}, sites...)(ctx, p)
}

func healCable(_ context.Context, p *pair) error { return p.world.Heal() }

// remove removes what matches from the shared directory.
func remove(pattern string) func(context.Context, *pair) error {
	return func(_ context.Context, p *pair) (err error) {
		names, err := filepath.Glob(filepath.Join(p.dir, pattern))
		if err == nil && len(names) == 0 {
			err = errors.New("nothing on the share is called " + pattern)
		}
		for _, name := range names {
			err = errors.Join(err, os.RemoveAll(name))
		}
		return err
	}
}

// faults are all of them, in the order in which a trial goes through them.
var faults = []*fault{
	{
		name: "dies", about: "site a dies: all its processes are killed and its cable is cut", want: open, original: true,
		inject: func(_ context.Context, p *pair) error { return p.die(siteA) }, heal: healCable,
	},
	{
		name: "isolated", about: "site a loses its network and the share, and lives on", want: open,
		inject: func(ctx context.Context, p *pair) error {
			return errors.Join(p.world.Cut(p.hosts[siteA]), shareFault(unreachable(), siteA)(ctx, p))
		},
		heal: func(ctx context.Context, p *pair) error { return errors.Join(healCable(ctx, p), healShare(ctx, p)) },
	},
	{
		name: "beat-dies", about: "the program that writes the heartbeat of site a is killed; gate and workload live on", split: true, goesOn: true,
		inject: func(_ context.Context, p *pair) error {
			p.programs[siteA][0].signal(syscall.SIGKILL)
			return nil
		},
	},
	{
		name: "share-a", about: "site a cannot reach the share: each operation ends with an error", want: open, original: true,
		inject: shareFault(unreachable(), siteA), heal: healShare,
	},
	{
		name: "share-b", about: "site b cannot reach the share", goesOn: true,
		inject: shareFault(unreachable(), siteB), heal: healShare,
	},
	{
		name: "share-both", about: "neither site can reach the share", again: true,
		inject: shareFault(unreachable(), sites...), heal: healShare,
	},
	{
		name: "torn", about: "of what site a writes only the first half arrives", goesOn: true,
		inject: shareFault(share.Faults{Torn: true}, siteA), heal: healShare,
	},
	{
		name: "deleted", about: "somebody deletes the heartbeat of site a", goesOn: true,
		inject: remove("a/heartbeat.txt"),
	},
	{
		name: "frozen", about: "the share freezes: what either site reads hangs", again: true,
		inject: shareFault(share.Faults{Hang: share.Reads}, sites...), heal: healShare,
	},
	{
		name: "frozen-a", about: "the share freezes for site a, for reads and writes, which take effect when it thaws", want: open,
		inject: shareFault(share.Faults{Hang: share.Reads | share.Writes}, siteA), heal: healShare,
	},
	{
		name: "stale-b", about: "site b reads what the share held when the fault began", goesOn: true,
		inject: shareFault(share.Faults{Stale: true}, siteB), heal: healShare,
	},
	{
		name: "clock", about: "the wall clock of site a is stepped an hour ahead and then two back, then that of b", goesOn: true, clocks: true, original: true,
		inject: stepClocks,
	},
	{
		name: "clock-dies", about: "site a, whose wall clock is two hours ahead of that of b, dies", want: open, clocks: true,
		prepare: func(ctx context.Context, p *pair) error {
			return errors.Join(p.step(ctx, siteA, time.Hour), p.step(ctx, siteB, -time.Hour))
		},
		inject: func(_ context.Context, p *pair) error { return p.die(siteA) }, heal: healCable,
	},
	{
		name: "paused", about: "everything on site a stands still for three times the flatline, as in a snapshot, and goes on", want: open, pauses: true,
		inject: func(_ context.Context, p *pair) error { p.pause(siteA, false); return nil },
		heal:   func(_ context.Context, p *pair) error { p.pause(siteA, true); return nil },
	},
	{
		name: "returns", about: "site a comes back while b runs", gate: siteA, goesOn: true, original: true,
		prepare: takeOver,
		inject:  func(_ context.Context, p *pair) error { return p.start(siteA) },
	},
	{
		name: "failback", about: "an operator moves the workload back to site a: stead gate switchover", gate: siteA, want: open, exactly: true,
		prepare: func(ctx context.Context, p *pair) error {
			if err := takeOver(ctx, p); err != nil {
				return err
			}
			return errors.Join(p.start(siteA), p.waits(ctx, siteA))
		},
		inject: func(ctx context.Context, p *pair) error { return p.switchover(ctx, siteA) },
	},
}

// FaultNames are the names of the faults, in the order in which a trial goes through them.
func FaultNames() (names []string) {
	for _, f := range faults {
		names = append(names, f.name)
	}
	return names
}

func faultNamed(name string) *fault {
	for _, f := range faults {
		if f.name == name {
			return f
		}
	}
	return nil
}

// about is the site whose gate a fault is about.
func (f *fault) site() string {
	if f.gate == "" {
		return siteB
	}
	return f.gate
}

// takeOver ends site a, waits until b runs, and connects a again.
func takeOver(ctx context.Context, p *pair) error {
	if err := p.die(siteA); err != nil {
		return err
	}
	if err := p.runs(ctx, siteB, p.patience()); err != nil {
		return err
	}
	return p.world.Heal()
}
