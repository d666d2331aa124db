package vrrp

import (
	"slices"

	"stead/internal/core/reason"
)

// Reconfigure takes over a changed configuration at once. The role is kept unless
// it is another virtual router by now.
func (r *Router) Reconfigure(now Instant, cfg *Config) {
	old := r.cfg
	same := old.VRID == cfg.VRID && old.Version == cfg.Version && old.Family() == cfg.Family()
	if !same && r.role == Active {
		r.release(now, reason.Reconfigured, Initialize)
	}
	if !same && r.role != Initialize {
		r.enter(Initialize)
	}
	if old.Slot != cfg.Slot && r.role == Active {
		r.out.Slots = append(r.out.Slots, Slot{Slot: old.Slot})
	}
	codec := NewCodec(cfg)
	codec.Inherit(r.codec)
	r.cfg, r.codec = cfg, codec
	if cfg.Floor > r.ceiling {
		r.count, r.ceiling = cfg.Floor, cfg.Floor
		r.reserve()
	}
	if r.role != Active {
		r.slot = Slot{Slot: cfg.Slot}
	}
	switch {
	case !same:
		r.settle(now)
	case r.role == Active && differs(old, cfg):
		r.advertise(now)
	case r.role == Active:
		r.emitSlot()
	case r.role == Backup:
		r.rewait(now, old)
	}
}

// differs tells whether others have to be told, or the slot moves otherwise.
func differs(a, b *Config) bool {
	return a.Interval != b.Interval || a.DownAdverts != b.DownAdverts || a.Detector != b.Detector || a.Unicast != b.Unicast ||
		a.Slot != b.Slot || !slices.Equal(a.Addresses, b.Addresses) || !slices.Equal(a.To, b.To)
}

// rewait makes a Backup wait as long as the new configuration says.
func (r *Router) rewait(now Instant, old *Config) {
	if !r.backup.active.router.IsValid() || r.cfg.Version == 2 {
		r.backup.interval = r.cfg.Interval
	}
	if old.Interval != r.cfg.Interval || old.DownAdverts != r.cfg.DownAdverts {
		r.setActiveDownTimer(now)
	}
}
