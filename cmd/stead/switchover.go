package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"stead/internal/report"
	"stead/internal/report/api"
)

// order is what the verbs that change something have in common.
type order struct {
	control
	asJSON  bool
	wait    bool
	timeout time.Duration
}

func (o *order) flags(cmd *cobra.Command) {
	o.control.flags(cmd)
	cmd.Flags().BoolVar(&o.asJSON, "json", false, "print JSON")
}

func (o *order) waitFlags(cmd *cobra.Command, what string) {
	cmd.Flags().BoolVar(&o.wait, "wait", false, "wait until "+what)
	cmd.Flags().DurationVar(&o.timeout, "timeout", 30*time.Second, "wait so long at most")
}

// say prints the outcome of an order.
func (o *order) say(w io.Writer, r report.Result, words string) error {
	if o.asJSON {
		return printJSON(w, r)
	}
	_, err := fmt.Fprintln(w, words)
	return err
}

func newSwitchoverCmd() *cobra.Command {
	var o order
	var to string
	cmd := &cobra.Command{
		Use:   "switchover GROUP",
		Short: "move a group to another node without losing a request",
		Long: `Move a group to another node: the target puts the addresses in place behind a closed
fence before the active node lets go, so that no request is lost. Any member may be asked.`,
		Example: `  stead switchover web
  stead switchover web --to secondary --wait`,
		ValidArgsFunction: o.completeGroup,
		Args:              cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.talk(cmd, func(ctx context.Context, client *api.Client) error {
				return switchover(ctx, client, cmd.OutOrStdout(), &o, args[0], to)
			})
		},
	}
	o.flags(cmd)
	o.waitFlags(cmd, "the other node is active")
	cmd.Flags().StringVar(&to, "to", "", "the `node` that is to take over (default: the best that is ready)")
	// It fails for a flag that does not exist only.
	_ = cmd.RegisterFlagCompletionFunc("to", o.completeMember)
	return cmd
}

func switchover(ctx context.Context, client *api.Client, w io.Writer, o *order, group, to string) error {
	before, err := client.Status(ctx)
	if err != nil {
		return err
	}
	var was report.Group
	if g := before.Group(group); g != nil {
		was = *g
	}
	result, err := client.Do(ctx, report.Command{Verb: report.Switchover, Group: group, To: to})
	if err != nil {
		return err
	}
	if !o.wait {
		return o.say(w, result, fmt.Sprintf("%s: switchover%s has begun", group, toNode(result.To)))
	}
	var now report.Group
	err = wait(ctx, client, o.timeout, func(s *report.Status) string {
		g := s.Group(group)
		if g == nil {
			return "the group is gone"
		}
		now = *g
		return notMoved(was, now, result.To)
	})
	if err != nil {
		return err
	}
	result.To, result.Epoch = now.ActiveNode, now.Epoch
	return o.say(w, result, fmt.Sprintf("%s: %s is active, epoch %d", group, now.ActiveNode, now.Epoch))
}

func toNode(to string) string {
	if to == "" {
		return ""
	}
	return " to " + to
}

// notMoved says what is missing until a switchover has come true.
func notMoved(was, now report.Group, to string) string {
	switch {
	case now.ActiveNode == "":
		return "nobody is active"
	case to != "" && now.ActiveNode != to, to == "" && now.ActiveNode == was.ActiveNode:
		return now.ActiveNode + " is still active"
	}
	return ""
}
