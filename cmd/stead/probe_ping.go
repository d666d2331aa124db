package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"
	"time"

	"github.com/spf13/cobra"

	"stead/internal/workload"
)

// pingOutput is how a client tells what it saw.
type pingOutput struct {
	lines, json bool
	svg         string
}

func (o *pingOutput) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.lines, "lines", false, "print a line for each request: time, + and who answered, or -")
	cmd.Flags().BoolVar(&o.json, "json", false, "print the report as JSON")
	cmd.Flags().StringVar(&o.svg, "svg", "", "draw the requests over time into this file")
}

func newProbePingCmd() *cobra.Command {
	opt := workload.Options{}
	var out pingOutput
	var proto string
	var duration time.Duration
	cmd := &cobra.Command{
		Use:   "ping TARGET[:PORT]",
		Short: "ask a server at a fixed rate and report outages, losses and two holders",
		Long: `Ask every interval, without waiting for the answer before, and end with the
outages seen: each from the last answered request before it to the first answered
one after it, less one interval. Ends after --count or --duration, on SIGINT, or
after 4,194,304 requests. Exits 1 when nothing was answered at all.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if opt.Target, err = parseTarget(args[0]); err != nil {
				return withCode(exitUsage, err)
			}
			opt.Proto = workload.Proto(proto)
			if err := opt.Check(); err != nil {
				return withCode(exitUsage, err)
			}
			pinger, err := workload.NewPinger(opt)
			if err != nil {
				return withCode(exitFailed, err)
			}
			return runPinger(cmd, pinger, opt.Interval, duration, out)
		},
	}
	cmd.Flags().DurationVar(&opt.Interval, "interval", time.Millisecond, "between two requests")
	cmd.Flags().DurationVar(&opt.Timeout, "timeout", time.Second, "an answer that takes longer is a loss")
	cmd.Flags().IntVar(&opt.Count, "count", 0, "end after so many requests (0: do not)")
	cmd.Flags().DurationVar(&duration, "duration", 0, "end after so long (0: do not)")
	cmd.Flags().StringVar(&proto, "proto", string(workload.UDP), "udp or http")
	cmd.Flags().BoolVar(&opt.Realtime, "realtime", false, "ask with real-time priority, where permitted")
	out.flags(cmd)
	return cmd
}

func newProbeHoldersCmd() *cobra.Command {
	opt := workload.HolderOptions{}
	var out pingOutput
	var duration time.Duration
	cmd := &cobra.Command{
		Use:   "holders ADDRESS --interface NAME",
		Short: "ask the network who has an address, and report when two hosts answer",
		Long: `Ask every interval who has the address (ARP probe, or neighbour solicitation)
and report who answered and each time that two hosts answered the same question.
Changes nothing in the neighbour tables of others. Needs CAP_NET_RAW.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if opt.Address, err = netip.ParseAddr(args[0]); err != nil {
				return withCode(exitUsage, fmt.Errorf("%s: not an address such as 192.168.0.200", args[0]))
			}
			prober, err := workload.NewHolderProber(opt)
			if err != nil {
				return withCode(exitFailed, err)
			}
			return runPinger(cmd, prober, opt.Interval, duration, out)
		},
	}
	cmd.Flags().StringVar(&opt.Interface, "interface", "", "over which the holders can be reached")
	cmd.Flags().DurationVar(&opt.Interval, "interval", time.Millisecond, "between two questions")
	cmd.Flags().DurationVar(&opt.Timeout, "timeout", time.Second, "an answer that takes longer does not count")
	cmd.Flags().IntVar(&opt.Count, "count", 0, "end after so many questions (0: do not)")
	cmd.Flags().DurationVar(&duration, "duration", 0, "end after so long (0: do not)")
	cmd.Flags().BoolVar(&opt.Realtime, "realtime", false, "ask with real-time priority, where permitted")
	_ = cmd.MarkFlagRequired("interface")
	out.flags(cmd)
	return cmd
}

// runPinger asks until something ends it, and tells what was seen.
func runPinger(cmd *cobra.Command, pinger *workload.Pinger, interval, duration time.Duration, out pingOutput) error {
	ctx, stop := untilSignal(cmd.Context())
	defer stop()
	if duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, duration)
		defer cancel()
	}
	if out.lines {
		printing, ended := context.WithCancel(context.Background())
		printed := make(chan error, 1)
		go func() { printed <- pinger.PrintLines(printing, cmd.OutOrStdout()) }()
		pinger.Run(ctx)
		ended()
		if err := <-printed; err != nil {
			return withCode(exitFailed, fmt.Errorf("print the lines: %w", err))
		}
	} else {
		pinger.Run(ctx)
	}
	return out.report(cmd.OutOrStdout(), pinger.All(), interval)
}

func (o *pingOutput) report(w io.Writer, samples []workload.Sample, interval time.Duration) error {
	r := workload.Analyze(samples, interval)
	if o.svg != "" {
		if err := writeSVG(o.svg, r.SVG(samples)); err != nil {
			return withCode(exitFailed, fmt.Errorf("draw: %w", err))
		}
	}
	write := r.WriteText
	if o.json {
		write = func(w io.Writer) error { return json.NewEncoder(w).Encode(r) }
	}
	if err := write(w); err != nil {
		return withCode(exitFailed, fmt.Errorf("report: %w", err))
	}
	if r.Answered == 0 {
		return withCode(exitFailed, nil)
	}
	return nil
}

func writeSVG(name string, timeline *workload.Timeline) error {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := timeline.WriteSVG(file); err != nil {
		_ = file.Close()
		return err
	}
	return file.Close()
}
