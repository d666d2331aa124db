package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func newLabCmd() *cobra.Command {
	return &cobra.Command{
		Use:  "lab",
		RunE: func(*cobra.Command, []string) error { return errors.New("lab: not in this build") },
	}
}
