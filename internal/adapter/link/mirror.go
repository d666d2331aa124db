package link

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// Places in the kernel's lists of settings by interface.
const (
	devconf4PromoteSecondaries = 20 // IPV4_DEVCONF_PROMOTE_SECONDARIES, counted from 1
	devconf6Forwarding         = 0  // DEVCONF_FORWARDING, counted from 0
	linkInfoKind               = 1  // IFLA_INFO_KIND
	inetConf                   = 1  // IFLA_INET_CONF
	inet6Conf                  = 2  // IFLA_INET6_CONF
	netconfInterface           = 1  // NETCONFA_IFINDEX
	netconfForwarding          = 2  // NETCONFA_FORWARDING
	ifaProto                   = 11 // IFA_PROTO
)

// Operational states (RFC 2863, linux/if.h).
const (
	operUnknown = 0
	operUp      = 6
)

// mirror is what the kernel has told of its links and addresses. It may lag
// behind the kernel: what is written does not depend on it being exact.
type mirror struct {
	byIndex map[int]*iface
	byName  map[string]*iface
}

type iface struct {
	index   int
	name    string
	mac     [6]byte
	hasMAC  bool
	flags   uint32
	oper    uint8
	carrier bool
	changes uint32 // of the carrier, as the kernel counts them
	router  bool   // forwards IPv6
	promote bool   // promote_secondaries is set
	addrs   map[netip.Prefix]address

	kind  string // as the kernel calls its driver; empty: hardware
	below int    // number of the interface below it, in this host; 0: none
}

// twin is the number of an interface that is on the same network: that below a
// device with a MAC address of its own. 0: none.
func (i *iface) twin() int {
	if i.kind == "macvlan" {
		return i.below
	}
	return 0
}

// address is what is known of an address on an interface.
type address struct {
	ours  bool
	flags uint32
	scope uint8
}

// up is whether packets can go through. An interface that does not say is up.
func (i *iface) up() bool {
	return i != nil && i.flags&unix.IFF_UP != 0 && i.carrier && (i.oper == operUp || i.oper == operUnknown)
}

// announces is whether neighbours on the interface learn where an address is.
func (i *iface) announces() bool {
	return i.up() && i.hasMAC && i.flags&(unix.IFF_LOOPBACK|unix.IFF_NOARP|unix.IFF_POINTOPOINT) == 0
}

// change is one thing that a message has told.
type change struct {
	kind   changeKind
	iface  *iface
	prefix netip.Prefix
}

type changeKind uint8

const (
	nothing changeKind = iota
	linkNew            // new, renamed or changed
	linkGone
	addrNew
	addrGone
)

func newMirror() *mirror {
	return &mirror{byIndex: map[int]*iface{}, byName: map[string]*iface{}}
}

// read fills a mirror from dumps.
func (m *mirror) read(s *rtnl) error {
	each := func(kind uint16, body []byte) { m.hear(kind, body) }
	if err := s.dump(unix.RTM_GETLINK, make([]byte, unix.SizeofIfInfomsg), each); err != nil {
		return err
	}
	return s.dump(unix.RTM_GETADDR, make([]byte, unix.SizeofIfAddrmsg), each)
}

// hear takes in a message of the kernel.
func (m *mirror) hear(kind uint16, body []byte) change {
	switch kind {
	case unix.RTM_NEWLINK, unix.RTM_DELLINK:
		// Messages of the bridge family are about a bridge's port, not about the link.
		if len(body) < unix.SizeofIfInfomsg || body[0] != unix.AF_UNSPEC {
			return change{}
		}
		if kind == unix.RTM_DELLINK {
			return m.forgetLink(int(native.Uint32(body[4:])))
		}
		return m.hearLink(body)
	case unix.RTM_NEWADDR, unix.RTM_DELADDR:
		if len(body) < unix.SizeofIfAddrmsg {
			return change{}
		}
		return m.hearAddress(kind == unix.RTM_NEWADDR, body)
	case unix.RTM_NEWNETCONF:
		m.hearNetconf(body)
	}
	return change{}
}

func (m *mirror) forgetLink(index int) change {
	i := m.byIndex[index]
	if i == nil {
		return change{}
	}
	delete(m.byIndex, index)
	if m.byName[i.name] == i {
		delete(m.byName, i.name)
	}
	return change{kind: linkGone, iface: i}
}

