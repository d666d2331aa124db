package link

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/core"
)

// The pause before a failed Want is tried again doubles from one to the other.
const (
	firstRetry = 10 * time.Millisecond
	lastRetry  = time.Second
)

// op is one address of one group, and what became of it.
type op struct {
	group int // -1: left the configuration
	place place
	add   bool
	took  newAddress // how it was added
	err   error
	new   bool // it was not there before
}

func placeOf(a Address) place { return place{a.Interface, a.Prefix} }

// errNoInterface is the failure of an address whose interface does not exist.
var errNoInterface = errors.New("no such interface")

// apply makes the world as the groups that are due want it, and reports.
func (w *worker) apply() {
	if len(w.due) == 0 && len(w.orphans) == 0 {
		return
	}
	for _, id := range w.due {
		w.read(id)
	}
	w.ops = w.ops[:0]
	// Removals first: an address may move from one group to another.
	w.planOrphans()
	for _, id := range w.due {
		w.plan(id, false)
	}
	for _, id := range w.due {
		w.plan(id, true)
	}
	w.carryOut(w.ops)
	w.takeOver()
	w.judge()
}

// read takes the latest Want of a group into account.
func (w *worker) read(id int) {
	g := &w.groups[id]
	latest := word(w.table.words[id].Load())
	if latest != g.word {
		*g = group{word: latest, counted: g.counted, isDue: true, isToSend: g.isToSend}
	}
	held := g.word.held() && !w.l.released.Load()
	if held == g.counted {
		return
	}
	step := -1
	if held {
		step = 1
	}
	g.counted = held
	for _, a := range w.table.groups[id].Addresses {
		p := placeOf(a)
		if w.claims[p] += step; w.claims[p] <= 0 {
			delete(w.claims, p)
		}
	}
}

// plan adds what a group needs to ops: the additions or the removals. Neither
// asks the mirror whether it is needed, since the mirror may lag.
func (w *worker) plan(id int, add bool) {
	g := &w.groups[id]
	if g.counted != add || !g.word.given() {
		return
	}
	for _, a := range w.table.groups[id].Addresses {
		p := placeOf(a)
		if add || w.claims[p] == 0 {
			w.ops = append(w.ops, op{group: id, place: p, add: add})
		}
	}
}

// planOrphans removes what a group held that left the configuration.
func (w *worker) planOrphans() {
	for p := range w.orphans {
		if w.claims[p] > 0 {
			delete(w.orphans, p)
			continue
		}
		w.ops = append(w.ops, op{group: -1, place: p})
	}
}

// carryOut sends ops in batches and notes the outcome of each.
func (w *worker) carryOut(ops []op) {
	for len(ops) > 0 {
		taken, sent, extra := w.fill(ops)
		errs := w.requests.flush()
		for _, err := range errs[:extra] {
			if err != nil {
				w.l.log.Warn("set promote_secondaries", "err", err)
			}
		}
		for n, o := range sent {
			w.outcome(o, errs[extra+n])
		}
		ops = ops[taken:]
	}
}

// fill fills a batch from ops. It returns how many of them it has taken, those
// for which there is a request, and how many requests come before theirs.
func (w *worker) fill(ops []op) (taken int, sent []*op, extra int) {
	for ; taken < len(ops) && !w.requests.full(); taken++ {
		o := &ops[taken]
		i := w.mirror.byName[o.place.iface]
		if i == nil {
			if o.add {
				o.err = errNoInterface
			}
			continue
		}
		if o.add && !i.promote && o.place.prefix.Addr().Is4() {
			if len(sent) > 0 {
				break // it goes to the head of the next batch
			}
			w.requests.promoteSecondaries(i.index)
			i.promote = true
			extra++
		}
		w.request(o, i)
		sent = append(sent, o)
	}
	return taken, sent, extra
}

// request appends the request for an op to the batch.
func (w *worker) request(o *op, i *iface) {
	if !o.add {
		w.requests.removeAddress(i.index, o.place.prefix)
		return
	}
	replace := o.took.replace
	o.took = w.manner(i, o.place.prefix)
	o.took.replace = replace
	w.requests.addAddress(o.took)
}

// manner decides how an address is added to an interface.
func (w *worker) manner(i *iface, p netip.Prefix) newAddress {
	a := newAddress{index: i.index, prefix: p, noPrefixRoute: p.IsSingleIP()}
	if p.Addr().Is4() {
		if w.l.old {
			a.label = labelOf(i.name)
		}
		if p.IsSingleIP() {
			a.scope = scopeHost
		}
	}
	if p.IsSingleIP() {
		return a
	}
	for other, known := range i.addrs {
		if known.ours || w.claims[place{i.name, other}] > 0 || other == p || !other.Contains(p.Addr()) {
			continue
		}
		a.noPrefixRoute = true
		if other.Bits() == p.Bits() && p.Addr().Is4() {
			a.scope = known.scope // the kernel refuses two scopes in one prefix
		}
	}
	a.noPrefixRoute = a.noPrefixRoute || w.twinReaches(i, p.Addr())
	return a
}

// twinReaches tells whether the interface below i, which is on the same network,
// has a route to the subnet of an address. A second one beside it would make ours
// the host's source address there, or the way of its packets a matter of luck.
// Routes to link-local addresses are each interface's own.
func (w *worker) twinReaches(i *iface, a netip.Addr) bool {
	below := w.mirror.byIndex[i.twin()]
	if below == nil || a.IsLinkLocalUnicast() {
		return false
	}
	for p, known := range below.addrs {
		if !known.ours && !p.IsSingleIP() && p.Contains(a) && w.claims[place{below.name, p}] == 0 {
			return true
		}
	}
	return false
}

