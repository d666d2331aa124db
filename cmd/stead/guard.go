package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func newGuardCmd() *cobra.Command {
	return &cobra.Command{
		Use:  "guard",
		RunE: func(*cobra.Command, []string) error { return errors.New("guard: not in this build") },
	}
}
