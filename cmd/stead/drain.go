package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"stead/internal/config"
	"stead/internal/core"
	"stead/internal/core/reason"
	"stead/internal/report"
	"stead/internal/report/api"
)

// drainOrder is what `stead drain` was told.
type drainOrder struct {
	order
	ifRunning bool
}

func newDrainCmd() *cobra.Command {
	var o drainOrder
	cmd := &cobra.Command{
		Use:   "drain [GROUP]",
		Short: "hand over what this node serves, and stay away",
		Long: `Hand over what this node serves and take part in no election until ` + "`stead resume`" + `,
also across a restart. Without a group: in every group of the node. A node that
nobody can replace goes on serving and the command is refused.

With --wait the command ends when another node serves every group that this node
served; where there is no election, when routers send nothing here any more. What
it waits for is written to standard error, the outcome to standard output. When the
time is over the drain stays in force; only where nobody at all is active for a
group that this node served is it taken back.

Exit codes: 0 drained, or with --if-running no daemon runs; 1 not within the
timeout; 2 wrong usage; 3 no daemon answers; 4 refused or taken back, above all
because nobody could take over.`,
		Example: `  stead drain --wait && systemctl stop stead
  stead drain --wait --if-running --timeout 1m --json
  stead drain web`,
		ValidArgsFunction: o.completeGroup,
		Args:              cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.talk(cmd, func(ctx context.Context, client *api.Client) error {
				return drain(ctx, client, cmd.OutOrStdout(), cmd.ErrOrStderr(), &o, optional(args))
			})
		},
	}
	o.flags(cmd)
	o.waitFlags(cmd, "other nodes serve what this node served")
	cmd.Flags().BoolVar(&o.ifRunning, "if-running", false, "succeed where no daemon runs: it serves nothing")
	return cmd
}

func optional(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

// drained is the outcome of a drain as JSON. Keys are only ever added.
type drained struct {
	report.Result
	Running bool            `json:"running"`          // false: no daemon runs here, and nothing was to be done
	Groups  []drainedTo     `json:"groups,omitempty"` // with --wait: those that this node served
	served  map[string]bool // groups that this node served when it began, or was seen to serve since
	drains  map[string]bool // groups that were seen to drain
	ended   string          // a group whose drain ended before anybody else served it
}

// drainedTo is who serves a group instead.
type drainedTo struct {
	Name          string `json:"name"`
	ActiveNode    string `json:"active_node,omitempty"`
	ActiveAddress string `json:"active_address,omitempty"` // of a router that is no node of ours
}

func drain(ctx context.Context, client *api.Client, out, progress io.Writer, o *drainOrder, group string) error {
	before, err := client.Status(ctx)
	if o.ifRunning && notRunning(err) {
		return o.tell(out, &drained{Result: report.Result{OK: true, Group: group}}, "no daemon runs: nothing to drain")
	}
	if err != nil {
		return err
	}
	d := &drained{Running: true, served: map[string]bool{}, drains: map[string]bool{}}
	d.missing(&before, group)
	if d.Result, err = client.Do(ctx, report.Command{Verb: report.Drain, Group: group}); err != nil {
		return err
	}
	if !o.wait {
		return o.tell(out, d, what(group)+": drain has begun")
	}
	var last *report.Status
	said := ""
	err = wait(ctx, client, o.timeout, func(s *report.Status) string {
		last = s
		missing := d.missing(s, group)
		if d.ended != "" {
			return ""
		}
		if missing != said && missing != "" {
			fmt.Fprintln(progress, "waiting: "+missing)
		}
		said = missing
		return missing
	})
	switch {
	case err != nil:
		return d.takeBack(ctx, client, last, group, err)
	case d.ended != "":
		return withCode(exitRefused, fmt.Errorf("%s: the drain was taken back before another node served it: `stead events` shows why", d.ended))
	}
	d.Groups = d.servedBy(last)
	return o.tell(out, d, what(group)+": drained")
}

// tell prints the outcome.
func (o *drainOrder) tell(w io.Writer, d *drained, words string) error {
	if o.asJSON {
		return printJSON(w, d)
	}
	return o.say(w, d.Result, words)
}

// notRunning tells whether no daemon is there, and not one that does not answer.
func notRunning(err error) bool {
	var unreachable *api.UnreachableError
	return errors.As(err, &unreachable) && (errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ECONNREFUSED))
}

func what(group string) string {
	if group == "" {
		return "every group"
	}
	return group
}

// missing says what is missing until a drain has come true: this node serves
// nothing, and somebody else serves what it has served. It notes what that is.
func (d *drained) missing(s *report.Status, group string) (text string) {
	for i := range s.Groups {
		g := &s.Groups[i]
		if group != "" && g.Name != group || g.Role == report.RoleWitness {
			continue
		}
		// A virtual router cannot know whether others are there: one that nobody has
		// answered ends its drain itself.
		if g.Draining {
			d.drains[g.Name] = true
		} else if d.drains[g.Name] {
			d.ended = g.Name
		}
		if g.Role == report.RoleActive {
			d.served[g.Name] = true
			text = fmt.Sprintf("%s is still active for %s", s.Node, g.Name)
			continue
		}
		if g.Election == config.ElectionNone {
			text = stillAnnounced(g, text)
			continue
		}
		// Nobody, and the last that was active here gave it up for a drain: one that
		// was begun by an earlier call.
		if nobodyActive(g) && (d.served[g.Name] || g.Reason == reason.Drained) {
			d.served[g.Name] = true
			text = "nobody is active for " + g.Name
		}
	}
	return text
}

// stillAnnounced says what is missing of a group without an election: this node
// does not know whether others serve it, but which path routers have from it.
func stillAnnounced(g *report.Group, text string) string {
	if g.Announces != nil && g.Announces.Role == string(core.RouteLeaving) {
		return "routers are leaving the path of " + g.Name
	}
	return text
}

// nobodyActive tells of a group in which this node is not active whether anybody
// else is. A router that is no node of ours is known by its address only.
func nobodyActive(g *report.Group) bool { return g.ActiveNode == "" && g.ActiveAddress == "" }

func (d *drained) servedBy(s *report.Status) (by []drainedTo) {
	for i := range s.Groups {
		if g := &s.Groups[i]; d.served[g.Name] {
			by = append(by, drainedTo{g.Name, g.ActiveNode, g.ActiveAddress})
		}
	}
	return by
}

// takeBackPatience bounds the way back, also when the user has had enough.
const takeBackPatience = 5 * time.Second

// takeBack ends a drain that failed, where it has left a group that nobody
// serves: a late upgrade is better than no service.
func (d *drained) takeBack(ctx context.Context, client *api.Client, s *report.Status, group string, failed error) error {
	unserved := ""
	for i := 0; s != nil && i < len(s.Groups); i++ {
		if g := &s.Groups[i]; d.served[g.Name] && g.Role == report.RoleStandby && g.Election != config.ElectionNone && nobodyActive(g) {
			unserved = g.Name
		}
	}
	if unserved == "" {
		return failed
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), takeBackPatience)
	defer cancel()
	if _, err := client.Do(ctx, report.Command{Verb: report.Resume, Group: group}); err != nil {
		return fmt.Errorf("%w; and the drain could not be taken back: %w", failed, err)
	}
	return fmt.Errorf("%w; the drain was taken back, so that somebody serves %s", failed, unserved)
}
