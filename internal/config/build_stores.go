package config

// stores takes the places that several nodes or sites reach.
func (b *builder) stores(v *value) {
	for _, e := range sorted(v) {
		if e.value.ok() {
			b.cfg.Stores = append(b.cfg.Stores, Store{
				Name:    e.name,
				URL:     or(e.value.get("url"), ""),
				Timeout: or(e.value.get("timeout"), defaultStoreTimeout),
			})
		}
	}
}

// namesStore is the store that v names, which has to be there.
func (b *builder) namesStore(v *value) string {
	name := or(v, "")
	if name != "" {
		b.knowsStore(v, name)
	}
	return name
}

// knowsStore refuses a name that is not among the stores; v is where it stands.
func (b *builder) knowsStore(v *value, name string) {
	b.inUse[name] = true
	known := b.top.get("stores")
	if known != nil && !known.ok() || known.get(name) != nil {
		return
	}
	names := make([]string, 0, len(b.cfg.Stores))
	for i := range b.cfg.Stores {
		names = append(names, b.cfg.Stores[i].Name)
	}
	if len(names) == 0 {
		b.about(v, "is not a store", "the name of a store", "add stores: { "+name+": { url: \"folder:/mnt/share/stead\" } }")
		return
	}
	b.about(v, "is not a store", "one of "+listed(names), didYouMean(name, names))
}

// idleStores notes what nothing is kept in.
func (b *builder) idleStores(v *value) {
	for _, e := range sorted(v) {
		if !b.inUse[e.name] {
			b.notes.at(e.key, v.place(), "store \""+e.name+"\" is used by nothing", "", "name it in an election, in gate or in a check, or remove it")
		}
	}
}
