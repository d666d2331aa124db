package link

import (
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// scopeHost is the scope from which the kernel takes no source address.
const scopeHost = unix.RT_SCOPE_HOST

// forever is an address lifetime without end.
const forever = 0xffffffff

// newAddress is how an address is to be added.
type newAddress struct {
	index         int
	prefix        netip.Prefix
	scope         uint8
	noPrefixRoute bool
	label         string
	replace       bool // take over one that exists
}

// addAddress appends a request to the batch.
func (s *rtnl) addAddress(a newAddress) {
	flags := uint16(unix.NLM_F_CREATE | unix.NLM_F_EXCL)
	if a.replace {
		flags = unix.NLM_F_CREATE | unix.NLM_F_REPLACE
	}
	start := s.begin(unix.RTM_NEWADDR, flags)
	s.addressHeader(a.index, a.prefix, a.scope)
	var f uint32
	if a.noPrefixRoute {
		f |= unix.IFA_F_NOPREFIXROUTE
	}
	if a.prefix.Addr().Is6() {
		f |= unix.IFA_F_NODAD
		var lifetimes [16]byte // preferred, valid, created, updated
		native.PutUint32(lifetimes[4:], forever)
		s.attr(unix.IFA_CACHEINFO, lifetimes[:])
	} else if a.label != "" {
		s.attr(unix.IFA_LABEL, append([]byte(a.label), 0))
	}
	s.attr32(unix.IFA_FLAGS, f)
	if a.label == "" {
		s.attr(ifaProto, []byte{Mark})
	}
	s.end(start)
}

// removeAddress appends a request to the batch.
func (s *rtnl) removeAddress(index int, prefix netip.Prefix) {
	start := s.begin(unix.RTM_DELADDR, 0)
	s.addressHeader(index, prefix, 0)
	s.end(start)
}

// addressHeader appends what names an address: the header, IFA_LOCAL and IFA_ADDRESS.
func (s *rtnl) addressHeader(index int, prefix netip.Prefix, scope uint8) {
	family := byte(unix.AF_INET)
	if prefix.Addr().Is6() {
		family = unix.AF_INET6
	}
	s.buf = append(s.buf, family, byte(prefix.Bits()), 0, scope)
	s.buf = native.AppendUint32(s.buf, uint32(index))
	if family == unix.AF_INET {
		a := prefix.Addr().As4()
		s.attr(unix.IFA_LOCAL, a[:])
		s.attr(unix.IFA_ADDRESS, a[:])
		return
	}
	a := prefix.Addr().As16()
	s.attr(unix.IFA_LOCAL, a[:])
	s.attr(unix.IFA_ADDRESS, a[:])
}

// promoteSecondaries appends a request to set promote_secondaries of an
// interface. The way through /proc would spin on a thread with real-time
// priority while another holds the routing lock; this one sleeps.
func (s *rtnl) promoteSecondaries(index int) {
	start := s.begin(unix.RTM_SETLINK, 0)
	s.buf = append(s.buf, make([]byte, unix.SizeofIfInfomsg)...)
	native.PutUint32(s.buf[start+unix.SizeofNlMsghdr+4:], uint32(index))
	spec := s.nest(unix.IFLA_AF_SPEC)
	family := s.nest(unix.AF_INET)
	conf := s.nest(inetConf)
	s.attr32(devconf4PromoteSecondaries, 1)
	s.endAttr(conf)
	s.endAttr(family)
	s.endAttr(spec)
	s.end(start)
}

// labelOf returns the label that marks an IPv4 address of ours on an interface.
// The name is cut short where it leaves no room.
func labelOf(name string) string {
	return name[:min(len(name), maxInterfaceName-len(labelSuffix))] + labelSuffix
}

func isLabel(label string) bool { return strings.HasSuffix(label, labelSuffix) }

// kernelKnowsAddressProtocol reports whether IFA_PROTO is kept (Linux 5.18).
// An older kernel ignores it without a word.
func kernelKnowsAddressProtocol() bool {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return false
	}
	major, rest, _ := strings.Cut(unix.ByteSliceToString(u.Release[:]), ".")
	minor := rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789"))]
	a, _ := strconv.Atoi(major)
	b, _ := strconv.Atoi(minor)
	return a > 5 || a == 5 && b >= 18
}
