package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"stead/internal/adapter/register"
	"stead/internal/adapter/store"
	"stead/internal/adapter/store/open"
	"stead/internal/assemble"
	"stead/internal/config"
	"stead/internal/core"
	"stead/internal/core/clock"
	"stead/internal/core/lease"
	"stead/internal/engine"
	"stead/internal/report"
)

// stores are the places that this node shares with others, and the leases that
// are kept there.
type stores struct {
	open   map[string]store.Store
	leases *register.Set
	index  map[string]core.GroupID // of groups with a lease; the engine's
}

// openPatience bounds how long the opening of a store may take: it reads files,
// and does not wait for the store.
const openPatience = 5 * time.Second

// openStores opens the stores of the configuration that this node uses. No reload
// changes them.
func (d *Daemon) openStores() error {
	s := &d.stores
	s.open = map[string]store.Store{}
	ctx, cancel := context.WithTimeout(context.Background(), openPatience)
	defer cancel()
	for _, name := range assemble.Stores(d.cfg) {
		c, _ := d.cfg.Store(name)
		spec, err := open.Parse(c.URL)
		if err != nil {
			return fmt.Errorf("store %q: %w", c.Name, err)
		}
		if s.open[c.Name], err = open.Open(ctx, spec, open.Options{Timeout: c.Timeout, Log: d.log}); err != nil {
			return fmt.Errorf("store %q: %w", c.Name, err)
		}
	}
	s.number(d.cfg)
	s.leases = register.Open(register.Options{
		Leases: d.leasesOf(d.cfg), Vote: d.voteOf(d.cfg), Now: engine.Now,
		Done: func(group string, r lease.Result) {
			d.postLease(group, func(id core.GroupID) core.Event { return &core.Stored{Group: id, Result: r} })
		},
		Changed: func(group string) {
			d.postLease(group, func(id core.GroupID) core.Event { return core.StoreChanged{Group: id} })
		},
	})
	return nil
}

// laterStores refuses a configuration by which this node would need a store that it
// has not opened, or the vote of one in elections that had none.
func (d *Daemon) laterStores(cfg *config.Config) error {
	for _, name := range assemble.Stores(cfg) {
		if d.stores.open[name] == nil {
			return fmt.Errorf("store %q is used by this node for the first time: restart the daemon to open it", name)
		}
	}
	if was, is := d.voteOf(d.config()) != nil, d.voteOf(cfg) != nil; was != is {
		return errors.New("a store begins or ceases to vote in the elections of this node: restart the daemon")
	}
	return nil
}

// store finds an open store by its name.
func (s *stores) store(name string) (store.Store, bool) {
	found, ok := s.open[name]
	return found, ok
}

// leasesOf are the registers of the groups, by number; none where this node is no
// member of a group.
func (d *Daemon) leasesOf(cfg *config.Config) []register.Lease {
	list := make([]register.Lease, len(cfg.Groups))
	for i := range cfg.Groups {
		g := &cfg.Groups[i]
		if g.Election.Right == nil || !holdsGroup(g, cfg.Self) {
			continue
		}
		name := g.Election.Right.Store
		list[i] = register.Lease{
			Group: g.Name, Store: name, Timeout: assemble.LeaseTimeout(cfg, g),
			Register: d.stores.open[name].Register(assemble.RegisterKey(g.Name)),
		}
	}
	return list
}

// voteOf is the register of the store that votes in elections among nodes; nil
// where none does.
func (d *Daemon) voteOf(cfg *config.Config) *register.Lease {
	for i := range cfg.Groups {
		if name := cfg.Groups[i].Election.Witness; name != "" && holdsGroup(&cfg.Groups[i], cfg.Self) {
			return &register.Lease{Store: name, Timeout: assemble.VoteTimeout(cfg, name), Register: d.stores.open[name].Register(assemble.VoteKey)}
		}
	}
	return nil
}

// number gives the groups the numbers that the core has for them.
func (s *stores) number(cfg *config.Config) {
	s.index = map[string]core.GroupID{}
	for i := range cfg.Groups {
		if cfg.Groups[i].Election.Right != nil && holdsGroup(&cfg.Groups[i], cfg.Self) {
			s.index[cfg.Groups[i].Name] = core.GroupID(i)
		}
	}
}

// postLease hands an event about a lease to the engine. The number of the group
// is that of the table by the time the engine takes the event.
func (d *Daemon) postLease(group string, event func(core.GroupID) core.Event) {
	d.engine.PostMade(func() core.Event {
		id, ok := d.stores.index[group]
		switch {
		case group == "":
			id = core.WitnessGroup
		case !ok:
			id = core.NoGroup // a reload has taken it away
		}
		return event(id)
	})
}

// replaceLeases takes other leases over. It is called between two steps.
func (d *Daemon) replaceLeases(cfg *config.Config) {
	d.stores.number(cfg)
	d.stores.leases.Replace(d.leasesOf(cfg))
}

func (s *stores) close() {
	if s.leases != nil {
		s.leases.Close()
	}
	for _, opened := range s.open {
		_ = opened.Close() // nothing is kept there that is not written by now
	}
}

// describeLease puts a lease into the words of the report.
func describeLease(c *config.Group, s *lease.Status, wall time.Time, now core.Instant) *report.Lease {
	right := c.Election.Right
	out := &report.Lease{
		Store: right.Store, Record: assemble.RegisterKey(c.Name), Problem: s.Store, Unreadable: s.Bad, Held: s.Held,
		TTLMS: float64(right.TTL) / 1e6, OnStoreLoss: right.OnLoss,
	}
	if s.Present {
		r := &s.Record
		out.Holder, out.State, out.Epoch, out.WantedBy = r.Holder, r.State.String(), r.Epoch, r.To
	}
	if s.Known {
		out.ChangedMSAgo = float64(s.Age) / 1e6
	}
	if s.Claims != clock.Never && s.Claims > now {
		out.ClaimableAt = wall.Add(s.Claims.Sub(now))
	}
	return out
}

// describeVote puts the vote of a store into the words of the report.
func describeVote(w *core.WitnessState, now core.Instant) *report.Vote {
	s := &w.Lease
	out := &report.Vote{Store: w.Store, Record: assemble.VoteKey, Problem: s.Store, Unreadable: s.Bad, Held: s.Held}
	if s.Present {
		out.State, out.Holder = s.Record.State.String(), s.Record.Holder
	}
	if s.Held {
		out.RemainingMS = float64(max(0, s.Until.Sub(now))) / 1e6
	}
	return out
}

// countLeases adds to a status how the operations on registers have ended.
func (d *Daemon) countLeases(s *report.Status) {
	for _, n := range d.stores.leases.Status() {
		done := report.Operations{
			Reads: n.Reads, Writes: n.Writes, Conflicts: n.Conflicts, Failures: n.Failures, ReadFailures: n.ReadFailures,
			LastMS: float64(n.Last) / 1e6, LongestMS: float64(n.Longest) / 1e6,
		}
		switch g := s.Group(n.Group); {
		case n.Group == "" && s.Vote != nil:
			s.Vote.Operations = done
		case g != nil && g.Lease != nil:
			g.Lease.Operations = done
		}
	}
}
