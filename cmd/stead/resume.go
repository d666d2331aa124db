package main

import (
	"context"
	"fmt"

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
every group. Whether it takes a group back from a node that serves is decided by preempt.

With --wait the command ends when this node could serve: its checks are up and its
links have a carrier. It ends with 1 when that does not come true within the timeout.`,
		Example:           `  systemctl restart stead && stead resume --wait`,
		ValidArgsFunction: o.completeGroup,
		Args:              cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.talk(cmd, func(ctx context.Context, client *api.Client) error {
				group := optional(args)
				result, err := client.Do(ctx, report.Command{Verb: report.Resume, Group: group})
				if err != nil {
					return err
				}
				if o.wait {
					err = wait(ctx, client, o.timeout, func(s *report.Status) string { return notResumed(s, group) })
				}
				if err != nil {
					return err
				}
				return o.say(cmd.OutOrStdout(), result, what(group)+": takes part again")
			})
		},
	}
	o.flags(cmd)
	o.waitFlags(cmd, "this node is ready to serve")
	return cmd
}

// notResumed says what is missing until this node could serve again.
func notResumed(s *report.Status, group string) string {
	for i := range s.Groups {
		g := &s.Groups[i]
		switch {
		case group != "" && g.Name != group, g.Role == report.RoleWitness:
		case g.Draining:
			return g.Name + ": still drained"
		case !g.Ready:
			why := report.ReasonText(g.NotReadyBecause)
			if g.NotReadyDetail != "" {
				why += ": " + g.NotReadyDetail
			}
			return fmt.Sprintf("%s is not ready for %s: %s", s.Node, g.Name, why)
		}
	}
	return ""
}
