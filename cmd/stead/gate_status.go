package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	core "stead/internal/core/gate"
	"stead/internal/engine"
	"stead/internal/gate"
)

func newGateStatusCmd() *cobra.Command {
	f := &gateFlags{}
	var observe time.Duration
	cmd := &cobra.Command{
		Use:   "status",
		Short: "show the right and the heartbeats of both sites as the store has them",
		Long: `Status reads the right to run and the heartbeats of both sites. With --observe it looks
for a while, and tells whether the heartbeats change, which is all that tells whether
a site lives. It changes nothing. A gate that runs is asked over its --listen: /status.

Exit codes: 0 shown; 1 something could not be read; 2 wrong usage.`,
		Example: `  stead gate status --site west --other east --store folder:/mnt/share/orders --observe 10s`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			set, err := f.settings(nil)
			if err != nil {
				return withCode(exitUsage, err)
			}
			ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
			defer stop()
			asker := &gate.Asker{Timeout: f.timeout, Now: engine.Now}
			seen, err := asker.Observe(ctx, set, []string{set.Site, set.Other}, observe)
			if err != nil {
				return withCode(exitFailed, err)
			}
			if f.asJSON {
				err = printJSON(cmd.OutOrStdout(), seen)
			} else {
				err = writeObservation(cmd.OutOrStdout(), seen)
			}
			return errors.Join(err, unread(seen))
		},
	}
	f.siteFlags(cmd)
	f.witnessFlags(cmd)
	cmd.Flags().DurationVar(&f.timeout, "timeout", core.DefaultTimeout, "of one access of a store")
	cmd.Flags().DurationVar(&observe, "observe", 0, "look for so long, and tell what changes")
	f.defaults()
	return cmd
}

// unread is an exit code for what could not be read; nil where all could.
func unread(o *gate.Observation) error {
	if o.Right != nil && o.Right.Trouble != "" {
		return withCode(exitFailed, nil)
	}
	for _, b := range o.Beats {
		if b.Sight == "unreadable" {
			return withCode(exitFailed, nil)
		}
	}
	return nil
}

// writeObservation writes what was seen for people.
func writeObservation(w io.Writer, o *gate.Observation) error {
	var lines []string
	if r := o.Right; r != nil {
		line := fmt.Sprintf("right: %s, epoch %d", r.State, r.Epoch)
		switch {
		case r.Trouble != "":
			line = "right: cannot be read: " + r.Trouble
		case r.State == "none":
			line = "right: nobody has claimed it yet"
		default:
			line += ", holder " + r.Holder
		}
		if o.To != "" {
			line += ", asked for by or left to " + o.To
		}
		lines = append(lines, line)
	}
	for _, b := range o.Beats {
		line := fmt.Sprintf("heartbeat of %s in %s: %s", b.Site, b.Store, b.Sight)
		if b.Over > 0.05 && b.Sight == "heartbeat" {
			line += fmt.Sprintf(", %d changes in %.1fs", b.Changes, b.Over)
		}
		if b.Written != "" {
			line += ", written " + b.Written + " by the clock of its writer"
		}
		if b.Detail != "" {
			line += ": " + b.Detail
		}
		lines = append(lines, line)
	}
	return writeLines(w, lines)
}

// defaults are the times of a verb that has no flags for them: they decide nothing there.
func (f *gateFlags) defaults() {
	f.never, f.onStop = "auto", "park"
	f.flatline, f.stopAfter, f.grace = core.DefaultFlatline, core.DefaultStopAfter, core.DefaultGrace
}
