package daemon

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"stead/internal/adapter/hook"
	"stead/internal/assemble"
	"stead/internal/config"
	"stead/internal/core"
	"stead/internal/report"
)

// Reload applies the configuration file without a failover, and says in words
// what has changed. What cannot change while the daemon runs is refused, and
// then nothing changes.
func (d *Daemon) Reload(context.Context) (text string, err error) {
	d.reloadMu.Lock()
	defer d.reloadMu.Unlock()
	if d.checks == nil {
		return "", errors.New("nothing was changed, because the daemon could not start")
	}
	ended := d.manager.reloading()
	defer func() { ended(d.Snapshot(), err) }()
	cfg, changes, err := d.readAgain()
	if err != nil || len(changes) == 0 {
		return "nothing has changed", err
	}
	var words []string
	for _, c := range changes {
		words = append(words, c.String())
	}
	if err := d.apply(cfg); err != nil {
		return "", err
	}
	text = strings.Join(words, "\n")
	d.say(report.Event{Kind: report.Reloaded, Detail: text})
	return text, nil
}

// readAgain reads the file as this node sees it and compares it.
func (d *Daemon) readAgain() (*config.Config, []config.Change, error) {
	cfg, err := config.Load(d.file)
	if err != nil {
		return nil, nil, err
	}
	was := d.config()
	if _, err := config.Resolve(cfg, was.Self, "", nil); err != nil {
		return nil, nil, err
	}
	if err := config.LoadKeys(cfg); err != nil {
		return nil, nil, err
	}
	changes := config.Diff(was, cfg)
	if refused := config.NeedsRestart(changes); len(refused) > 0 {
		var words []string
		for _, c := range refused {
			words = append(words, c.String())
		}
		return nil, nil, fmt.Errorf("nothing was changed, because this cannot change while the daemon runs: %s", strings.Join(words, "; "))
	}
	return cfg, changes, nil
}

// apply makes a configuration the present one. What can fail comes first.
func (d *Daemon) apply(cfg *config.Config) error {
	coreCfg, err := assemble.CoreConfig(cfg, d.incarnation, d.store.ceilings())
	if err != nil {
		return err
	}
	before := map[string]*hook.Queue{}
	for i, q := range d.hooks {
		before[d.named().Groups[i]] = q
	}
	queues, err := d.hookQueues(cfg, before)
	if err != nil {
		return err
	}
	if d.overlays != nil {
		if err := d.overlays.Reconfigure(overlayOptions(cfg, d.log)); err != nil {
			return fmt.Errorf("overlays: %w", err)
		}
	} else if err := d.laterOverlays(cfg); err != nil {
		return err
	}
	if err := d.laterRouters(cfg); err != nil {
		return err
	}
	if err := d.checkSpeaker(cfg); err != nil {
		return err
	}
	if err := d.laterStores(cfg); err != nil {
		return err
	}
	ended := false
	if err := d.checks.Replace(d.checkGroups(cfg), func() { ended = !d.swap(cfg, coreCfg, queues) }); err != nil || !ended {
		return err
	}
	return errors.New("the daemon has ended meanwhile")
}

// laterOverlays refuses the first overlay of a daemon that has none: what watches
// them is set up at the start.
func (d *Daemon) laterOverlays(cfg *config.Config) error {
	if len(cfg.Overlays) == 0 {
		return nil
	}
	return fmt.Errorf("overlay %q is the first one: restart the daemon to build it", cfg.Overlays[0].Name)
}

// swap replaces what every part has by number: at once for the engine, and at
// the same place in the order of what is told for the rest. It reports false where
// the engine has ended.
func (d *Daemon) swap(cfg *config.Config, coreCfg core.Config, queues []*hook.Queue) bool {
	gone := d.gone(cfg)
	var failed error
	done := d.engine.Reconfigure(coreCfg, func() {
		d.wall.groups = wallGroups(cfg)
		failed = d.links.Reconfigure(linkGroups(cfg), nil)
		if d.routers != nil {
			failed = errors.Join(failed, d.routers.Replace(assemble.Routers(cfg)))
		}
		failed = errors.Join(failed, d.replaceSpeaker(cfg))
		d.replaceLeases(cfg)
	}, func() { d.rename(cfg, queues) })
	if !done {
		return false
	}
	if failed != nil {
		d.complain(fmt.Errorf("addresses: %w", failed))
	}
	if len(gone) == 0 {
		return true
	}
	// An address that has left stays behind the closed fence until it is off its
	// interface; after that nothing may hold back who uses it next.
	time.AfterFunc(addressesLeave, func() {
		d.engine.Between(func(core.Instant) {
			for _, a := range gone {
				_ = d.fence.Unbind(a)
			}
		})
	})
	return true
}

// addressesLeave is how long the removal of addresses may take.
const addressesLeave = 2 * time.Second

// gone are the addresses of this node's groups that a configuration has no more.
func (d *Daemon) gone(cfg *config.Config) []netip.Addr {
	stays := map[netip.Addr]bool{}
	for _, group := range wallGroups(cfg) {
		for _, a := range group {
			stays[a.Prefix.Addr()] = true
		}
	}
	var gone []netip.Addr
	for _, group := range wallGroups(d.config()) {
		for _, a := range group {
			if !stays[a.Prefix.Addr()] {
				gone = append(gone, a.Prefix.Addr())
			}
		}
	}
	return gone
}

// rename gives the teller the new numbers. It runs on the teller's goroutine.
func (d *Daemon) rename(cfg *config.Config, queues []*hook.Queue) {
	d.changes.reset(cfg)
	d.notifier.replace(cfg.Notify)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cfg, d.hooks = cfg, queues
	d.names.Store(namesOf(cfg))
	for i := range cfg.Groups {
		g := &cfg.Groups[i]
		if err := queues[i].Replace(g.Name, hooksOf(g, cfg.Self)); err != nil {
			d.log.Error("hooks", "group", g.Name, "problem", err) // looked up a moment ago
		}
	}
}
