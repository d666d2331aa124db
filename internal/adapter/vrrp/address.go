package vrrp

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"stead/internal/adapter/link"
)

// answerWait bounds the wait for the kernel's answer to a request.
const answerWait = 5 * time.Second

// ifaProto is IFA_PROTO (Linux 5.18), which the library does not know.
const ifaProto = 11

// labelSuffix marks a group's IPv4 addresses on kernels without IFA_PROTO, as
// package link sets it.
const labelSuffix = ":stead"

// address is an address of this host.
type address struct {
	index int32
	addr  netip.Addr
	flags uint32
	scope uint8
	ours  bool // it is a group's
}

// readAddress reads a netlink message about an address.
func readAddress(body []byte) (a address, ok bool) {
	if len(body) < unix.SizeofIfAddrmsg {
		return a, false
	}
	a = address{index: int32(native.Uint32(body[4:])), flags: uint32(body[2]), scope: body[3]}
	attrs, err := nl.ParseRouteAttr(body[unix.SizeofIfAddrmsg:])
	if err != nil {
		return a, false
	}
	var local, peer netip.Addr
	for _, at := range attrs {
		switch {
		case at.Attr.Type == unix.IFA_LOCAL:
			local, _ = netip.AddrFromSlice(at.Value)
		case at.Attr.Type == unix.IFA_ADDRESS:
			peer, _ = netip.AddrFromSlice(at.Value)
		case at.Attr.Type == unix.IFA_FLAGS && len(at.Value) == 4:
			a.flags = native.Uint32(at.Value)
		case at.Attr.Type == ifaProto && len(at.Value) == 1:
			a.ours = a.ours || at.Value[0] == link.Mark
		case at.Attr.Type == unix.IFA_LABEL:
			a.ours = a.ours || strings.HasSuffix(unix.ByteSliceToString(at.Value), labelSuffix)
		}
	}
	if a.addr = local; !local.IsValid() {
		a.addr = peer // IPv6 without a peer
	}
	return a, a.addr.IsValid()
}

// usable tells whether packets may come from an address: it is not being checked
// for duplicates, nor found to be one.
func (a address) usable() bool { return a.flags&(unix.IFA_F_TENTATIVE|unix.IFA_F_DADFAILED) == 0 }

// source returns where a router's advertisements come from, given the addresses
// of its family in the kernel's order.
func (r *Router) source(index int32, all []address, now netip.Addr) netip.Addr {
	var best netip.Addr
	rank := 0
	for _, a := range all {
		if n := r.rank(a, index, now); n > rank {
			best, rank = a.addr, n
		}
	}
	return best
}

// rank says how well an address will do, 0 that it will not. Of equal ones the
// kernel's first is the primary one.
func (r *Router) rank(a address, index int32, now netip.Addr) int {
	here, local := a.index == index, r.IPv6 && a.addr.IsLinkLocalUnicast()
	switch {
	case !a.usable():
		return 0
	case r.Source.IsValid():
		if a.addr != r.Source || local && !here {
			return 0
		}
		return 1
	case !here || a.ours || a.scope >= unix.RT_SCOPE_HOST || r.IPv6 && !local:
		return 0
	case r.IPv6 && a.addr == now:
		return 2 // their order says nothing: what serves already is kept
	case !r.IPv6 && a.flags&unix.IFA_F_SECONDARY == 0:
		return 2 // one is secondary to a group's address where that came first
	}
	return 1
}

// kernel asks the kernel for links and addresses.
type kernel struct {
	*netlink.Handle
	sockets map[int]*nl.SocketHandle
}

func openKernel() (*kernel, error) {
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open a netlink socket: %w", err)
	}
	s, err := nl.GetNetlinkSocketAt(netns.None(), netns.None(), unix.NETLINK_ROUTE)
	if err != nil {
		h.Close()
		return nil, fmt.Errorf("open a netlink socket: %w", err)
	}
	k := &kernel{h, map[int]*nl.SocketHandle{unix.NETLINK_ROUTE: {Socket: s}}}
	wait := unix.NsecToTimeval(answerWait.Nanoseconds())
	if err := errors.Join(h.SetSocketTimeout(answerWait), s.SetSendTimeout(&wait), s.SetReceiveTimeout(&wait)); err != nil {
		k.close()
		return nil, fmt.Errorf("bound the wait for netlink: %w", err)
	}
	return k, nil
}

func (k *kernel) close() {
	k.Handle.Close()
	k.sockets[unix.NETLINK_ROUTE].Close()
}

// addresses returns all addresses of a family in the kernel's order, in which the
// first of an interface is its primary one.
func (k *kernel) addresses(f family) ([]address, error) {
	req := nl.NewNetlinkRequest(unix.RTM_GETADDR, unix.NLM_F_DUMP)
	req.Sockets = k.sockets
	req.AddData(nl.NewIfAddrmsg(f.domain()))
	messages, err := req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWADDR)
	// After a change in the middle of it there is a message, and another look.
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	var all []address
	for _, m := range messages {
		if a, ok := readAddress(m); ok && (f == ipv4) == a.addr.Is4() {
			all = append(all, a)
		}
	}
	return all, nil
}
