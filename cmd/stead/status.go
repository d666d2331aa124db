package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"stead/internal/report/api"
	"stead/internal/report/status"
)

// redraw is how often `status --watch` looks.
const redraw = 500 * time.Millisecond

func newStatusCmd() *cobra.Command {
	var c control
	var asJSON, watch bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "who is active, since when, why, and how ready the others are",
		Example: `  stead status
  stead status --watch
  stead status --json | jq -r '.groups[] | [.name, .active_node] | @tsv'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.talk(cmd, func(ctx context.Context, client *api.Client) error {
				if watch {
					return watchStatus(ctx, client, cmd.OutOrStdout(), asJSON)
				}
				return showStatus(ctx, client, cmd.OutOrStdout(), asJSON)
			})
		},
	}
	c.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON; with --watch a line of it each time")
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "draw it again every half second")
	return cmd
}

func showStatus(ctx context.Context, client *api.Client, w io.Writer, asJSON bool) error {
	s, err := client.Status(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(w, s)
	}
	return status.Text(w, &s)
}

const (
	eraseScreen = "\x1b[2J\x1b[H"
	home        = "\x1b[H"
	eraseLine   = "\x1b[K"
	eraseBelow  = "\x1b[J"
)

// watchStatus goes on while the daemon cannot be reached: it may be restarting.
func watchStatus(ctx context.Context, client *api.Client, w io.Writer, asJSON bool) error {
	ticker := time.NewTicker(redraw)
	defer ticker.Stop()
	if !asJSON {
		if _, err := io.WriteString(w, eraseScreen); err != nil {
			return err
		}
	}
	for {
		if err := drawStatus(ctx, client, w, asJSON); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

func drawStatus(ctx context.Context, client *api.Client, w io.Writer, asJSON bool) error {
	bound, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	s, err := client.Status(bound)
	if asJSON {
		if err != nil {
			return json.NewEncoder(w).Encode(map[string]string{"error": err.Error()})
		}
		return json.NewEncoder(w).Encode(s)
	}
	var text bytes.Buffer
	if err == nil {
		err = status.Text(&text, &s)
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintf(&text, "! %v\n", err)
	}
	screen := append([]byte(home), bytes.ReplaceAll(text.Bytes(), []byte("\n"), []byte(eraseLine+"\n"))...)
	_, err = w.Write(append(screen, eraseBelow...))
	return err
}
