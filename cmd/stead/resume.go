package main

import (
	"context"

	"github.com/spf13/cobra"

	"stead/internal/report"
	"stead/internal/report/api"
)

func newResumeCmd() *cobra.Command {
	var o order
	cmd := &cobra.Command{
		Use:   "resume [GROUP]",
		Short: "take part again after a drain",
		Long: `Let this node take part in elections again after ` + "`stead drain`" + `. Without a group: in
every group. Whether it takes a group back from a node that serves is decided by preempt.`,
		ValidArgsFunction: o.completeGroup,
		Args:              cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.talk(cmd, func(ctx context.Context, client *api.Client) error {
				group := optional(args)
				result, err := client.Do(ctx, report.Command{Verb: report.Resume, Group: group})
				if err != nil {
					return err
				}
				return o.say(cmd.OutOrStdout(), result, what(group)+": takes part again")
			})
		},
	}
	o.flags(cmd)
	return cmd
}
