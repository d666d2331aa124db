package main

import (
	"cmp"
	"context"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	core "stead/internal/core/gate"
	"stead/internal/gate"
)

// beatFlags are those of the verb beat.
type beatFlags struct {
	set                     gate.BeatSettings
	format, keyFile, listen string
	asJSON                  bool
	progress                progressFlags
}

func newBeatCmd() *cobra.Command {
	f := &beatFlags{}
	cmd := &cobra.Command{
		Use:   "beat",
		Short: "write the heartbeat of this site, for the gate of the other one",
		Long: `Beat writes <site>/heartbeat.txt into the store every --period, as a whole, so that no
reader sees half of it; with several stores into each of them, and with --to to the
gate of the other site over the network.

It exits with 1 when no heartbeat could be written for --stop-after, so that whoever
has started it sees that this site looks dead to the other one: stop the workload
then, or let 'stead gate --exec' guard it, which needs no 'stead beat'. One process
writes the heartbeat of a site.

Without --site and --store the variables THIS_CLUSTER and HEART_BEAT_FOLDER stand for
them, and the heartbeat is then in .NET ticks, as the program writes it whose place
this takes, unless --format says otherwise.

A heartbeat says that the workload of this site may be running. Where both sites have
gates with a right, say --gated, or name the --epoch-file of the gate: else neither
starts the first time while it sees the other one's heartbeat.

With --progress-at the work decides: while that checkpoint stands still for --stalled
and there is work left, no heartbeat is written, so that the other site sees a
flatline. That is no failure of this process: it stays, /healthz says 200, /status
and the log why. Name a checkpoint that this site alone moves: one that both share
moves again when the other site works. What cannot be read changes nothing.

Exit codes: 0 told to end; 1 it could not write for --stop-after; 2 wrong usage.`,
		Example: `  HEART_BEAT_FOLDER=/share THIS_CLUSTER=east stead beat
  stead beat --site east --store folder:/mnt/share/orders --store 's3://beats/orders?region=eu-central-1'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.complete(); err != nil {
				return withCode(exitUsage, err)
			}
			return f.run(cmd)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&f.set.Site, "site", "", "name of this site (default $THIS_CLUSTER)")
	fs.StringVar(&f.set.Other, "other", "", "with --to: name of the other site (default $THAT_CLUSTER)")
	fs.StringArrayVar(&f.set.Stores, "store", nil, "URL of a store that the other site reads (repeat it; default folder:$HEART_BEAT_FOLDER)")
	fs.BoolVar(&f.set.Any, "any", false, "the other site's gate has --any: a heartbeat counts when all stores have it")
	fs.DurationVar(&f.set.Every, "period", core.DefaultBeat, "how often")
	fs.DurationVar(&f.set.StopAfter, "stop-after", core.DefaultStopAfter, "T1: exit when none could be written for so long (0: never)")
	fs.DurationVar(&f.set.Timeout, "timeout", core.DefaultTimeout, "of one access of a store")
	fs.StringVar(&f.format, "format", "", "stead or ticks (default stead; ticks where the store comes from $HEART_BEAT_FOLDER)")
	fs.StringVar(&f.set.EpochFile, "epoch-file", "", "file with the epoch that the heartbeat is to show, as a gate writes it")
	fs.BoolVar(&f.set.Gated, "gated", false, "nothing runs at this site without the right of a gate: a heartbeat of this site is no sign that its workload runs")
	fs.StringArrayVar(&f.set.Network.SendTo, "to", nil, "host:port of the other site's gate (repeat it for each path)")
	fs.StringVar(&f.set.Network.Listen, "network", "", "with --to: address:port where the other site's answers arrive")
	fs.StringVar(&f.keyFile, "key-file", "", "with --to: file with the key of both sites")
	f.progress.add(cmd, "no heartbeat is written (store:KEY is in the first --store)")
	fs.StringVar(&f.listen, "listen", "", "host:port to serve /healthz, /status and /metrics at (:port is on the loopback interface alone)")
	fs.BoolVar(&f.asJSON, "json", false, "print JSON")
	return cmd
}

// complete takes what was not given from the environment, and checks the rest.
func (f *beatFlags) complete() (err error) {
	f.set.Site = cmp.Or(f.set.Site, os.Getenv("THIS_CLUSTER"))
	f.set.Other = cmp.Or(f.set.Other, os.Getenv("THAT_CLUSTER"))
	if dir := os.Getenv("HEART_BEAT_FOLDER"); len(f.set.Stores) == 0 && dir != "" {
		f.set.Stores = []string{"folder:" + strings.TrimRight(dir, "/")}
		f.format = cmp.Or(f.format, "ticks")
	}
	if f.set.Format, err = formatOf(cmp.Or(f.format, "stead")); err != nil {
		return err
	}
	if f.keyFile != "" {
		if f.set.Network.Keys, err = readKeys(f.keyFile); err != nil {
			return err
		}
	}
	url := ""
	if len(f.set.Stores) > 0 {
		url = f.set.Stores[0]
	}
	if f.set.Progress, err = f.progress.settings(url); err != nil {
		return err
	}
	return f.set.Check()
}

func (f *beatFlags) run(cmd *cobra.Command) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	b, err := gate.OpenBeater(ctx, &f.set, surroundings(cmd.OutOrStdout(), f.asJSON))
	if err != nil {
		return withCode(exitFailed, err)
	}
	defer b.Close()
	end, err := serveHTTP(f.listen, b.Handler())
	if err != nil {
		return withCode(exitFailed, err)
	}
	defer end()
	if err := b.Run(ctx); err != nil {
		return withCode(exitFailed, err)
	}
	return nil
}
