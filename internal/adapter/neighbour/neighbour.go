// Package neighbour has the kernel ask again, and soon, for the hardware address
// of the next hop of the heartbeats.
//
// Where a request of ARP or neighbour discovery is lost, Linux waits a second
// (retrans_time) before it asks again, and holds back everything for that
// neighbour. The first request after a cable or a switch came back is often lost.
// A node that so hears its peer and is not heard goes on as if it were alone: two
// holders for a second that nothing else asks for.
//
// Every 50 ms a Keeper looks at the one entry of each next hop. An entry that
// waits for an answer at two looks in a row is set back to "none" and used, by
// which the kernel sends a request at once: ten a second at most, and up to fifty
// in the second after a carrier has come back. What waits for the neighbour keeps
// waiting. Every thirtieth time the entry is set to "failed" instead, so that
// programs are told that the host cannot be reached, after about three seconds as
// ever. After 600 requests without an answer, a minute, the kernel is left to its
// own pace, until it has an answer or the carrier comes back.
//
// Deleting the entry would do as well for heartbeats, and would drop what other
// programs have waiting, and refuse their connections after a tenth of a second.
// A shorter retrans_time would hold for all neighbours of the interface, and
// would stay behind when the daemon is killed. The kernel tells nobody
// that an entry has begun to wait (RTNLGRP_NEIGH), so it has to be looked at.
//
// A failed entry needs nothing: the next heartbeat has the kernel ask. Entries of
// loopback, NOARP and point-to-point devices never wait for an answer, permanent
// ones neither. Entries that another program manages are left to it.
package neighbour

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

const (
	lookEvery   = 50 * time.Millisecond
	hurryEvery  = 10 * time.Millisecond // after a carrier or a route has come back
	hurryLooks  = 100
	routesEvery = 20 // looks between two lookups of the routes
)

// Path is a way of heartbeats: both ends of their UDP datagrams.
type Path struct{ Local, Remote netip.AddrPort }

// Keeper looks after the next hops of paths.
type Keeper struct {
	paths    []Path
	hops     []*hop
	requests *conn
	links    *links
	stale    bool // routes may have changed
	hurry    int  // quick looks that are left
	complain func(error)
	told     bool
}

// Open opens what Run needs, in the network namespace of the calling thread.
// complain is told of the first thing that the kernel refuses.
func Open(paths []Path, complain func(error)) (*Keeper, error) {
	requests, err := open()
	if err != nil {
		return nil, err
	}
	links, err := openLinks()
	if err != nil {
		requests.close()
		return nil, err
	}
	return &Keeper{paths: paths, requests: requests, links: links, complain: complain}, nil
}

// close frees what Open opened. Run does it at its end.
func (k *Keeper) close() {
	k.links.close()
	k.requests.close()
}

// Run looks after the next hops until ctx ends, or until the kernel has shown
// that it will not have it: for lack of CAP_NET_ADMIN, or before Linux 5.0.
func (k *Keeper) Run(ctx context.Context) {
	defer k.close()
	changes := k.links.listen()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for looks, quick := 0, false; ; looks++ {
		if k.stale || looks%routesEvery == 0 {
			k.findHops()
		}
		for _, h := range k.hops {
			if err := k.look(h); err != nil && !k.goOn(err) {
				return
			}
		}
		k.hurry = max(k.hurry-1, 0)
		if hurry := k.hurry > 0; hurry != quick {
			quick = hurry
			tick.Reset(every(quick))
		}
		if !k.wait(ctx, tick.C, changes) {
			return
		}
	}
}

func every(quick bool) time.Duration {
	if quick {
		return hurryEvery
	}
	return lookEvery
}

// wait waits until it is time to look again, which it is at once when a carrier
// comes back. It reports false when ctx has ended.
func (k *Keeper) wait(ctx context.Context, tick <-chan time.Time, changes <-chan change) bool {
	for {
		select {
		case <-ctx.Done():
			return false
		case <-tick:
			return true
		case c := <-changes:
			if k.changed(c) {
				return true
			}
		}
	}
}

// goOn tells of the first error and reports whether there is a point in going on.
func (k *Keeper) goOn(err error) bool {
	if !k.told {
		k.told = true
		k.complain(fmt.Errorf("%w: after a broken network is mended, heartbeats may be held back for a second", err))
	}
	return !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EOPNOTSUPP)
}

// changed takes a change of a link and reports whether a next hop's carrier has
// come back with it.
func (k *Keeper) changed(c change) (back bool) {
	k.stale = true
	for _, h := range k.hops {
		if !c.lost && h.index != c.index {
			continue
		}
		if c.lost || c.running && !h.running {
			h.asks, k.hurry, back = 0, hurryLooks, true
		}
		h.running = c.running || c.lost
	}
	return back
}

// findHops looks up the routes of all paths. A path without one has no next hop
// until it has one again.
func (k *Keeper) findHops() {
	var found []*hop
	for _, p := range k.paths {
		index, addr, err := k.requests.route(p)
		if err != nil || slices.ContainsFunc(found, func(h *hop) bool { return h.is(index, addr) }) {
			continue
		}
		if i := slices.IndexFunc(k.hops, func(h *hop) bool { return h.is(index, addr) }); i >= 0 {
			found = append(found, k.hops[i])
			continue
		}
		found = append(found, &hop{index: index, addr: addr, running: true})
		k.hurry = hurryLooks
	}
	k.hops, k.stale = found, false
}

// look looks at the entry of a next hop and does what is to be done about it.
func (k *Keeper) look(h *hop) error {
	state, err := k.requests.state(h.index, h.addr)
	if err != nil {
		return fmt.Errorf("look at neighbour %s: %w", h.addr, err)
	}
	next, again := h.decide(state)
	if !again {
		return nil
	}
	err = k.requests.askAgain(h.index, h.addr, next)
	if errors.Is(err, unix.EPERM) {
		err = fmt.Errorf("%w (needs CAP_NET_ADMIN)", err)
	}
	if err != nil {
		return fmt.Errorf("have the kernel ask for neighbour %s again: %w", h.addr, err)
	}
	return nil
}
