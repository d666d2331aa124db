package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"stead/internal/report"
	"stead/internal/report/api"
)

func newDrainCmd() *cobra.Command {
	var o order
	cmd := &cobra.Command{
		Use:   "drain [GROUP]",
		Short: "hand over what this node serves, and stay away",
		Long: `Hand over what this node serves and take part in no election until ` + "`stead resume`" + `,
also across a restart. Without a group: in every group of the node. A node that
nobody can replace goes on serving and the command is refused.`,
		Example: `  stead drain --wait && systemctl stop stead
  stead drain web`,
		ValidArgsFunction: o.completeGroup,
		Args:              cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.talk(cmd, func(ctx context.Context, client *api.Client) error {
				return drain(ctx, client, cmd.OutOrStdout(), &o, optional(args))
			})
		},
	}
	o.flags(cmd)
	o.waitFlags(cmd, "this node serves nothing any more and others do")
	return cmd
}

func optional(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

func drain(ctx context.Context, client *api.Client, w io.Writer, o *order, group string) error {
	result, err := client.Do(ctx, report.Command{Verb: report.Drain, Group: group})
	if err != nil {
		return err
	}
	if !o.wait {
		return o.say(w, result, what(group)+": drain has begun")
	}
	err = wait(ctx, client, o.timeout, func(s *report.Status) string { return notDrained(s, group) })
	if err != nil {
		return err
	}
	return o.say(w, result, what(group)+": drained")
}

func what(group string) string {
	if group == "" {
		return "every group"
	}
	return group
}

// notDrained says what is missing until a drain has come true.
func notDrained(s *report.Status, group string) string {
	for i := range s.Groups {
		g := &s.Groups[i]
		switch {
		case group != "" && g.Name != group, g.Role == report.RoleWitness:
		case g.Role == report.RoleActive:
			return fmt.Sprintf("%s is still active for %s", s.Node, g.Name)
		case g.ActiveNode == "":
			return "nobody is active for " + g.Name
		}
	}
	return ""
}
