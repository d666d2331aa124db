package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"stead/internal/lab"
	"stead/internal/lab/dr"
	"stead/internal/lab/dr/original"
	"stead/internal/lab/dr/queue"
	"stead/internal/lab/wallclock"
)

// drOptions are those of --network dr, which has none of those of the other networks.
func (f *labFlags) drOptions(cmd *cobra.Command) (opt dr.Options, err error) {
	var wrong []error
	for _, name := range []string{"router", "election", "hold-time", "bfd", "ipv6", "no-quorum"} {
		if cmd.Flags().Changed(name) {
			wrong = append(wrong, fmt.Errorf("--%s: not with --network dr", name))
		}
	}
	opt = dr.Options{Faults: f.opt.Faults, Runs: f.opt.Runs, Timing: f.opt.Timing, Original: !f.noOriginal}
	return opt, errors.Join(append(wrong, opt.Check())...)
}

// runLabDR is runLab for --network dr.
func runLabDR(cmd *cobra.Command, f *labFlags) error {
	opt, err := f.drOptions(cmd)
	if err != nil {
		return withCode(exitUsage, fmt.Errorf("lab: %w", err))
	}
	options, err := json.Marshal(opt)
	if err != nil {
		return withCode(exitFailed, err)
	}
	ctx, stop := untilSignal(cmd.Context())
	defer stop()
	progress := func(line string) { fmt.Fprintln(cmd.ErrOrStderr(), line) }
	results, logs, failed := dr.Start(ctx, []string{"lab", "init-dr", string(options)}, progress)
	bad := ctx.Err() == nil && (failed != nil || !results.OK())
	told := told{results: results, any: len(results.Faults) > 0, logs: logs}
	failed = errors.Join(failed, f.tell(cmd.OutOrStdout(), &told, bad, progress))
	switch {
	case failed != nil:
		return withCode(exitFailed, fmt.Errorf("lab: %w", failed))
	case !results.OK():
		return withCode(exitFailed, nil)
	}
	return nil
}

// newLabInitDRCmd is what the init process of a trial with --network dr runs.
func newLabInitDRCmd() *cobra.Command {
	return &cobra.Command{
		Use:    "init-dr OPTIONS",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var opt dr.Options
			if err := json.Unmarshal([]byte(args[0]), &opt); err != nil {
				return withCode(exitUsage, fmt.Errorf("lab init-dr: started by `stead lab` alone: %w", err))
			}
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			if err := dr.RunInside(ctx, opt, lab.ResultFile()); err != nil {
				return withCode(exitFailed, err)
			}
			return nil
		},
	}
}

// newLabConsumeCmd is the workload of a site.
func newLabConsumeCmd() *cobra.Command {
	var opt queue.Options
	cmd := &cobra.Command{
		Use:    "consume --url URL --site NAME",
		Short:  "pull events from the lab's queue and process them, with the epoch of $STEAD_EPOCH",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if text := os.Getenv("STEAD_EPOCH"); text != "" {
				var err error
				if opt.Epoch, err = strconv.ParseUint(text, 10, 64); err != nil {
					return withCode(exitUsage, fmt.Errorf("STEAD_EPOCH=%s in the environment: not a number", text))
				}
			}
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			if err := queue.Consume(ctx, opt); err != nil {
				return withCode(exitFailed, err)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&opt.URL, "url", "", "of the queue")
	cmd.Flags().StringVar(&opt.Site, "site", "", "the name of this site")
	return cmd
}

// newLabOriginalCmd is a site of the construction that the gate replaces.
func newLabOriginalCmd() *cobra.Command {
	var opt original.Options
	cmd := &cobra.Command{
		Use:    "original --folder DIR --this SITE --that SITE -- COMMAND",
		Short:  "a site of the construction that the gate replaces",
		Hidden: true,
		Args:   cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opt.Command = args
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			if err := original.Run(ctx, opt); err != nil && ctx.Err() == nil {
				return withCode(exitFailed, err)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&opt.Folder, "folder", "", "the share")
	cmd.Flags().StringVar(&opt.This, "this", "", "this site")
	cmd.Flags().StringVar(&opt.That, "that", "", "the other site")
	cmd.Flags().BoolVar(&opt.Preferred, "preferred", false, "start without a look")
	cmd.Flags().DurationVar(&opt.Beat, "beat", 0, "how often the heartbeat is written, and read")
	cmd.Flags().DurationVar(&opt.Flatline, "flatline", 0, "how old a heartbeat may be")
	return cmd
}

// newLabClockCmd runs a program whose wall clock the lab has in its hands.
func newLabClockCmd() *cobra.Command {
	return &cobra.Command{
		Use:    "clock -- ARGUMENT...",
		Short:  "run this program again, with a wall clock of its own",
		Hidden: true,
		Args:   cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return withCode(exitFailed, wallclock.Exec(append([]string{"stead"}, args...)))
		},
	}
}
