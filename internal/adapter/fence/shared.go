package fence

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"stead/internal/core"
)

// shared is the memory that the daemon and its guard have in common. The daemon
// writes deadlines and bindings, the guard what it did. Every field is one word
// and atomic: neither ever waits for the other.
type shared struct {
	magic    atomic.Uint64
	wakeAt   atomic.Uint64 // when the guard looks next; whoever wants it earlier wakes it
	stopping atomic.Uint32 // the daemon ended in order and nothing is bound
	realtime atomic.Uint32 // the guard got real-time priority
	locked   atomic.Uint32 // the guard locked its memory
	used     atomic.Uint32 // bindings from here on were never used
	process  atomic.Uint64 // of the guard

	removed atomic.Uint64 // addresses
	failed  atomic.Uint64 // attempts that the kernel refused
	latest  atomic.Uint64 // nanoseconds, the longest from a deadline to a removal

	slots    slotTable
	closings [core.FenceSlots]atomic.Uint64 // how often each slot was closed after it had been open
	bindings [maxAddresses]binding
}

// binding is an address under a slot, or a free place. Its other fields change
// only while it is free; a reader takes them as valid where the word is the same
// before and after.
//
// The word has what a guard must not miss, however late it looks:
//
//	slot 16 bits: freeSlot in a free place
//	closings 24 bits: of that slot, when the address came under it
//	left 1 bit: the slot that the address was under before had been open
//	generation 23 bits: how often the place was filled
type binding struct {
	word   atomic.Uint64
	addr   [2]atomic.Uint64
	name   [2]atomic.Uint64 // of the interface, as in struct ifreq
	prefix atomic.Uint64    // length
}

const (
	sharedMagic = 0x53746561_64000001 // "Stead"; the last digits are the version of the layout
	freeSlot    = 0xffff
	sharedSize  = int(unsafe.Sizeof(shared{}))
)

// The kernel's limit of an interface name, with its final zero.
const nameSize = unix.IFNAMSIZ

// mapShared maps the memory of a file descriptor.
func mapShared(fd int) (*shared, error) {
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return nil, fmt.Errorf("look at the shared memory: %w", err)
	}
	// To touch memory beyond the end of its file would be fatal.
	if stat.Size < int64(sharedSize) {
		return nil, fmt.Errorf("the shared memory has %d bytes, want %d", stat.Size, sharedSize)
	}
	memory, err := unix.Mmap(fd, 0, sharedSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map the shared memory: %w", err)
	}
	return (*shared)(unsafe.Pointer(&memory[0])), nil
}

// format prepares memory that is all zeros.
func (s *shared) format() {
	for i := range s.bindings {
		s.bindings[i].word.Store(freeSlot)
	}
	s.wakeAt.Store(math.MaxUint64)
	s.magic.Store(sharedMagic)
}

const (
	closingsShift   = 16
	closingsMask    = 1<<24 - 1
	leftBit         = 1 << 40
	generationShift = 41
)

// slotOf is the slot in a binding's word.
func slotOf(word uint64) uint64 { return word & freeSlot }

// closingsOf is the closings in a binding's word.
func closingsOf(word uint64) uint64 { return word >> closingsShift & closingsMask }

// closingsNow is the present closings of a slot, as a word has them.
func (s *shared) closingsNow(slot uint64) uint64 { return s.closings[slot].Load() & closingsMask }

// set fills a free place and publishes it.
func (s *shared) set(b *binding, a Address, slot int) error {
	if len(a.Interface) == 0 || len(a.Interface) >= nameSize {
		return fmt.Errorf("bind %s: %q is not an interface name", a.Prefix.Addr(), a.Interface)
	}
	addr := a.Prefix.Addr().As16()
	var name [nameSize]byte
	copy(name[:], a.Interface)
	for i := range 2 {
		b.addr[i].Store(binary.NativeEndian.Uint64(addr[8*i:]))
		b.name[i].Store(binary.NativeEndian.Uint64(name[8*i:]))
	}
	b.prefix.Store(uint64(a.Prefix.Bits()))
	generation := b.word.Load()>>generationShift + 1
	b.word.Store(generation<<generationShift | s.closingsNow(uint64(slot))<<closingsShift | uint64(slot))
	return nil
}

// move changes the slot. The address, and its generation, stay.
func (s *shared) move(b *binding, slot int) {
	before := b.word.Load()
	old := slotOf(before)
	word := before>>generationShift<<generationShift | s.closingsNow(uint64(slot))<<closingsShift | uint64(slot)
	if s.slots[old].serve.Load() != 0 || s.closingsNow(old) != closingsOf(before) {
		word |= leftBit
	}
	b.word.Store(word)
}

// free gives the place up.
func (b *binding) free() {
	b.word.Store(b.word.Load()>>generationShift<<generationShift | freeSlot)
}

// get reads what was set. It is valid where the word has not changed.
func (b *binding) get() Address {
	var addr [16]byte
	var name [nameSize]byte
	for i := range 2 {
		binary.NativeEndian.PutUint64(addr[8*i:], b.addr[i].Load())
		binary.NativeEndian.PutUint64(name[8*i:], b.name[i].Load())
	}
	text, _, _ := strings.Cut(string(name[:]), "\x00")
	return Address{
		Prefix:    netip.PrefixFrom(netip.AddrFrom16(addr).Unmap(), int(b.prefix.Load())),
		Interface: text,
	}
}
