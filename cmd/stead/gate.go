package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"stead/internal/adapter/keeper"
	"stead/internal/gate"
)

func newGateCmd() *cobra.Command {
	f := &gateFlags{}
	cmd := &cobra.Command{
		Use:   "gate [-- COMMAND ARGUMENT...]",
		Short: "hold the workload of this site back until the other site has flatlined",
		Long: `Gate blocks until the workload of this site may run: when the other site's heartbeat
has not changed for --flatline by this machine's own clock, and the right to run, of
which there is one in the store, is this site's. Then it prints the epoch of the right
and exits 0: in an init container the pod goes on, in a shell the next line.

With --exec it runs COMMAND instead, and stays: COMMAND is stopped (SIGTERM, and
SIGKILL after --grace) when the right is lost, by a second process that keeps the time
even where the gate hangs or dies. COMMAND finds the epoch in STEAD_EPOCH, in the
--epoch-file, and wherever {epoch} stands in its arguments. With --watch the gate
guards a workload that something else has started: it stops the processes named with
--stop-process, or, with none, exits so that whoever has started it can.

A heartbeat that cannot be read is no sign of death: the verdict is cannot-tell, and
the gate stays closed. See docs/explanation/gate.md for what is promised.

A store is folder:/mnt/share/stead, azblob://, s3://, etcd://, kubernetes:// or
consul://; see docs/reference/config.md.

Without --site, --other and --store the variables THIS_CLUSTER, THAT_CLUSTER and
HEART_BEAT_FOLDER stand for them. With HEART_BEAT_FOLDER alone the gate is the drop-in
for a script that waits for the file <folder>/<cluster>/heartbeat.txt: it reads .NET
ticks or its own format. It claims the right in the same folder, so that two gates
cannot both open; where the folder is mounted read-only it claims none, says so, and
time alone keeps the sites apart.

With --progress-at the work decides, too: when that checkpoint stands still for
--stalled and there is work left, the right is handed over to the other site, if that
one lives; else the workload stays. A right that was handed over is then kept for
--stall-pause.

Without --exec and --watch no heartbeat is written: 'stead beat' does that. One
process writes the heartbeat of a site: give --beat 0 where 'stead beat' runs beside
a guarding gate.

What happens is told in lines on the standard output; with --exec, which gives that to
COMMAND, on the standard error.

Exit codes: 0 open, or the workload has ended with 0, or a gate with --exec or --watch
was told to end; 1 it could not be done, or the gate was told to end before it opened;
2 wrong usage; 75 the workload was stopped because the right was lost; otherwise that of
COMMAND (128 and the number of the signal that ended it).`,
		Example: `  HEART_BEAT_FOLDER=/share THIS_CLUSTER=west THAT_CLUSTER=east stead gate
  stead gate --site west --other east --store folder:/mnt/share/orders --exec -- /opt/orders/worker {epoch}
  stead gate --site west --other east --store folder:/mnt/share/orders --watch --epoch-file /run/orders/epoch --stop-process worker`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			set, err := f.settings(args)
			if err != nil {
				return withCode(exitUsage, err)
			}
			return f.run(cmd, set)
		},
	}
	f.siteFlags(cmd)
	f.witnessFlags(cmd)
	f.timeFlags(cmd)
	f.guardFlags(cmd)
	cmd.AddCommand(newGateCheckCmd(), newGateStatusCmd(), newGateSwitchoverCmd())
	return cmd
}

// run runs the gate until it has done its work, or is told to end.
func (f *gateFlags) run(cmd *cobra.Command, set *gate.Settings) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	out := cmd.OutOrStdout()
	if len(set.Command) > 0 {
		out = cmd.ErrOrStderr() // the other one is the workload's
	}
	env := surroundings(out, f.asJSON)
	f.warn(env.Log, set)
	if env.Adopted = len(set.Command) > 0; env.Adopted {
		leave, err := keeper.Adopt()
		if err != nil {
			return withCode(exitFailed, err)
		}
		defer leave()
	}
	g, err := gate.Open(ctx, set, env)
	if err != nil {
		return withCode(exitFailed, err)
	}
	defer g.Close()
	defer passOn(g)()
	end, err := serveHTTP(f.listen, g.Handler())
	if err != nil {
		return withCode(exitFailed, err)
	}
	defer end()
	outcome, err := g.Run(ctx)
	if err != nil {
		return withCode(exitFailed, err)
	}
	return f.conclude(cmd, set, outcome)
}

// conclude makes an exit code of how the gate has ended.
func (f *gateFlags) conclude(cmd *cobra.Command, set *gate.Settings, o *gate.Outcome) error {
	switch {
	case o.Opened:
		if !f.asJSON {
			fmt.Fprintln(cmd.OutOrStdout(), o.Epoch)
		}
		return nil
	case o.Exit != nil && o.Exit.Err != nil && !o.Lost:
		return withCode(exitFailed, o.Exit.Err)
	case o.Lost:
		return withCode(exitLost, fmt.Errorf("the workload of %s was stopped: %s: another run may wait for the right again", set.Site, o.Why))
	case o.Exit != nil && o.Exit.Code != 0:
		return withCode(o.Exit.Code, nil)
	case o.Exit == nil && !set.Watch && len(set.Command) == 0: // 0 would let the workload start
		return withCode(exitFailed, errors.New("the gate was told to end before it had opened"))
	}
	return nil
}

// passOn passes signals on to the workload until the function that it returns is called.
func passOn(g *gate.Gate) func() {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGQUIT)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case s := <-signals:
				g.Signal(s.(syscall.Signal))
			case <-done:
				return
			}
		}
	}()
	return func() { signal.Stop(signals); close(done) }
}
