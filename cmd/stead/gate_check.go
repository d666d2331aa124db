package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	core "stead/internal/core/gate"
	"stead/internal/gate"
)

func newGateCheckCmd() *cobra.Command {
	f := &gateFlags{}
	cmd := &cobra.Command{
		Use:   "check [-- COMMAND ARGUMENT...]",
		Short: "validate the flags of a gate, and say what it would do",
		Long: `Check takes the flags and the environment of 'stead gate', reports what is wrong with
them, and says in words what the gate would do. It reaches no store.

Exit codes: 0 valid; 2 mistakes.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			set, err := f.settings(args)
			if err != nil {
				return withCode(exitUsage, err)
			}
			if f.asJSON {
				return printJSON(cmd.OutOrStdout(), struct {
					OK  bool     `json:"ok"`
					Say []string `json:"says"`
				}{true, describeGate(set)})
			}
			return writeLines(cmd.OutOrStdout(), describeGate(set))
		},
	}
	f.siteFlags(cmd)
	f.witnessFlags(cmd)
	f.timeFlags(cmd)
	f.guardFlags(cmd)
	return cmd
}

func writeLines(w io.Writer, lines []string) error {
	_, err := fmt.Fprintln(w, strings.Join(lines, "\n"))
	return err
}

// describeGate says what a gate would do.
func describeGate(set *gate.Settings) []string {
	t := set.Timing
	lines := []string{fmt.Sprintf("site %s, the other site is %s", set.Site, set.Other)}
	for _, w := range set.AllWitnesses() {
		where := "heartbeats that arrive at " + set.Network.Listen
		if !w.Network {
			where = fmt.Sprintf("%s in %s, every %v", gate.HeartbeatKey(set.Other), w.Store, t.Look())
		}
		lines = append(lines, fmt.Sprintf("witness %s: %s", w.Name, where))
	}
	who := "all witnesses have"
	if set.Any {
		who = "a witness has"
	}
	lines = append(lines, fmt.Sprintf("flatlined: when %s shown no change for %v", who, t.Flatline))
	lines = append(lines, describeNever(set), describeRight(set), describeBeat(set))
	lines = append(lines, describeWorkload(set)...)
	lines = append(lines, describeProgress(set)...)
	return append(lines, fmt.Sprintf("times: flatline %v is longer than %s", t.Flatline, t.Arithmetic()))
}

func describeNever(set *gate.Settings) string {
	flat := set.Never == core.NeverFlatlined || set.Never == core.NeverAuto && set.Preferred
	say := "a heartbeat that never was: cannot-tell"
	if flat {
		say = "a heartbeat that never was: flatlined after " + set.Timing.Flatline.String()
	}
	if set.OpenAfter > 0 {
		return say + "; cannot-tell opens after " + set.OpenAfter.String()
	}
	return say + "; cannot-tell never opens"
}

func describeRight(set *gate.Settings) string {
	url, ok := set.RightStore()
	if !ok {
		return "right: none, time alone keeps the two sites apart"
	}
	use := set.Timing.Lease(set.Site, 1, set.Preferred).Use
	return fmt.Sprintf("right: %s in %s, the other site waits %v for it, this one uses it for %v", gate.RightKey, url, set.Timing.Flatline, use)
}

func describeBeat(set *gate.Settings) string {
	if set.Timing.Beat == 0 {
		return "heartbeat: not written by this gate"
	}
	return fmt.Sprintf("heartbeat: %s every %v; the workload is told to stop when none could be written for %v",
		gate.HeartbeatKey(set.Site), set.Timing.Beat, set.Timing.StopAfter)
}

func describeWorkload(set *gate.Settings) []string {
	end := "parked"
	if set.Release {
		end = "released"
	}
	switch {
	case len(set.Command) > 0:
		return []string{fmt.Sprintf("workload: %q, killed %v after it was told to stop; at the end the right is %s", set.Command, set.Timing.Grace, end)}
	case len(set.Processes) > 0:
		return []string{fmt.Sprintf("workload: processes named %s, killed %v after they were told to stop, and whenever they run without the right", strings.Join(set.Processes, ", "), set.Timing.Grace)}
	case set.Watch:
		return []string{"workload: started by something else; the gate exits with 75 when it has to stop"}
	}
	return []string{"workload: none, the gate exits with 0 when it opens, and nobody guards the right then"}
}

// describeProgress says what comes of work that stands still.
func describeProgress(set *gate.Settings) []string {
	if set.Progress == nil {
		return nil
	}
	p := set.Progress
	what := fmt.Sprintf("the right is handed over to %s if that one lives, and a right that was handed over is kept for %v", set.Other, p.Pause)
	if _, ok := set.RightStore(); !ok {
		what = "it is told, and nothing follows from it: there is no right to hand over"
	}
	return []string{fmt.Sprintf("work: %s; read every %v; then %s", p.Words(), p.Interval, what)}
}
