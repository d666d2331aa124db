package main

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"stead/internal/config"
	"stead/internal/daemon"
	"stead/internal/report/logging"
)

func newRunCmd() *cobra.Command {
	var file, node, format, level string
	cmd := &cobra.Command{
		Use:   "run",
		Short: "run the daemon on this node",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return run(cmd.Context(), file, node, format, level)
		},
	}
	cmd.Flags().StringVarP(&file, "config", "c", "/etc/stead/stead.yaml", "configuration file")
	cmd.Flags().StringVar(&node, "node", "", "the node that this is (default: found by hostname or address)")
	cmd.Flags().StringVar(&format, "log-format", "", "text or json (default: that of the configuration file)")
	cmd.Flags().StringVar(&level, "log-level", "", "debug, info, warn or error (default: that of the configuration file)")
	return cmd
}

// logPatience bounds how long the end waits for whoever takes the log.
const logPatience = time.Second

func run(ctx context.Context, file, node, format, level string) error {
	cfg, err := loadFor(file, node)
	if err != nil {
		return withCode(exitUsage, err)
	}
	log, err := openLog(cfg.Log, format, level)
	if err != nil {
		return withCode(exitUsage, err)
	}
	defer log.Close(logPatience)
	front, err := daemon.OpenFront(cfg)
	if err != nil {
		return withCode(exitFailed, err)
	}
	d, err := daemon.New(cfg, file, node, log.Logger)
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

// openLog opens the log of a configuration. What the command line says wins.
func openLog(cfg config.Log, format, level string) (*logging.Log, error) {
	if format != "" && format != "text" && format != "json" {
		return nil, fmt.Errorf("--log-format %q: not one of text, json", format)
	}
	cfg.Format, cfg.Level = cmp.Or(format, cfg.Format), cmp.Or(level, cfg.Level)
	return logging.Open(cfg)
}
