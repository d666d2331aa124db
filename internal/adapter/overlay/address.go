package overlay

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// AddressMark is the IFA_PROTO value of the addresses that nodes themselves have
// in an overlay. It is not that of the groups' addresses: theirs move, these stay.
const AddressMark = 84

// ifaProto is IFA_PROTO (Linux 5.18), which the library does not know.
const ifaProto = 11

// requests sends what the library has no function for, on a socket of its own.
type requests struct {
	sockets map[int]*nl.SocketHandle
}

func openRequests() (*requests, error) {
	s, err := nl.GetNetlinkSocketAt(netns.None(), netns.None(), unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open a netlink socket: %w", err)
	}
	wait := unix.NsecToTimeval(answerWait.Nanoseconds())
	if err := errors.Join(s.SetSendTimeout(&wait), s.SetReceiveTimeout(&wait)); err != nil {
		s.Close()
		return nil, fmt.Errorf("bound the wait for netlink: %w", err)
	}
	return &requests{sockets: map[int]*nl.SocketHandle{unix.NETLINK_ROUTE: {Socket: s}}}, nil
}

func (r *requests) close() { r.sockets[unix.NETLINK_ROUTE].Close() }

func (r *requests) start(kind, flags int) *nl.NetlinkRequest {
	req := nl.NewNetlinkRequest(kind, flags)
	req.Sockets = r.sockets
	return req
}

// addresses returns the addresses of an interface and their IFA_PROTO.
func (r *requests) addresses(index int) (map[netip.Prefix]byte, error) {
	req := r.start(unix.RTM_GETADDR, unix.NLM_F_DUMP)
	req.AddData(nl.NewIfAddrmsg(unix.AF_UNSPEC))
	messages, err := req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWADDR)
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	all := map[netip.Prefix]byte{}
	for _, m := range messages {
		header := nl.DeserializeIfAddrmsg(m)
		if int(header.Index) != index {
			continue
		}
		attrs, err := nl.ParseRouteAttr(m[header.Len():])
		if err != nil {
			return nil, fmt.Errorf("list addresses: %w", err)
		}
		var local, address netip.Addr
		var proto byte
		for _, a := range attrs {
			switch {
			case a.Attr.Type == unix.IFA_LOCAL:
				local, _ = netip.AddrFromSlice(a.Value)
			case a.Attr.Type == unix.IFA_ADDRESS:
				address, _ = netip.AddrFromSlice(a.Value)
			case a.Attr.Type == ifaProto && len(a.Value) == 1:
				proto = a.Value[0]
			}
		}
		if !local.IsValid() {
			local = address
		}
		all[netip.PrefixFrom(local, int(header.Prefixlen))] = proto
	}
	return all, nil
}

// change adds or removes an address, with our mark.
func (r *requests) change(kind, flags, index int, p netip.Prefix) error {
	req := r.start(kind, flags|unix.NLM_F_ACK)
	family := unix.AF_INET
	if p.Addr().Is6() {
		family = unix.AF_INET6
	}
	header := nl.NewIfAddrmsg(family)
	header.Index, header.Prefixlen = uint32(index), uint8(p.Bits())
	req.AddData(header)
	req.AddData(nl.NewRtAttr(unix.IFA_LOCAL, p.Addr().AsSlice()))
	req.AddData(nl.NewRtAttr(unix.IFA_ADDRESS, p.Addr().AsSlice()))
	if family == unix.AF_INET6 {
		// Each node's address is its own by configuration; duplicate address
		// detection would keep it unusable for a second.
		req.AddData(nl.NewRtAttr(unix.IFA_FLAGS, nl.Uint32Attr(unix.IFA_F_NODAD)))
	}
	req.AddData(nl.NewRtAttr(ifaProto, []byte{AddressMark}))
	_, err := req.Execute(unix.NETLINK_ROUTE, 0)
	return err
}

// settleAddress gives a device its own address and takes from it those that were its own.
func (r *requests) settleAddress(index int, d device) (done []string, err error) {
	have, err := r.addresses(index)
	if err != nil {
		return nil, err
	}
	for p, mark := range have {
		if mark != AddressMark || p == d.address {
			continue
		}
		if err := r.change(unix.RTM_DELADDR, 0, index, p); err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
			return done, fmt.Errorf("remove %s from %s: %w", p, d.name, advise(err))
		}
		done = append(done, fmt.Sprintf("address %s removed", p))
	}
	if _, ok := have[d.address]; ok || !d.address.IsValid() {
		return done, nil
	}
	if err := r.change(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_REPLACE, index, d.address); err != nil {
		return done, fmt.Errorf("add %s to %s: %w", d.address, d.name, advise(err))
	}
	return append(done, fmt.Sprintf("address %s added", d.address)), nil
}
