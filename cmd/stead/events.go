package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func newEventsCmd() *cobra.Command {
	return &cobra.Command{
		Use:  "events",
		RunE: func(*cobra.Command, []string) error { return errors.New("events: not in this build") },
	}
}
