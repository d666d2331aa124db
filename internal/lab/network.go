package lab

// network is what a trial needs of the hosts and of what connects them.
type network interface {
	Host(name string) *Host
	Hosts() []*Host
	Cut(h *Host) error
	Blackhole(h *Host) error
	OneWay(h *Host) error
	Partition(a, b *Host) error
	Heal() error
	Close()
}

// hosts are those of a network, in the order in which they were named.
type hosts []*Host

// Host returns the host with this name. There is one, or the caller has an error in its code.
func (list hosts) Host(name string) *Host {
	for _, h := range list {
		if h.Name == name {
			return h
		}
	}
	panic("no host " + name + " in this network")
}

// Hosts are all hosts, in the order in which they were named.
func (list hosts) Hosts() []*Host { return list }
