package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func newCheckCmd() *cobra.Command {
	return &cobra.Command{
		Use:  "check",
		RunE: func(*cobra.Command, []string) error { return errors.New("check: not in this build") },
	}
}
