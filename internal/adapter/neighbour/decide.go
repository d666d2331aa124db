package neighbour

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

const (
	looksWaiting = 2   // in a row, before the kernel is made to ask again
	asksInARow   = 600 // before the kernel is left to its own pace: a minute
	tellPrograms = 30  // of so many requests one says that the host is not reached
)

// hop is a next hop of heartbeats.
type hop struct {
	index   int32 // of the interface
	addr    netip.Addr
	running bool // the interface had a carrier when it was last heard of
	looks   int  // in a row at an entry that waits
	asks    int  // since there was an answer
}

func (h *hop) is(index int32, addr netip.Addr) bool { return h.index == index && h.addr == addr }

// decide takes the state of the entry as the kernel has it (NUD_…) and tells
// whether the kernel is to ask again, and to which state the entry goes before it.
func (h *hop) decide(state uint16) (next uint16, again bool) {
	switch state {
	case unix.NUD_INCOMPLETE:
		h.looks++
	case unix.NUD_FAILED, unix.NUD_NONE:
		// The next heartbeat has the kernel ask.
		h.looks = 0
		return 0, false
	default:
		h.looks, h.asks = 0, 0
		return 0, false
	}
	if h.looks < looksWaiting || h.asks == asksInARow {
		return 0, false
	}
	h.looks = 0
	h.asks++
	if h.asks%tellPrograms == 0 {
		return unix.NUD_FAILED, true
	}
	return unix.NUD_NONE, true
}
