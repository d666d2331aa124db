package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"stead/internal/config"
	"stead/internal/daemon"
)

func newRunCmd() *cobra.Command {
	var file, node, format string
	cmd := &cobra.Command{
		Use:   "run",
		Short: "run the daemon on this node",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return run(cmd.Context(), file, node, logger(format))
		},
	}
	cmd.Flags().StringVarP(&file, "config", "c", "/etc/stead/stead.yaml", "configuration file")
	cmd.Flags().StringVar(&node, "node", "", "the node that this is (default: found by hostname or address)")
	cmd.Flags().StringVar(&format, "log-format", "text", "text or json")
	return cmd
}

func run(ctx context.Context, file, node string, log *slog.Logger) error {
	cfg, err := loadFor(file, node)
	if err != nil {
		return withCode(exitUsage, err)
	}
	front, err := daemon.OpenFront(cfg)
	if err != nil {
		return withCode(exitFailed, err)
	}
	d, err := daemon.New(cfg, file, node, log)
	if err != nil {
		front.Close()
		return withCode(exitFailed, err)
	}
	if ctx == nil {
		ctx = context.Background()
	}
	if err := d.Run(ctx, front); err != nil {
		return withCode(exitFailed, err)
	}
	return nil
}

// loadFor reads the configuration as this node sees it, with its keys.
func loadFor(file, node string) (*config.Config, error) {
	cfg, err := config.Load(file)
	if err != nil {
		return nil, err
	}
	if _, err := config.Resolve(cfg, node, hostname(), localAddresses()); err != nil {
		return nil, err
	}
	return cfg, config.LoadKeys(cfg)
}

// logger writes to standard error, where systemd and containers collect it.
func logger(format string) *slog.Logger {
	if format == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, nil))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, nil))
}
