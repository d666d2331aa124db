package fence

import (
	"net/netip"

	"stead/internal/core"
)

// none is the fence of a configuration that wants none.
type none struct{}

func (none) Kind() string                   { return KindNone }
func (none) Slot(s core.FenceSlot) error    { return checkSlot(s.Slot) }
func (none) Bind(a Address, slot int) error { return checkBind(a, slot) }
func (none) Unbind(netip.Addr) error        { return nil }
func (none) Bound() []netip.Addr            { return nil }
func (none) Close() error                   { return nil }

func (none) Status() Status {
	return Status{
		Kind:   KindNone,
		Detail: "the lease is enforced by the daemon alone",
		Reason: "the configuration asks for no fence",
	}
}
