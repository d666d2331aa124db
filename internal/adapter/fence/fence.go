package fence

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"stead/internal/config"
	"stead/internal/core"
)

// The kinds of fence, as Kind, status and metrics name them.
const (
	KindKernel = "kernel"
	KindGuard  = "guard"
	KindNone   = "none"
)

// Fence decides, below the daemon, whether the host answers for an address.
type Fence interface {
	// Kind is KindKernel, KindGuard or KindNone.
	Kind() string

	// Slot moves a slot's deadlines. It is the hot path: a few stores, no
	// allocation, and no system call but where a guard has to be woken.
	// It refuses slot 0, which is never open, and slots beyond core.FenceSlots.
	Slot(core.FenceSlot) error

	// Bind puts an address under a slot, in place of the one it was under.
	// Under slot 0 it is closed.
	Bind(addr Address, slot int) error

	// Unbind takes an address out of the fence: nothing holds it back any more.
	// An address that is not bound is no error.
	Unbind(addr netip.Addr) error

	// Bound lists the bound addresses in order, those included that an earlier
	// run left behind (they are under slot 0). Once such an address is known to
	// be off every interface, the owner unbinds it.
	Bound() []netip.Addr

	// Status is for people and metrics.
	Status() Status

	// Close ends the work of the fence in this process. Where an address is
	// still bound, its deadline goes on being enforced. Nothing but Status is to
	// be called afterwards.
	Close() error
}

// Address is a service address and where it lives.
type Address struct {
	Prefix    netip.Prefix
	Interface string
}

// Status is what a fence can tell about itself. Counters only grow.
type Status struct {
	Kind     string         `json:"kind"`
	Detail   string         `json:"detail"`             // how it is attached, in words
	Reason   string         `json:"reason,omitempty"`   // why it is not the kernel fence, in one sentence
	Attached []string       `json:"attached,omitempty"` // interfaces, sorted
	Bound    int            `json:"bound"`              // addresses
	Adopted  bool           `json:"adopted,omitempty"`  // an earlier run's programs were found at start
	Problems []string       `json:"problems,omitempty"` // what is degraded now, sorted
	Dropped  DropCounters   `json:"dropped"`
	Repairs  RepairCounters `json:"repairs"`
	Removed  RemoveCounters `json:"removed"`
}

// DropCounters count frames that the kernel fence held back.
type DropCounters struct {
	ARP          uint64 `json:"arp"`           // requests for a closed address
	Solicitation uint64 `json:"solicitation"`  // IPv6 neighbour solicitations for one
	Packet       uint64 `json:"packet"`        // packets to one
	SentNeighbor uint64 `json:"sent_neighbor"` // ARP and neighbour discovery that the host would have sent from one
	SentPacket   uint64 `json:"sent_packet"`   // packets that the host would have sent from one
}

// RepairCounters count what a stranger had undone.
type RepairCounters struct {
	Attachments uint64 `json:"attachments"` // programs that were attached again
	Guards      uint64 `json:"guards"`      // guards that were started again
}

// RemoveCounters count what the guard did.
type RemoveCounters struct {
	Addresses uint64        `json:"addresses"`       // taken off their interfaces
	Failed    uint64        `json:"failed"`          // attempts that the kernel refused
	Latest    time.Duration `json:"max_lateness_ns"` // the longest time from a deadline to a removal
}

// Options of Open. The zero value is what a daemon wants.
type Options struct {
	Attach     AttachMethod  // how the kernel fence is attached
	CheckEvery time.Duration // of the kernel fence's attachments; 0 means a second
	Guard      []string      // the command line of a guard; nil means this program's own verb
}

// Open builds the fence that mode asks for. In the auto mode it is the kernel
// fence, or a guard where that cannot be had: Status().Reason then says why.
func Open(mode config.FenceMode, opts Options) (Fence, error) {
	switch mode {
	case config.FenceNone:
		return none{}, nil
	case config.FenceGuard:
		return openGuard(opts, "the configuration asks for the guard")
	case config.FenceKernel:
		k, err := openKernel(opts)
		if err != nil {
			return nil, fmt.Errorf("kernel fence: %w", explain(err))
		}
		return k, nil
	case config.FenceAuto, "":
		k, err := openKernel(opts)
		if err == nil {
			return k, nil
		}
		reason := fmt.Errorf("no kernel fence: %w", explain(err))
		g, guardErr := openGuard(opts, reason.Error())
		if guardErr != nil {
			return nil, errors.Join(reason, guardErr)
		}
		return g, nil
	}
	return nil, fmt.Errorf("fence: mode %q is not one of auto, kernel, guard, none", mode)
}

// checkSlot refuses a slot that cannot be opened.
func checkSlot(slot int) error {
	if slot <= 0 || slot >= core.FenceSlots {
		return errSlot
	}
	return nil
}

// checkBind refuses what cannot be bound.
func checkBind(addr Address, slot int) error {
	if !addr.Prefix.IsValid() {
		return errors.New("bind: not an address")
	}
	if slot < 0 || slot >= core.FenceSlots {
		return fmt.Errorf("bind %s: slot %d is not in 0–%d", addr.Prefix.Addr(), slot, core.FenceSlots-1)
	}
	return nil
}

// errSlot is one value, so that the hot path does not allocate.
var errSlot = fmt.Errorf("slot is not in 1–%d", core.FenceSlots-1)

// deadline is an Instant as shared memory has it. What is not after boot is closed.
func deadline(at core.Instant) uint64 {
	if at <= 0 {
		return 0
	}
	return uint64(at)
}
