package main

import (
	"github.com/spf13/cobra"

	"stead/internal/adapter/fence"
	"stead/internal/engine"
)

// newGuardCmd is the child process of a daemon that has no kernel fence.
func newGuardCmd() *cobra.Command {
	return &cobra.Command{
		Use:    "guard",
		Short:  "remove addresses whose lease has ended (started by the daemon)",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := fence.RunGuard(engine.Now); err != nil {
				return withCode(exitFailed, err)
			}
			return nil
		},
	}
}
