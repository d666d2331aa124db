package main

import (
	"cmp"
	"context"
	"os"
	"os/signal"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"stead/internal/config"
	"stead/internal/doctor"
	"stead/internal/engine"
	"stead/internal/report/api"
)

func newDoctorCmd() *cobra.Command {
	var file, node, socket string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "find what would break a failover here, before it happens",
		Long: `Doctor looks at this host as a failover would find it: privileges, the kernel and
its settings, interfaces, the MTU along the path, the other nodes, the scheduler,
who answers for the service addresses. Where a daemon runs, it is asked, too.

It says what it has seen, what that means for a failover, and what to do, the
worst first. It changes nothing, and takes a few seconds; run it as root, or it
cannot look at everything. All that it may find is in docs/reference/doctor.md.
Exit code 0: nothing worse than a hint; 1: warnings, or worse.`,
		Example: `  stead doctor
  stead doctor -c /etc/stead/stead.yaml --node secondary
  stead doctor --json | jq -r '.findings[] | select(.severity != "ok") | [.severity, .id, .subject, .seen] | @tsv'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
			defer stop()
			report := doctor.Examine(ctx, doctor.Look(ctx, doctorOptions(file, node, socket)), doctor.Checks)
			return writeReport(cmd, report, asJSON)
		},
	}
	cmd.Flags().StringVarP(&file, "config", "c", "/etc/stead/stead.yaml", "configuration `file`")
	cmd.Flags().StringVar(&node, "node", "", "the node that this is (default: found by hostname or address)")
	cmd.Flags().StringVar(&socket, "socket", "", "the daemon's control socket (default: that of the configuration, $"+socketEnv+", or "+api.DefaultSocket+")")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// doctorOptions reads the configuration. What is wrong with it is a finding, too.
func doctorOptions(file, node, socket string) doctor.Options {
	o := doctor.Options{File: file, Now: engine.Now}
	o.Config, o.ConfigErr = config.Load(file)
	o.Socket = cmp.Or(socket, os.Getenv(socketEnv), api.DefaultSocket)
	if o.Config == nil {
		return o
	}
	if socket == "" {
		o.Socket = o.Config.Control.Socket
	}
	if _, o.ConfigErr = config.Resolve(o.Config, node, hostname(), localAddresses()); o.ConfigErr == nil {
		o.KeyErr = config.LoadKeys(o.Config)
	}
	return o
}

func writeReport(cmd *cobra.Command, r *doctor.Report, asJSON bool) error {
	var err error
	if asJSON {
		err = printJSON(cmd.OutOrStdout(), r)
	} else {
		err = doctor.Text(cmd.OutOrStdout(), r)
	}
	if err != nil || !r.Healthy() {
		return withCode(exitFailed, err)
	}
	return nil
}
