package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"stead/internal/lab"
	"stead/internal/lab/dr"
)

type labFlags struct {
	opt        lab.Options
	json       bool
	html       string
	keepLogs   string
	noOriginal bool
}

// told is what a trial leaves, in whichever network it was.
type told struct {
	results interface {
		WriteText(io.Writer) error
		WriteJSON(io.Writer) error
		WriteHTML(io.Writer) error
	}
	any  bool // something was measured
	logs map[string]string
}

func newLabCmd() *cobra.Command {
	var f labFlags
	cmd := &cobra.Command{
		Use:   "lab",
		Short: "run the whole trial on this machine: every fault, and what a client saw of it",
		Long: `Build two servers and a client in network namespaces, without layer 2 or multicast
between them, run stead on each, let the client ask every millisecond, and go
through the faults. Needs root, or a kernel that lets ordinary users have user
namespaces. Nothing is left behind, also when it is interrupted.

With --network bgp the servers announce the address to two route servers, BIRD or
FRR, through which the client asks.

With --network dr there are two sites with a share between them, on each of them
stead gate and a workload that pulls events from a queue; beside them, the
construction that the gate replaces. Needs /dev/fuse.

Faults: ` + strings.Join(lab.FaultNames(lab.NetworkOverlay), " ") + `
with --network bgp: ` + strings.Join(lab.FaultNames(lab.NetworkBGP), " ") + `
with --network dr: ` + strings.Join(dr.FaultNames(), " ") + `

Exits 1 when a fault did not end with the service restored; with --network dr when
both sites ran, when the fencing sink accepted an event from a stale epoch, or when
a gate did not do what it has to.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runLab(cmd, &f) },
	}
	cmd.Flags().IntVar(&f.opt.Runs, "runs", 1, "how often each fault is run")
	cmd.Flags().StringSliceVar(&f.opt.Faults, "fault", nil, "only this fault (may be given more than once)")
	cmd.Flags().StringVar(&f.opt.Timing, "timing", "fast", "of the election: fast, lan, cloud or wan; with dr: fast, or original, the times of what the gate replaces")
	cmd.Flags().StringVar(&f.opt.Network, "network", lab.NetworkOverlay, "overlay: a cloud, and a VXLAN in it; bgp: route servers; dr: two sites and a share")
	cmd.Flags().StringVar(&f.opt.Router, "router", "", "with bgp: the route servers, bird (default) or frr")
	cmd.Flags().StringVar(&f.opt.Election, "election", "", "with bgp: peer (default), or none: both announce, and routers prefer the primary")
	cmd.Flags().DurationVar(&f.opt.Hold, "hold-time", 0, "with bgp: of the sessions, 3s and more (default 9s)")
	cmd.Flags().DurationVar(&f.opt.BFD, "bfd", 0, "with bgp: the interval of BFD beside each session, 5ms and more (default: no BFD)")
	cmd.Flags().BoolVar(&f.opt.IPv6, "ipv6", false, "IPv6 everywhere")
	cmd.Flags().BoolVar(&f.opt.NoQuorum, "no-quorum", false, "the client has no vote: two servers decide alone")
	cmd.Flags().BoolVar(&f.json, "json", false, "print the results as JSON")
	cmd.Flags().StringVar(&f.html, "html", "", "write a report with drawings into this file")
	cmd.Flags().StringVar(&f.keepLogs, "keep-logs", "", "write the daemons' logs into this directory (when something fails they are kept anyway)")
	cmd.Flags().BoolVar(&f.noOriginal, "no-original", false, "with dr: leave out the construction that the gate replaces")
	cmd.AddCommand(newLabInitCmd(), newLabInitDRCmd(), newLabConsumeCmd(), newLabOriginalCmd(), newLabClockCmd())
	return cmd
}

// newLabInitCmd is what the lab's init process runs. It is not for people.
func newLabInitCmd() *cobra.Command {
	return &cobra.Command{
		Use:    "init OPTIONS",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var opt lab.Options
			if err := json.Unmarshal([]byte(args[0]), &opt); err != nil {
				return withCode(exitUsage, fmt.Errorf("lab init: started by `stead lab` alone: %w", err))
			}
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			if err := lab.RunInside(ctx, opt, lab.ResultFile()); err != nil {
				return withCode(exitFailed, err)
			}
			return nil
		},
	}
}

func runLab(cmd *cobra.Command, f *labFlags) error {
	if f.opt.Network == dr.Network {
		return runLabDR(cmd, f)
	}
	if f.noOriginal {
		return withCode(exitUsage, errors.New("lab: --no-original: choose --network dr as well"))
	}
	if err := f.opt.Check(); err != nil {
		return withCode(exitUsage, fmt.Errorf("lab: %w", err))
	}
	options, err := json.Marshal(f.opt)
	if err != nil {
		return withCode(exitFailed, err)
	}
	ctx, stop := untilSignal(cmd.Context())
	defer stop()
	progress := func(line string) { fmt.Fprintln(cmd.ErrOrStderr(), line) }
	outcome, failed := lab.Start(ctx, f.opt, []string{"lab", "init", string(options)}, progress)
	if outcome != nil {
		// An interrupted trial leaves nothing that was not asked for.
		bad := ctx.Err() == nil && (failed != nil || !outcome.Results.Restored())
		told := told{results: &outcome.Results, any: len(outcome.Results.Faults) > 0, logs: outcome.Logs}
		failed = errors.Join(failed, f.tell(cmd.OutOrStdout(), &told, bad, progress))
	}
	switch {
	case failed != nil:
		return withCode(exitFailed, fmt.Errorf("lab: %w", failed))
	case !outcome.Results.Restored():
		return withCode(exitFailed, nil)
	}
	return nil
}

// tell writes everything that was asked for.
func (f *labFlags) tell(w io.Writer, t *told, bad bool, progress func(string)) (err error) {
	if t.any {
		write := t.results.WriteText
		if f.json {
			write = t.results.WriteJSON
		}
		err = write(w)
		if f.html != "" {
			err = errors.Join(err, writeFile(f.html, t.results.WriteHTML))
		}
	}
	dir := f.keepLogs
	if dir == "" && bad && len(t.logs) > 0 {
		var tempErr error
		if dir, tempErr = os.MkdirTemp("", "stead-lab-logs-"); tempErr != nil {
			return errors.Join(err, tempErr)
		}
	}
	if dir != "" {
		err = errors.Join(err, (&lab.Outcome{Logs: t.logs}).WriteLogs(dir))
		progress("the logs are in " + dir)
	}
	return err
}

func writeFile(name string, write func(io.Writer) error) error {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(write(file), file.Close())
}
