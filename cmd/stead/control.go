package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"stead/internal/config"
	"stead/internal/report"
	"stead/internal/report/api"
)

// control is how a verb finds the daemon.
type control struct {
	socket string
	file   string
}

const socketEnv = "STEAD_SOCKET"

func (c *control) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.socket, "socket", "", "the daemon's control socket (default $"+socketEnv+", or "+api.DefaultSocket+")")
	cmd.Flags().StringVarP(&c.file, "config", "c", "", "take the control socket from this configuration `file`")
	cmd.MarkFlagsMutuallyExclusive("socket", "config")
}

func (c *control) client() (*api.Client, error) {
	socket := c.socket
	if socket == "" && c.file != "" {
		cfg, err := config.Load(c.file)
		if err != nil {
			return nil, withCode(exitUsage, err)
		}
		socket = cfg.Control.Socket
	}
	if socket == "" {
		socket = os.Getenv(socketEnv)
	}
	if socket == "" {
		socket = api.DefaultSocket
	}
	return api.NewClient(socket), nil
}

// talk runs a verb with a client of the daemon until it ends, or the user ends it.
func (c *control) talk(cmd *cobra.Command, verb func(context.Context, *api.Client) error) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	defer stop()
	err = verb(ctx, client)
	if errors.Is(err, unix.EPIPE) || err != nil && ctx.Err() != nil {
		return withCode(exitFailed, nil)
	}
	return coded(err)
}

// coded gives an error of the control API its exit code.
func coded(err error) error {
	var unreachable *api.UnreachableError
	var refused *api.RefusedError
	var own *exitError
	switch {
	case err == nil, errors.As(err, &own):
		return err
	case errors.As(err, &unreachable):
		return withCode(exitUnreachable, err)
	case errors.As(err, &refused):
		return withCode(exitRefused, err)
	}
	return withCode(exitFailed, err)
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// pollInterval is how often a verb with --wait asks for the status.
const pollInterval = 50 * time.Millisecond

// wait asks for the status until done says so. What is still missing is in its words.
func wait(ctx context.Context, client *api.Client, timeout time.Duration, done func(*report.Status) (missing string)) error {
	bound, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	missing := "no status"
	for {
		s, err := client.Status(bound)
		switch {
		case err == nil:
			if missing = done(&s); missing == "" {
				return nil
			}
		case bound.Err() == nil:
			return err
		}
		select {
		case <-bound.Done():
			return withCode(exitFailed, fmt.Errorf("after %s: %s: `stead status` shows how things are", timeout, missing))
		case <-ticker.C:
		}
	}
}
