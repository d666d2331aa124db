package lab

import (
	"context"
	"fmt"
	"syscall"
	"time"
)

// fault is one thing that happens to the active host, the primary.
type fault struct {
	name  string
	about string // for people
	// prepare brings about what has to be there before; nil: nothing.
	prepare func(context.Context, *session) error
	// inject does it, as fast as it can: the clock runs from just before.
	inject func(context.Context, *session) error
	// undo restores the world; nil: nothing to restore.
	undo func(context.Context, *session) error
	// holder serves afterwards; empty: whoever it is.
	holder string
	// noQuorum makes the fault run without quorum, whatever was asked for.
	noQuorum bool
	// shared makes the fault run with servers that both serve, for none is preferred.
	shared bool
	// network is the only one that the fault is run in; empty: all.
	network string
	// handsOver tells that the active host hands over before it lets go, where the
	// address is announced by BGP: for a moment routers may send to both.
	handsOver bool
	budget    budgetKind
}

// in tells whether the fault can be run in a network.
func (f *fault) in(network string) bool { return f.network == "" || f.network == network }

// faults are all of them, in the order in which a trial runs them.
var faults = []*fault{
	{
		name: "switchover", about: "an operator moves the group: stead switchover web", holder: secondary, budget: nothingLost,
		inject: func(ctx context.Context, s *session) error {
			_, err := s.cli(ctx, primary, "switchover", group)
			return err
		},
		// What an operator moved stays where it is: no preemption brings it back.
		undo: func(ctx context.Context, s *session) error {
			_, err := s.cli(ctx, secondary, "switchover", group, "--to", primary)
			return err
		},
	},
	{
		name: "drain", about: "the active host is taken out of service for maintenance: stead drain --wait", holder: secondary, network: NetworkBGP, budget: nothingLost,
		inject: drainPrimary,
		undo:   resumePrimary,
	},
	{
		name: "sharing", about: "both servers announce the address with equal AS_PATHs and share the load, until one is drained", holder: secondary, network: NetworkBGP, shared: true, budget: nothingLost,
		inject: drainPrimary,
		undo:   resumePrimary,
	},
	{
		name: "service", about: "the service of the active host dies; a fatal check finds it", holder: secondary, budget: resigned,
		inject: func(_ context.Context, s *session) error { return s.servers[primary].signal(syscall.SIGKILL) },
		undo:   func(_ context.Context, s *session) error { return s.again(s.servers[primary]) },
	},
	{
		name: "sigterm", about: "the daemon of the active host is asked to end", holder: secondary, handsOver: true, budget: resigned,
		inject: func(_ context.Context, s *session) error { return s.daemons[primary].signal(syscall.SIGTERM) },
		undo:   func(_ context.Context, s *session) error { return s.again(s.daemons[primary]) },
	},
	{
		name: "sigkill", about: "the daemon of the active host is killed; the host and its service live on", holder: secondary, budget: silent,
		inject: func(_ context.Context, s *session) error { return s.daemons[primary].signal(syscall.SIGKILL) },
		undo:   func(_ context.Context, s *session) error { return s.again(s.daemons[primary]) },
	},
	{
		name: "freeze", about: "the daemon of the active host is stopped (SIGSTOP) with all its children, and goes on later", holder: secondary, budget: silent,
		inject: func(_ context.Context, s *session) error { return s.daemons[primary].signalGroup(syscall.SIGSTOP) },
		undo:   func(_ context.Context, s *session) error { return s.daemons[primary].signalGroup(syscall.SIGCONT) },
	},
	{
		name: "cut", about: "the cable of the active host is pulled: its carrier is lost", holder: secondary, budget: silent,
		inject: func(_ context.Context, s *session) error { return s.world.Cut(s.world.Host(primary)) },
		undo:   healWorld,
	},
	{
		name: "blackhole", about: "the network drops everything from and to the active host, silently", holder: secondary, budget: silent,
		inject: func(_ context.Context, s *session) error { return s.world.Blackhole(s.world.Host(primary)) },
		undo:   healWorld,
	},
	{
		name: "oneway", about: "the network drops everything to the active host; what it sends arrives", holder: secondary, budget: silent,
		inject: func(_ context.Context, s *session) error { return s.world.OneWay(s.world.Host(primary)) },
		undo:   healWorld,
	},
	{
		name: "heal", about: "two servers that do not see each other both serve, until the network between them is mended; the client is on the side of the one that took nothing over", noQuorum: true, network: NetworkOverlay, budget: healed,
		prepare: partition,
		inject:  healWorld,
	},
	{
		name: "recover", about: "the preferred host comes back and takes over from the one that serves", holder: primary, budget: nothingLost,
		prepare: takePrimaryAway,
		inject:  func(_ context.Context, s *session) error { return s.again(s.daemons[primary]) },
	},
}

// FaultNames are the names of the faults that can be run in a network, in the
// order in which a trial runs them.
func FaultNames(network string) []string {
	o := Options{Network: network}
	return o.faultNames()
}

func faultNamed(name string) *fault {
	for _, f := range faults {
		if f.name == name {
			return f
		}
	}
	return nil
}

func drainPrimary(ctx context.Context, s *session) error {
	_, err := s.cli(ctx, primary, "drain", "--wait")
	return err
}

func resumePrimary(ctx context.Context, s *session) error {
	_, err := s.cli(ctx, primary, "resume")
	return err
}

func healWorld(_ context.Context, s *session) error { return s.world.Heal() }

// again starts a program that was ended, when it has ended.
func (s *session) again(p *process) error {
	if err := p.wait(s.opt.patience()); err != nil {
		return err
	}
	return p.start()
}

// bothServe is how long both sides of the partition serve before it is mended.
const bothServe = 200 * time.Millisecond

// partition separates the servers and waits until both serve.
func partition(ctx context.Context, s *session) error {
	if err := s.world.Partition(s.world.Host(primary), s.world.Host(secondary)); err != nil {
		return err
	}
	err := s.await(ctx, "both active", func() error {
		for _, host := range []string{primary, secondary} {
			st, err := s.status(ctx, host)
			if err != nil {
				return err
			}
			if g := st.Group(group); g == nil || g.Role != "active" {
				return fmt.Errorf("%s does not serve its side", host)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	sleep(ctx, bothServe)
	// The side that took over has announced itself to this client too. Others
	// are only on the side of the old holder, which is the one that gives up
	// when the network is mended: the client becomes one of those.
	return s.pointClientAt(primary)
}

// takePrimaryAway ends the primary's daemon and waits until the secondary serves.
func takePrimaryAway(ctx context.Context, s *session) error {
	if err := s.daemons[primary].signal(syscall.SIGTERM); err != nil {
		return err
	}
	if err := s.daemons[primary].wait(s.opt.patience()); err != nil {
		return err
	}
	limit, cancel := context.WithTimeout(ctx, s.opt.patience())
	defer cancel()
	for {
		st, err := s.status(limit, secondary)
		if err != nil {
			return err
		}
		if g := st.Group(group); g != nil && g.Role == "active" && g.Applied {
			return nil
		}
		sleep(limit, pollPeriod)
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