func (m *mirror) hearLink(body []byte) change {
	index := int(native.Uint32(body[4:]))
	i := m.byIndex[index]
	if i == nil {
		i = &iface{index: index, addrs: map[netip.Prefix]address{}}
		m.byIndex[index] = i
	}
	i.flags = native.Uint32(body[8:])
	i.carrier = true
	name, elsewhere := i.name, false
	i.below = 0
	eachAttr(body[unix.SizeofIfInfomsg:], func(kind uint16, v []byte) {
		switch {
		case kind == unix.IFLA_IFNAME && len(v) > 0:
			name = unix.ByteSliceToString(v)
		case kind == unix.IFLA_ADDRESS:
			if i.hasMAC = len(v) == 6; i.hasMAC {
				i.mac = [6]byte(v)
			}
		case kind == unix.IFLA_OPERSTATE && len(v) == 1:
			i.oper = v[0]
		case kind == unix.IFLA_CARRIER && len(v) == 1:
			i.carrier = v[0] != 0
		case kind == unix.IFLA_CARRIER_CHANGES && len(v) == 4:
			i.changes = native.Uint32(v)
		case kind == unix.IFLA_LINK && len(v) == 4:
			i.below = int(int32(native.Uint32(v)))
		case kind == unix.IFLA_LINK_NETNSID:
			elsewhere = true
		case kind == unix.IFLA_LINKINFO:
			i.hearKind(v)
		case kind == unix.IFLA_AF_SPEC:
			i.hearFamilies(v)
		}
	})
	if elsewhere {
		i.below = 0
	}
	if name != i.name {
		if m.byName[i.name] == i {
			delete(m.byName, i.name)
		}
		i.name = name
	}
	m.byName[name] = i
	return change{kind: linkNew, iface: i}
}

// hearKind reads the driver of IFLA_LINKINFO.
func (i *iface) hearKind(b []byte) {
	eachAttr(b, func(kind uint16, v []byte) {
		if kind == linkInfoKind {
			i.kind = unix.ByteSliceToString(v)
		}
	})
}

// hearFamilies reads the settings by address family of IFLA_AF_SPEC.
func (i *iface) hearFamilies(b []byte) {
	eachAttr(b, func(family uint16, v []byte) {
		eachAttr(v, func(kind uint16, conf []byte) {
			switch {
			case family == unix.AF_INET && kind == inetConf && len(conf) >= 4*devconf4PromoteSecondaries:
				i.promote = native.Uint32(conf[4*(devconf4PromoteSecondaries-1):]) != 0
			case family == unix.AF_INET6 && kind == inet6Conf && len(conf) >= 4:
				i.router = native.Uint32(conf[4*devconf6Forwarding:]) != 0
			}
		})
	})
}

// hearNetconf learns that a host has become a router, or stopped being one.
func (m *mirror) hearNetconf(body []byte) {
	if len(body) < 4 || body[0] != unix.AF_INET6 {
		return
	}
	index, forwarding := 0, -1
	eachAttr(body[4:], func(kind uint16, v []byte) {
		switch {
		case kind == netconfInterface && len(v) == 4:
			index = int(int32(native.Uint32(v)))
		case kind == netconfForwarding && len(v) == 4:
			forwarding = int(native.Uint32(v))
		}
	})
	if i := m.byIndex[index]; i != nil && forwarding >= 0 {
		i.router = forwarding != 0
	}
}

func (m *mirror) hearAddress(added bool, body []byte) change {
	i := m.byIndex[int(native.Uint32(body[4:]))]
	if i == nil {
		return change{}
	}
	a := address{flags: uint32(body[2]), scope: body[3]}
	var local, remote netip.Addr
	eachAttr(body[unix.SizeofIfAddrmsg:], func(kind uint16, v []byte) {
		switch {
		case kind == unix.IFA_LOCAL:
			local, _ = netip.AddrFromSlice(v)
		case kind == unix.IFA_ADDRESS:
			remote, _ = netip.AddrFromSlice(v)
		case kind == unix.IFA_FLAGS && len(v) == 4:
			a.flags = native.Uint32(v)
		case kind == ifaProto && len(v) == 1:
			a.ours = a.ours || v[0] == Mark
		case kind == unix.IFA_LABEL:
			a.ours = a.ours || isLabel(unix.ByteSliceToString(v))
		}
	})
	if !local.IsValid() {
		local = remote // IPv6 without a peer
	}
	prefix := netip.PrefixFrom(local, int(body[1]))
	if !prefix.IsValid() {
		return change{}
	}
	if added {
		i.addrs[prefix] = a
		return change{kind: addrNew, iface: i, prefix: prefix}
	}
	delete(i.addrs, prefix)
	return change{kind: addrGone, iface: i, prefix: prefix}
}
