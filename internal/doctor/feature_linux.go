package doctor

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"stead/internal/adapter/fence"
	"stead/internal/config"
)

// tryKernel tries what the daemon asks of the kernel on a thread that is in a
// network namespace of its own. Both end with it; no running daemon notices.
func tryKernel() (f Features) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never given back: the thread ends with the namespace
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			f.Untried = fmt.Errorf("make a network namespace to try it in: %w (needs CAP_SYS_ADMIN)", err)
			return
		}
		f.VXLAN = tryVXLAN("doctor4", net.IPv4(127, 0, 0, 1))
		f.VXLAN6 = tryVXLAN("doctor6", net.IPv6loopback)
		f.Protocol = tryProtocol()
		f.FenceHow, f.Fence = tryFence()
	}()
	<-done
	return f
}

func tryVXLAN(name string, local net.IP) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	device := &netlink.Vxlan{LinkAttrs: attrs, VxlanId: 1, Port: 4789, SrcAddr: local, Learning: true}
	if err := netlink.LinkAdd(device); err != nil {
		return fmt.Errorf("make a vxlan device: %w", err)
	}
	return netlink.LinkDel(device)
}

// tryFence opens the daemon's fence for this namespace, which has an interface to
// attach it to. Programs are attached to the interfaces of the namespace only.
func tryFence() (how string, err error) {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "doctor"
	if err := netlink.LinkAdd(&netlink.Bridge{LinkAttrs: attrs}); err != nil {
		if err := netlink.LinkAdd(&netlink.Dummy{LinkAttrs: attrs}); err != nil {
			return "", fmt.Errorf("make an interface to try it on: %w", err)
		}
	}
	f, err := fence.Open(config.FenceKernel, fence.Options{})
	if err != nil {
		return "", err
	}
	s := f.Status()
	if len(s.Attached) == 0 || len(s.Problems) > 0 {
		err = fmt.Errorf("attached to %v: %s", s.Attached, strings.Join(s.Problems, "; "))
	}
	return s.Detail, errors.Join(err, f.Close())
}

const (
	ifaProto = 11 // IFA_PROTO (linux/if_addr.h), since Linux 5.18
	ourProto = 0x57
)

// tryProtocol adds an address with a mark and looks whether the mark is there.
func tryProtocol() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	request := nl.NewNetlinkRequest(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_ACK)
	message := nl.NewIfAddrmsg(unix.AF_INET)
	message.Prefixlen, message.Index = 32, uint32(lo.Attrs().Index)
	request.AddData(message)
	for _, kind := range []int{unix.IFA_LOCAL, unix.IFA_ADDRESS} {
		request.AddData(nl.NewRtAttr(kind, []byte{127, 0, 0, 2}))
	}
	request.AddData(nl.NewRtAttr(ifaProto, []byte{ourProto}))
	if _, err := request.Execute(unix.NETLINK_ROUTE, 0); err != nil {
		return fmt.Errorf("add a marked address: %w", err)
	}
	request = nl.NewNetlinkRequest(unix.RTM_GETADDR, unix.NLM_F_DUMP)
	request.AddData(nl.NewIfInfomsg(unix.AF_INET))
	messages, err := request.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWADDR)
	if err != nil {
		return fmt.Errorf("read it back: %w", err)
	}
	for _, m := range messages {
		if len(m) < unix.SizeofIfAddrmsg {
			continue
		}
		attributes, err := nl.ParseRouteAttr(m[unix.SizeofIfAddrmsg:])
		if err != nil {
			return fmt.Errorf("read it back: %w", err)
		}
		for _, a := range attributes {
			if a.Attr.Type == ifaProto && len(a.Value) == 1 && a.Value[0] == ourProto {
				return nil
			}
		}
	}
	return errors.New("a mark (IFA_PROTO) is not kept")
}
