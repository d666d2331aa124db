package lab

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Cut takes the cable of a host away at the network's end: the host loses its carrier.
func (w *World) Cut(h *Host) error {
	link, err := w.net.LinkByName(toHost(h))
	if err == nil {
		err = w.net.LinkSetDown(link)
	}
	if err != nil {
		return fmt.Errorf("cut %s off: %w", h.Name, err)
	}
	return nil
}

// Blackhole lets the network drop everything from and to a host, silently.
func (w *World) Blackhole(h *Host) error {
	return errors.Join(
		w.drop(h, func(r *netlink.Rule) { r.IifName = toHost(h) }),
		w.OneWay(h),
	)
}

// OneWay lets the network drop everything to a host, silently. What it sends arrives.
func (w *World) OneWay(h *Host) error {
	return w.drop(h, func(r *netlink.Rule) { r.Dst = ipNet(single(h.Address)) })
}

// Partition lets the network drop everything between two hosts, silently. Both reach all others.
func (w *World) Partition(a, b *Host) error {
	between := func(from, to netip.Addr) func(*netlink.Rule) {
		return func(r *netlink.Rule) { r.Src, r.Dst = ipNet(single(from)), ipNet(single(to)) }
	}
	return errors.Join(w.drop(a, between(a.Address, b.Address)), w.drop(b, between(b.Address, a.Address)))
}

// drop adds a routing rule. Rules are asked for each packet that the network
// forwards: it holds from the next one on. No packet filter is needed, nor a
// privilege that a user namespace does not give.
func (w *World) drop(h *Host, match func(*netlink.Rule)) error {
	rule := netlink.NewRule()
	rule.Family = unix.AF_INET
	if h.Address.Is6() {
		rule.Family = unix.AF_INET6
	}
	rule.Type = unix.RTN_BLACKHOLE // FR_ACT_BLACKHOLE has the same number
	rule.Priority = w.next
	match(rule)
	if err := w.net.RuleAdd(rule); err != nil {
		return fmt.Errorf("drop packets of %s: %w", h.Name, err)
	}
	w.next++
	w.rules = append(w.rules, rule)
	return nil
}

// Heal ends every fault of the network.
func (w *World) Heal() error {
	var failed []error
	for _, rule := range w.rules {
		if err := w.net.RuleDel(rule); err != nil {
			failed = append(failed, fmt.Errorf("stop dropping packets: %w", err))
		}
	}
	w.rules = nil
	for _, h := range w.hosts {
		if err := w.plug(h); err != nil {
			failed = append(failed, fmt.Errorf("connect %s: %w", h.Name, err))
		}
	}
	return errors.Join(failed...)
}
