package vrrp

import (
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Counters count packets since Open. They only grow.
type Counters struct {
	Received  uint64 // packets of protocol 112
	Malformed uint64 // of those: too short, or the IP header does not fit
	Strangers uint64 // of those: no router of ours has the VRID on the interface
	Sent      uint64
	Lost      Lost
}

// Lost counts advertisements that were not sent, by why.
type Lost struct {
	NoInterface uint64 // the interface is not there
	Unreachable uint64 // it is down, there is no route, or the source is not on this host
	NoBuffer    uint64 // a queue is full
	Refused     uint64 // a packet filter forbids it
	Other       uint64
}

type counts struct {
	received, malformed, strangers, sent                                   atomic.Uint64
	lostNoInterface, lostUnreachable, lostNoBuffer, lostRefused, lostOther atomic.Uint64
}

// Counters may be called from any goroutine.
func (s *Set) Counters() Counters {
	c := &s.counts
	return Counters{
		Received: c.received.Load(), Malformed: c.malformed.Load(), Strangers: c.strangers.Load(), Sent: c.sent.Load(),
		Lost: Lost{
			NoInterface: c.lostNoInterface.Load(), Unreachable: c.lostUnreachable.Load(), NoBuffer: c.lostNoBuffer.Load(),
			Refused: c.lostRefused.Load(), Other: c.lostOther.Load(),
		},
	}
}

// count counts what became of an advertisement.
func (s *Set) count(errno unix.Errno) {
	switch errno {
	case 0:
		s.counts.sent.Add(1)
	case unix.ENODEV, unix.ENXIO:
		s.counts.lostNoInterface.Add(1)
	case unix.ENETDOWN, unix.ENETUNREACH, unix.EHOSTUNREACH, unix.EADDRNOTAVAIL, unix.EINVAL:
		s.counts.lostUnreachable.Add(1)
	case unix.EAGAIN, unix.ENOBUFS, unix.ENOMEM:
		s.counts.lostNoBuffer.Add(1)
	case unix.EPERM, unix.EACCES:
		s.counts.lostRefused.Add(1)
	default:
		s.counts.lostOther.Add(1)
	}
}
