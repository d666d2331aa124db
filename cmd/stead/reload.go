package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func newReloadCmd() *cobra.Command {
	return &cobra.Command{
		Use:  "reload",
		RunE: func(*cobra.Command, []string) error { return errors.New("reload: not in this build") },
	}
}
