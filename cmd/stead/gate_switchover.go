package main

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	core "stead/internal/core/gate"
	"stead/internal/core/lease"
	"stead/internal/engine"
	"stead/internal/gate"
)

func newGateSwitchoverCmd() *cobra.Command {
	f := &gateFlags{}
	var to string
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "switchover --to SITE",
		Short: "hand the right to run over to a site: its workload starts when the other one has ended",
		Long: `Switchover asks, in the store, that the right goes to SITE. The gate that has it stops
its workload, gives the right up when nothing of the workload is left, and the gate of
SITE starts its own: nothing is processed by both. The gates have to guard (--exec or
--watch). A right that nobody uses goes to SITE at once.

It waits until SITE has the right. When nobody heeds it in time the request is taken
back.

Exit codes: 0 done; 1 not done, and the request is taken back; 2 wrong usage.`,
		Example: `  stead gate switchover --to east --store folder:/mnt/share/orders`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.fromEnvironment()
			url := f.right
			if url == "" {
				url = f.store
			}
			switch {
			case !lease.ValidName(to):
				return withCode(exitUsage, fmt.Errorf("--to %q: is no name of a site", to))
			case url == "" || url == gate.NoRight:
				return withCode(exitUsage, errors.New("--store: is missing: name the store that the right is kept in"))
			}
			ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
			defer stop()
			ctx, cancel := context.WithTimeout(ctx, wait)
			defer cancel()
			began := engine.Now()
			asker := &gate.Asker{Timeout: f.timeout, Now: engine.Now}
			rec, err := asker.Switchover(ctx, url, to)
			took := engine.Now().Sub(began)
			if errors.Is(err, context.DeadlineExceeded) {
				err = fmt.Errorf("%s did not get the right within %v: is its gate running, and does the other one guard?", to, wait)
			}
			if err != nil {
				return withCode(exitFailed, err)
			}
			return f.sayMoved(cmd, rec, took)
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "the site that is to run the workload")
	cmd.Flags().StringVar(&f.store, "store", "", "URL of what both sites reach (default folder:$HEART_BEAT_FOLDER)")
	cmd.Flags().StringVar(&f.right, "right", "", "URL of the store with the right, where it is another one")
	cmd.Flags().DurationVar(&wait, "wait", time.Minute, "wait so long at most")
	cmd.Flags().DurationVar(&f.timeout, "timeout", core.DefaultTimeout, "of one access of the store")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print JSON")
	return cmd
}

// sayMoved tells who has the right now.
func (f *gateFlags) sayMoved(cmd *cobra.Command, rec *lease.Record, took time.Duration) error {
	if f.asJSON {
		return printJSON(cmd.OutOrStdout(), struct {
			Holder  string  `json:"holder"`
			Epoch   uint64  `json:"epoch"`
			Seconds float64 `json:"seconds"`
		}{rec.Holder, rec.Epoch, took.Seconds()})
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s has the right with epoch %d after %v\n", rec.Holder, rec.Epoch, took.Round(time.Millisecond))
	return err
}
