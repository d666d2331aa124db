package keepalived

import "stead/internal/importer/draft"

// syncGroup is a vrrp_sync_group.
type syncGroup struct {
	d       *Directive
	name    string
	of      []string // names of instances
	members []*group
	weights bool         // sync_group_tracking_weight or global_tracking
	tracks  []*Directive // for every member
	notify  []*Directive
	alert   *Directive
	alertOn bool
}

// readSyncs reads the sync groups, before the instances.
func (c *converter) readSyncs() {
	for _, block := range c.tree {
		if block.Name() != "vrrp_sync_group" {
			continue
		}
		if block.Arg(1) == "" {
			c.find(block, Lost, "has no name: keepalived ignores it", "give it one")
			continue
		}
		block.use(0, 1)
		s := &syncGroup{d: block, name: block.Arg(1)}
		for _, d := range block.Block {
			c.syncDirective(s, d)
		}
		c.syncs = append(c.syncs, s)
	}
}

func (c *converter) syncDirective(s *syncGroup, d *Directive) {
	switch d.Name() {
	case "group":
		d.use(0)
		for _, line := range d.Block {
			s.of = append(s.of, line.Words...)
			line.useAll()
		}
	case "track_interface", "track_script", "track_process", "track_file":
		d.use(0)
		s.tracks = append(s.tracks, d)
	case "notify", "notify_master", "notify_backup", "notify_fault", "notify_stop":
		s.notify = append(s.notify, d)
	case "smtp_alert":
		s.alert, s.alertOn = d, c.flag(d)
	case "sync_group_tracking_weight":
		s.weights = true
		d.use(0)
	case "global_tracking":
		s.weights = true
		d.use(0)
		c.note(d, Changed, "what one instance tracks counts for that instance: a fault reaches the others by sync", "track in the sync group what all are to follow")
	default:
		c.verdict(d, syncVerdicts)
	}
}

// syncOf is the sync group of an instance.
func (c *converter) syncOf(instance string) *syncGroup {
	for _, s := range c.syncs {
		for _, name := range s.of {
			if name == instance {
				return s
			}
		}
	}
	return nil
}

// finishSyncs writes the sync groups into their members.
func (c *converter) finishSyncs() {
	for _, s := range c.syncs {
		if len(s.members) == 0 {
			c.find(s.d, Unneeded, "has no instance of this file", "")
			continue
		}
		c.syncMembers(s)
		for _, g := range s.members {
			for _, d := range s.tracks {
				c.track(g, d)
			}
		}
		for _, d := range s.notify {
			c.syncNotify(s, d)
		}
		if s.alertOn && !s.members[0].alert {
			s.members[0].alert, s.members[0].alertFrom = true, s.alert
			c.note(s.alert, Changed, "the mail is of the group "+s.members[0].name+", which changes with the others", "")
		}
	}
	for _, g := range c.groups {
		if g.alert {
			c.alerts = append(c.alerts, g.name)
			if c.alertFrom == nil {
				c.alertFrom = g.alertFrom
			}
		}
		c.finish(g)
	}
}

// syncMembers names the sync group in its members, when there are several.
func (c *converter) syncMembers(s *syncGroup) {
	for _, name := range s.of {
		if c.names[name] == "" {
			c.note(s.d, Unneeded, "there is no instance "+name+": keepalived ignores it", "")
		}
	}
	if len(s.members) == 1 {
		c.note(s.d, Unneeded, "has one instance, which has nobody to change with", "")
		return
	}
	name := draft.PlainName(s.name)
	if name != s.name {
		c.note(s.d, Changed, "a name has letters, digits, '.', '_' and '-': it is "+name, "look at scripts that compare the name")
	}
	for _, g := range s.members {
		g.section.Set("sync", draft.Scalar(name), from(s.d))
	}
}

// syncNotify gives a hook of the sync group to one of its members: they change
// together, so it runs once for all.
func (c *converter) syncNotify(s *syncGroup, d *Directive) {
	for _, g := range s.members {
		if !g.hooks.Has(hookOf[d.Name()]) {
			if len(s.members) == 1 && d.Name() == "notify" && g.name != s.name {
				c.note(d, Changed, "the program is told the name of the group, "+g.name+", not "+s.name, "look at what it does with the name")
			}
			c.hook(g, d, "keepalived-group", ", of "+draft.Printable(s.name))
			return
		}
	}
	c.find(d, Lost, "every instance of the sync group has a hook of its own for this, and a group has one of each", "call both from one script")
}
