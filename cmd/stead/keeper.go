package main

import (
	"github.com/spf13/cobra"

	"stead/internal/adapter/keeper"
	"stead/internal/engine"
)

// newKeeperCmd is the child process of a gate that runs or watches a workload.
func newKeeperCmd() *cobra.Command {
	return &cobra.Command{
		Use:    "keeper",
		Short:  "end a workload at its deadline (started by the gate)",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := keeper.Run(engine.Now); err != nil {
				return withCode(exitFailed, err)
			}
			return nil
		},
	}
}
