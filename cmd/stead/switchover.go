package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func newSwitchoverCmd() *cobra.Command {
	return &cobra.Command{
		Use:  "switchover",
		RunE: func(*cobra.Command, []string) error { return errors.New("switchover: not in this build") },
	}
}
