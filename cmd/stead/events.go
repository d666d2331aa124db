package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"stead/internal/report"
	"stead/internal/report/api"
	"stead/internal/report/explain"
)

type eventsFlags struct {
	control
	asJSON bool
	follow bool
	since  string
	last   int
	group  string
}

func newEventsCmd() *cobra.Command {
	var f eventsFlags
	cmd := &cobra.Command{
		Use:   "events",
		Short: "what changed, and why",
		Long: `Print the events of this run of the daemon, oldest first: what changed, when and why.
The daemon keeps the last 4096.`,
		Example: `  stead events -n 20
  stead events --follow --group web
  stead events --since 10m --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			from, err := parseSince(f.since, time.Now())
			if err != nil {
				return withCode(exitUsage, err)
			}
			return f.talk(cmd, func(ctx context.Context, client *api.Client) error {
				return showEvents(ctx, client, cmd.OutOrStdout(), &f, from)
			})
		},
	}
	f.flags(cmd)
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print a line of JSON for each event")
	cmd.Flags().BoolVarP(&f.follow, "follow", "f", false, "go on printing events as they come")
	cmd.Flags().StringVar(&f.since, "since", "", "only events after this: a duration ago (10m), a time (RFC 3339) or an event's number")
	cmd.Flags().IntVarP(&f.last, "last", "n", 0, "only the last so many; 0 for all")
	cmd.Flags().StringVar(&f.group, "group", "", "only events of this group, and of no group")
	return cmd
}

// since is where a history starts: after a number, or at a time.
type since struct {
	seq  uint64
	wall time.Time
}

func parseSince(text string, now time.Time) (since, error) {
	if text == "" {
		return since{}, nil
	}
	if seq, err := strconv.ParseUint(text, 10, 64); err == nil {
		return since{seq: seq}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return since{wall: now.Add(-ago)}, nil
	}
	if wall, err := time.Parse(time.RFC3339, text); err == nil {
		return since{wall: wall}, nil
	}
	return since{}, fmt.Errorf("--since %q: give a duration (10m), a time (2026-01-02T03:04:05Z) or an event's number (17)", text)
}

func showEvents(ctx context.Context, client *api.Client, w io.Writer, f *eventsFlags, from since) error {
	show := func(e report.Event) error {
		if f.group != "" && e.Group != "" && e.Group != f.group || e.Wall.Before(from.wall) {
			return nil
		}
		return printEvent(w, e, f.asJSON)
	}
	seq := from.seq
	if f.last > 0 {
		last, err := lastEvents(ctx, client, f, from)
		if err != nil {
			return err
		}
		for _, e := range last {
			if err := show(e); err != nil {
				return err
			}
			seq = e.Seq
		}
		if !f.follow {
			return nil
		}
	}
	err := client.Events(ctx, seq, f.follow, show)
	if f.follow && ctx.Err() != nil {
		return nil
	}
	return err
}

// lastEvents are the last f.last of the events that the flags let through.
func lastEvents(ctx context.Context, client *api.Client, f *eventsFlags, from since) ([]report.Event, error) {
	var events []report.Event
	err := client.Events(ctx, from.seq, false, func(e report.Event) error {
		if (f.group == "" || e.Group == "" || e.Group == f.group) && !e.Wall.Before(from.wall) {
			events = append(events, e)
		}
		return nil
	})
	return events[max(0, len(events)-f.last):], err
}

func printEvent(w io.Writer, e report.Event, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(e)
	}
	_, err := fmt.Fprintln(w, explain.Line(e))
	return err
}
