package main

import (
	"context"

	"github.com/spf13/cobra"

	"stead/internal/report/api"
	"stead/internal/report/explain"
)

func newExplainCmd() *cobra.Command {
	var c control
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "explain [GROUP]",
		Short: "the last change of a group, step by step with times",
		Long: `Tell the last change of role of a group, as this node saw it: what was seen first,
what was done about it, and how long each step took. Without a group: of every one.`,
		ValidArgsFunction: c.completeGroup,
		Args:              cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.talk(cmd, func(ctx context.Context, client *api.Client) error {
				explanations, err := client.Explain(ctx, optional(args))
				if err != nil {
					return err
				}
				if asJSON {
					return printJSON(cmd.OutOrStdout(), explanations)
				}
				return explain.Text(cmd.OutOrStdout(), explanations)
			})
		},
	}
	c.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
