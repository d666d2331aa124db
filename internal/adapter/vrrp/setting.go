package vrrp

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/vishvananda/netlink"

	"stead/internal/adapter/sched"
)

// habits are how an interface deals with ARP: what it answers, and as whom it
// asks. Without a change it would answer for an address on the device above it,
// with its own MAC, and tell its neighbours that this is where the address is.
type habits struct{ ignore, announce string }

// record is habits as an alias keeps them, so that a run after a crash knows.
func (h habits) record() string {
	return fmt.Sprintf(" arp_ignore=%s arp_announce=%s", h.ignore, h.announce)
}

// remember reads the record of a device over an interface.
func (d *devices) remember(link netlink.Link, below string) {
	if _, known := d.were[below]; known || below == "" {
		return
	}
	_, record, _ := strings.Cut(link.Attrs().Alias, " ")
	var h habits
	if n, err := fmt.Sscanf(record, "arp_ignore=%s arp_announce=%s", &h.ignore, &h.announce); n == 2 && err == nil {
		d.were[below] = h
	}
}

// settle sets what the kernel keeps by interface, on a device and, for IPv4, on
// the interface below it.
func (d *devices) settle(r *Router, link, below netlink.Link) error {
	name, parent := link.Attrs().Name, below.Attrs().Name
	if r.IPv6 {
		return d.ordinary(func() error {
			// It answers for no IPv4 address, and makes up no address: one from
			// the MAC would be the same on all routers.
			return errors.Join(
				set("ipv4", name, "arp_ignore", "8"), set("ipv6", name, "addr_gen_mode", "1"),
				set("ipv6", name, "accept_ra", "0"), set("ipv6", name, "autoconf", "0"),
			)
		})
	}
	d.remember(link, parent)
	were, known := d.were[parent]
	err := d.ordinary(func() error {
		loose := "0"
		if get("ipv4", "all", "rp_filter") == "1" {
			loose = "2" // the stricter of "all" and the interface counts, and 2 is above 1
		}
		if !known {
			were = habits{get("ipv4", parent, "arp_ignore"), get("ipv4", parent, "arp_announce")}
		}
		err := errors.Join(
			set("ipv4", name, "arp_ignore", "1"), set("ipv4", name, "arp_announce", "2"), set("ipv4", name, "rp_filter", loose),
			atLeast(parent, "arp_ignore", "1"), atLeast(parent, "arp_announce", "2"),
		)
		if silence := set("ipv6", name, "disable_ipv6", "1"); !errors.Is(silence, fs.ErrNotExist) {
			err = errors.Join(err, silence) // it is for IPv4 alone
		}
		return err
	})
	if err != nil {
		return err
	}
	d.were[parent] = were
	if alias := aliasPrefix + name + were.record(); link.Attrs().Alias != alias {
		if err := d.kernel.LinkSetAlias(link, alias); err != nil {
			return fmt.Errorf("note the settings of %s: %w", parent, err)
		}
	}
	return nil
}

// giveBack sets the habits of an interface back, where they are still ours.
func (d *devices) giveBack(below string, were habits) error {
	return d.ordinary(func() error {
		var errs []error
		for _, s := range [][3]string{{"arp_ignore", "1", were.ignore}, {"arp_announce", "2", were.announce}} {
			if get("ipv4", below, s[0]) == s[1] && s[2] != "" {
				errs = append(errs, set("ipv4", below, s[0], s[2]))
			}
		}
		return errors.Join(errs...)
	})
}

// ordinary calls f on an ordinary thread of its own in the namespace: a write to
// these files tries again for ever while another holds the routing lock, which at
// real-time priority would keep that other off the processor.
func (d *devices) ordinary(f func() error) error {
	done := make(chan error)
	go func() {
		sched.Ordinary()
		if err := d.space.Enter(); err != nil {
			done <- err
			return
		}
		done <- f()
	}()
	return <-done
}

func file(family, iface, name string) string {
	return "/proc/sys/net/" + family + "/conf/" + iface + "/" + name
}

// get reads a setting; one that there is not is empty.
func get(family, iface, name string) string {
	b, _ := os.ReadFile(file(family, iface, name))
	return strings.TrimSpace(string(b))
}

// set makes a setting so. It writes only where there is a difference: the files
// may be read-only in a container, and as they should be.
func set(family, iface, name, value string) error {
	if get(family, iface, name) == value {
		return nil
	}
	if err := os.WriteFile(file(family, iface, name), []byte(value), 0); err != nil {
		return fmt.Errorf("set net.%s.conf.%s.%s to %s: %w", family, iface, name, value, errors.Unwrap(err))
	}
	return nil
}

// atLeast makes a setting of IPv4 so, unless it is higher, or that of all
// interfaces, of which the higher counts.
func atLeast(iface, name, value string) error {
	if get("ipv4", iface, name) >= value || get("ipv4", "all", name) >= value {
		return nil
	}
	return set("ipv4", iface, name, value)
}
