package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func newDrainCmd() *cobra.Command {
	return &cobra.Command{
		Use:  "drain",
		RunE: func(*cobra.Command, []string) error { return errors.New("drain: not in this build") },
	}
}
