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
	var to, site string
	cmd := &cobra.Command{
		Use:   "switchover GROUP | --site SITE",
		Short: "move a group to another node without losing a request, or a workload to a site",
		Long: `Move a group to another node: the target puts the addresses in place behind a closed
fence before the active node lets go, so that no request is lost. Any member may be asked.

A virtual router cannot know who else is there: the active node is to be asked, and
where nobody takes over it serves on. With --wait the command ends then.

With --site the workload that the gate of this node holds back is to run at that site:
it is drained where it runs, and starts there when nothing of it is left here.

Exit codes: 0 begun, or with --wait done; 1 not within the timeout; 2 wrong usage;
3 no daemon answers; 4 refused, or given up because nobody took over.`,
		Example: `  stead switchover web
  stead switchover web --to secondary --wait
  stead switchover --site west --wait`,
		ValidArgsFunction: o.completeGroup,
		Args: func(cmd *cobra.Command, args []string) error {
			if site != "" {
				return cobra.NoArgs(cmd, args)
			}
			return cobra.ExactArgs(1)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if site != "" {
				return o.talk(cmd, func(ctx context.Context, client *api.Client) error {
					return switchSites(ctx, client, cmd.OutOrStdout(), &o, site)
				})
			}
			return o.talk(cmd, func(ctx context.Context, client *api.Client) error {
				return switchover(ctx, client, cmd.OutOrStdout(), &o, args[0], to)
			})
		},
	}
	o.flags(cmd)
	o.waitFlags(cmd, "the other node is active")
	cmd.Flags().StringVar(&to, "to", "", "the `node` that is to take over (default: the best that is ready)")
	cmd.Flags().StringVar(&site, "site", "", "the `site` that is to run the workload of the gate")
	// It fails for a flag that does not exist only.
	_ = cmd.RegisterFlagCompletionFunc("to", o.completeMember)
	return cmd
}

// switchSites moves the workload of the gate to a site.
func switchSites(ctx context.Context, client *api.Client, w io.Writer, o *order, site string) error {
	result, err := client.Do(ctx, report.Command{Verb: report.Switchover, Site: site})
	if err != nil {
		return err
	}
	if !o.wait {
		return o.say(w, result, fmt.Sprintf("the workload goes to %s: the switchover has begun", site))
	}
	err = wait(ctx, client, o.timeout, func(s *report.Status) string {
		switch g := s.Gate; {
		case g == nil:
			return "the gate is gone"
		case g.Holder != site || g.RightState != "held":
			return "the right is not held by " + site + " yet"
		default:
			result.Epoch = g.Epoch
			return ""
		}
	})
	if err != nil {
		return err
	}
	return o.say(w, result, fmt.Sprintf("%s has the right to run the workload", site))
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
	over := false
	err = wait(ctx, client, o.timeout, func(s *report.Status) string {
		g := s.Group(group)
		if g == nil {
			return "the group is gone"
		}
		now = *g
		missing := notMoved(was, now, result.To)
		if over = missing != "" && givenUp(was, now); over {
			return ""
		}
		return missing
	})
	switch {
	case err != nil:
		return err
	case over:
		return withCode(exitRefused, fmt.Errorf("%s: the switchover was given up: nobody took over, and %s serves on: `stead status` on the others shows why", group, now.Holder()))
	}
	result.To, result.Epoch = now.ActiveNode, now.Epoch
	return o.say(w, result, fmt.Sprintf("%s: %s is active, epoch %d", group, now.Holder(), now.Epoch))
}

func toNode(to string) string {
	if to == "" {
		return ""
	}
	return " to " + to
}

// notMoved says what is missing until a switchover has come true. A router that is
// no node of ours is known by its address only.
func notMoved(was, now report.Group, to string) string {
	switch holder := now.Holder(); {
	case holder == "":
		return "nobody is active"
	case to == "" && holder == was.Holder():
		return holder + " is still active"
	case to != "" && now.ActiveNode != to && holder != was.Holder():
		return holder + " is active"
	case to != "" && now.ActiveNode != to:
		return holder + " is still active"
	}
	return ""
}

// givenUp tells whether this node's virtual router has found that nobody takes
// over: it began to hand over when it took the command, and does so no more.
func givenUp(was, now report.Group) bool {
	return was.Role == report.RoleActive && now.Role == report.RoleActive && now.Epoch == was.Epoch &&
		now.VRRP != nil && !now.VRRP.HandingOver
}
