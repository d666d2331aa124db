package daemon

import (
	"context"
	"fmt"

	"stead/internal/core"
	"stead/internal/report"
)

// Do hands a command to the engine and waits for its reply.
func (d *Daemon) Do(ctx context.Context, c report.Command) (report.Result, error) {
	if c.Verb == report.Switchover && c.Site != "" {
		return d.switchSites(c.Site)
	}
	command, err := d.translate(c)
	if err != nil {
		return report.Result{}, err
	}
	answer := make(chan core.Reply, 1)
	d.waiting.Store(command.ID, answer)
	defer d.waiting.Delete(command.ID)
	d.engine.Post(command)
	select {
	case r := <-answer:
		if r.OK {
			d.say(report.Event{Kind: report.Commanded, Group: c.Group, Peer: c.To, Detail: string(c.Verb)})
		}
		result := report.Result{OK: r.OK, Reason: r.Why, Group: c.Group}
		if r.To != core.NoNode && c.Verb == report.Switchover {
			result.To = d.named().Nodes[r.To]
		}
		return result, nil
	case <-ctx.Done():
		return report.Result{}, fmt.Errorf("the engine does not answer: %w", ctx.Err())
	}
}

// translate gives a command the numbers of the core.
func (d *Daemon) translate(c report.Command) (core.Command, error) {
	out := core.Command{ID: d.engine.CommandID(), Group: core.AllGroups, To: core.NoNode}
	switch c.Verb {
	case report.Switchover:
		out.Verb = core.Switchover
	case report.Drain:
		out.Verb = core.Drain
	case report.Resume:
		out.Verb = core.Resume
	default:
		return out, fmt.Errorf("command %q: not one of switchover, drain, resume", c.Verb)
	}
	if c.Group != "" {
		i := indexOf(d.named().Groups, c.Group)
		if i < 0 {
			return out, fmt.Errorf("group %q: not in the configuration", c.Group)
		}
		out.Group = core.GroupID(i)
	} else if out.Verb == core.Switchover {
		return out, fmt.Errorf("switchover: name a group")
	}
	if c.To != "" {
		i := indexOf(d.named().Nodes, c.To)
		if i < 0 {
			return out, fmt.Errorf("node %q: not in the configuration", c.To)
		}
		out.To = core.NodeID(i)
	}
	return out, nil
}

func indexOf(names []string, name string) int {
	for i, n := range names {
		if n == name {
			return i
		}
	}
	return -1
}
