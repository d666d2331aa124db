package probe

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// ifaceProbe looks whether an interface is up and operational, which includes
// its carrier (IFF_RUNNING, netdevice(7)). It asks by ioctl: one system call, and
// unlike /sys it always sees the network namespace of this process.
type ifaceProbe struct {
	name   string
	socket int
	ifreq  *unix.Ifreq
}

func newInterface(t Target) (Probe, error) {
	ifreq, err := unix.NewIfreq(t.Check.Target)
	if err != nil || t.Check.Target == "" {
		return Probe{}, fmt.Errorf("%q: not a name of an interface", t.Check.Target)
	}
	p := &ifaceProbe{name: t.Check.Target, socket: -1, ifreq: ifreq}
	return Probe{Run: p.run, Close: p.close}, nil
}

func (p *ifaceProbe) close() {
	if p.socket >= 0 {
		_ = unix.Close(p.socket)
		p.socket = -1
	}
}

func (p *ifaceProbe) run(context.Context, time.Time) Result {
	if p.socket < 0 {
		socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return notRun(os.NewSyscallError("socket", err).Error())
		}
		p.socket = socket
	}
	err := unix.IoctlIfreq(p.socket, unix.SIOCGIFFLAGS, p.ifreq)
	switch flags := p.ifreq.Uint16(); {
	case errors.Is(err, unix.ENODEV):
		return failed("no interface " + p.name)
	case err != nil:
		return notRun(os.NewSyscallError("ioctl", err).Error())
	case flags&unix.IFF_UP == 0:
		return failed(p.name + " is administratively down")
	case flags&unix.IFF_RUNNING == 0:
		return failed(p.name + " has no carrier")
	default:
		return passed()
	}
}