// outcome notes what the kernel answered. An address that is as it should be
// already is no failure.
func (w *worker) outcome(o *op, err error) {
	i := w.mirror.byName[o.place.iface]
	switch {
	case o.add && err == nil:
		o.new = !o.took.replace
		o.err = nil
	case o.add && errors.Is(err, unix.ENODEV):
		o.err = errNoInterface // gone, and the mirror does not know yet
	case o.add:
		o.err = err
	case errors.Is(err, unix.EADDRNOTAVAIL), errors.Is(err, unix.ENODEV):
		o.err = nil
	default:
		o.err = err
	}
	if i == nil || o.err != nil {
		return
	}
	if !o.add && err == nil {
		w.removed[o.place]++
	}
	if !o.add {
		delete(i.addrs, o.place.prefix)
	} else if _, known := i.addrs[o.place.prefix]; !known || o.took.replace {
		i.addrs[o.place.prefix] = address{ours: true, scope: o.took.scope}
	}
}

// takeOver marks those wanted addresses as ours that were there already.
func (w *worker) takeOver() {
	var again []op
	var at []int
	for n := range w.ops {
		o := &w.ops[n]
		if !o.add || !errors.Is(o.err, unix.EEXIST) {
			continue
		}
		o.err = nil
		if i := w.mirror.byName[o.place.iface]; i == nil || i.addrs[o.place.prefix].ours {
			continue
		}
		c := *o
		c.took.replace = true
		again, at = append(again, c), append(at, n)
	}
	w.carryOut(again)
	for n, o := range again {
		w.ops[at[n]] = o
	}
}

// judge reports, for each group that was due, whether the world is as wanted.
func (w *worker) judge() {
	failures := map[int]string{}
	for n := range w.ops {
		o := &w.ops[n]
		switch {
		case o.group < 0 && o.err == nil:
			delete(w.orphans, o.place)
		case o.group < 0:
		case o.err != nil && failures[o.group] == "":
			failures[o.group] = o.explain()
		case o.err == nil && o.add && o.new && w.groups[o.group].once:
			w.l.report(core.AddressRepaired{Group: core.GroupID(o.group), Address: o.place.prefix})
		}
	}
	now := w.l.now()
	for _, id := range w.due {
		w.conclude(id, failures[id], now)
	}
	w.due = w.due[:0]
}

// conclude reports Applied or ApplyFailed of one group, once.
func (w *worker) conclude(id int, failure string, now core.Instant) {
	g := &w.groups[id]
	g.isDue = false
	if !g.word.given() || word(w.table.words[id].Load()) != g.word || w.table != w.l.table.Load() {
		return // replaced meanwhile: the next round says how that went
	}
	switch {
	case g.word.held() && !g.counted:
		g.retryAt = 0 // released at the end: neither applied nor failed
		if failure != "" {
			g.retryAt = now.Add(firstRetry)
		}
	case failure != "":
		g.done = false
		g.backoff = min(max(2*g.backoff, firstRetry), lastRetry)
		g.retryAt = now.Add(g.backoff)
		if failure != g.detail {
			g.detail = failure
			w.l.report(core.ApplyFailed{Group: core.GroupID(id), Generation: g.word.generation(), Detail: failure})
		}
	case !g.done:
		g.done, g.once, g.detail, g.backoff, g.retryAt = true, true, "", 0, 0
		w.l.report(core.Applied{Group: core.GroupID(id), Generation: g.word.generation()})
	default:
		g.detail, g.backoff, g.retryAt = "", 0, 0
	}
}

// explain says what failed, where, and what may help.
func (o *op) explain() string {
	what := fmt.Sprintf("add %s to %s", o.place.prefix, o.place.iface)
	if !o.add {
		what = fmt.Sprintf("remove %s from %s", o.place.prefix, o.place.iface)
	}
	switch {
	case errors.Is(o.err, unix.EPERM):
		return what + ": " + o.err.Error() + " (needs CAP_NET_ADMIN)"
	case errors.Is(o.err, unix.EACCES) && o.place.prefix.Addr().Is6():
		return what + ": " + o.err.Error() + " (IPv6 is switched off there: net.ipv6.conf." + o.place.iface + ".disable_ipv6)"
	}
	return what + ": " + o.err.Error()
}

// yieldPrimary puts our addresses of a prefix behind a stranger's that came
// later: as the first they would be the host's source address there, and would
// take the stranger's with them when they go.
func (w *worker) yieldPrimary(c change) {
	theirs := c.iface.addrs[c.prefix]
	if theirs.ours || !c.prefix.Addr().Is4() || theirs.flags&unix.IFA_F_SECONDARY == 0 || !c.iface.promote {
		return
	}
	var ours []op
	for p, a := range c.iface.addrs {
		at := place{c.iface.name, p}
		if a.ours && w.claims[at] > 0 && p.Masked() == c.prefix.Masked() {
			ours = append(ours, op{group: -1, place: at})
		}
	}
	w.carryOut(ours)
	for n := range ours {
		ours[n].add = true
	}
	w.carryOut(ours)
	for _, o := range ours {
		for _, id := range w.known[o.place] {
			if o.err != nil {
				w.makeDue(id)
			}
		}
	}
}
