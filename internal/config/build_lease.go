package config

import (
	"fmt"
	"slices"

	"stead/internal/core/lease"
)

// leaseOnly are the keys of an election by a lease that no other has; ttl means
// something else with vrrp.
var leaseOnly = []string{"store", "renew", "on_store_loss"}

// lease is an election that is decided by a record in a store.
func (b *builder) lease(group entry, g *Group) Election {
	v := group.value.get("election")
	store, ttl, renew := v.get("store"), v.get("ttl"), v.get("renew")
	r := &Lease{
		Store:  b.namesStore(store),
		TTL:    or(ttl, defaultLeaseTTL),
		OnLoss: or(v.get("on_store_loss"), StoreLossRelease),
	}
	r.Renew = or(renew, max(r.TTL/5, leastRenew))
	e := Election{Type: ElectionLease, Right: r}
	if store == nil && !v.meant["store"] {
		b.of(v, "store is missing", "the name of a store", "add store: …, and what it is under stores")
	}
	if _, bare := ttl.number(); bare {
		b.about(ttl, "has no unit", "a duration", "with type lease it is a time: write "+clipped(ttl.node.Value)+"s")
	}
	b.wholeMilliseconds(ttl)
	if (ttl == nil || ttl.ok()) && renew.ok() && r.Renew > r.TTL/3 {
		b.about(renew, fmt.Sprintf("is longer than a third of ttl, %s", length(r.TTL)), "at most "+length(r.TTL/3),
			"one renewal that fails must not end the lease: lower renew or raise ttl")
	}
	b.holderNames(group.value.get("members"), g.Members)
	b.leaseKeys(group.value, r.OnLoss)
	if loss := v.get("on_store_loss"); loss.ok() && r.OnLoss == StoreLossHold {
		b.notes.about(loss, "lets two nodes serve at once when one of them cannot reach the store", "",
			"release gives up availability instead; hold-if-peer-agrees asks the other members")
	}
	if r.OnLoss == StoreLossPeer {
		b.heartbeatTimes(v, &e)
		if len(g.Members) == 1 && group.value.get("members").ok() {
			b.about(v.get("on_store_loss"), "needs another member, and there is one: "+g.Members[0].Node, "release or hold", "nobody is there to agree: leave it off")
		}
	}
	return e
}

// holderNames refuses members whose names do not fit into a record.
func (b *builder) holderNames(v *value, members []Member) {
	for _, e := range v.children() {
		if !lease.ValidName(e.name) && slices.ContainsFunc(members, func(m Member) bool { return m.Node == e.name }) {
			b.at(e.key, v.place(), fmt.Sprintf("node %q has a name of %d letters", clipped(e.name), len(e.name)), "32 letters at most",
				"the record of a lease holds no longer one: rename the node")
		}
	}
}

// leaseKeys refuses what an election by a lease does not have.
func (b *builder) leaseKeys(group *value, onLoss string) {
	v := group.get("election")
	for _, e := range v.children() {
		switch {
		case slices.Contains(leaseOnly, e.name) || e.name == "type" || e.name == "ttl":
		case slices.Contains([]string{"timing", "interval", "multiplier"}, e.name):
			if onLoss != StoreLossPeer {
				b.at(e.key, v.place(), e.name+" has no meaning with type lease", "on_store_loss: hold-if-peer-agrees beside it",
					"ttl and renew are its times; only hold-if-peer-agrees has heartbeats")
			}
		case e.name == "quorum" || e.name == "on_quorum_loss" || e.name == "witness":
			b.at(e.key, v.place(), e.name+" has no meaning with type lease", "type: peer", "the store decides, and nobody votes: remove it; on_store_loss says what becomes of a node that does not reach it")
		default:
			b.at(e.key, v.place(), e.name+" has no meaning with type lease", typeOf(e.name), "remove it")
		}
	}
	b.onlyVRRP(group, ElectionLease)
}

// typeOf names the types of election that have a key.
func typeOf(key string) string {
	switch {
	case slices.Contains(leaseOnly, key):
		return "type: lease"
	case key == "ttl":
		return "type: vrrp or lease"
	case key == "witness":
		return "type: peer"
	default:
		return "type: vrrp"
	}
}

// number is what v holds if it is a bare number.
func (v *value) number() (int, bool) {
	if !v.ok() {
		return 0, false
	}
	n, ok := v.scalar.(int)
	return n, ok
}
