package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"stead/internal/report/build"
)

func newVersionCmd() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "which build this is",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			info := build.Get()
			if asJSON {
				return printJSON(cmd.OutOrStdout(), info)
			}
			commit := info.Commit
			if commit == "" {
				commit = "unknown"
			}
			if info.Modified {
				commit += " (modified)"
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "stead %s\ncommit %s\n%s %s\n", info.Version, commit, info.Go, info.Platform)
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
