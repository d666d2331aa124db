package sim

// faultInStore begins or ends a fault of the store or of the ways to it.
func (w *World) faultInStore(f *Fault, by int) {
	s := w.store
	if s == nil {
		return
	}
	switch f.Kind {
	case StoreFrozen:
		s.frozen += by
		if s.frozen == 0 {
			w.storeThaws()
		}
		w.storeChanged(1<<len(w.hosts) - 1)
		return
	case StoreWiped:
		reg := len(s.registers) - 1
		if w.group(f.Group).Right != nil {
			reg = f.Group
		}
		s.registers[reg].there, s.registers[reg].value = false, nil
		s.wiped = true
		w.storeChanged(1<<len(w.hosts) - 1)
		return
	}
	mask := f.Mask
	if mask == 0 {
		mask = 1 << f.Node
	}
	for id := range s.ways {
		if mask>>id&1 == 1 {
			s.ways[id].worsen(f, by)
		}
	}
	w.storeChanged(mask)
}

func (y *storeWay) worsen(f *Fault, by int) {
	switch f.Kind {
	case StoreCut:
		y.cuts += by
		if f.Amount > 0 {
			y.refusals += by
		}
	case StoreFlaky:
		y.flaky += by * f.Amount
		y.late = max(y.late, f.Extra)
	case StoreSlow:
		if by > 0 {
			y.extra += f.Extra
		} else {
			y.extra -= f.Extra
		}
	}
}

// storeThaws has the store do all that waits, in the order in which it came.
func (w *World) storeThaws() {
	waiting := w.store.waiting
	w.store.waiting = nil
	for _, n := range waiting {
		w.queue.push(entry{at: w.now, what: atStoreArrive, a: n})
	}
}

// storeChanged takes note that hosts reach the store in another way than before.
func (w *World) storeChanged(hosts uint64) {
	w.unsound(hosts)
	w.resettle(hosts)
}

// storeClean tells whether nothing is wrong with a host's way to the store.
func (w *World) storeClean(id int) bool {
	way := &w.store.ways[id]
	return w.store.frozen == 0 && way.cuts == 0 && way.flaky == 0 && way.extra == 0
}

// storeCut tells whether nothing that a host asks the store for has an effect.
func (w *World) storeCut(id int) bool { return w.store.frozen > 0 || w.store.ways[id].cuts > 0 }
