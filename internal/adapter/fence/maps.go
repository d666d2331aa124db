package fence

import (
	"fmt"
	"net/netip"
	"sync/atomic"
	"unsafe"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"stead/internal/core"
)

// slotTable is the deadlines as shared memory has them: with the eBPF programs,
// or with the guard.
type slotTable [core.FenceSlots]slotMemory

// slotMemory is a slot: two deadlines in nanoseconds of CLOCK_BOOTTIME; 0 is closed.
type slotMemory struct {
	answer atomic.Uint64
	serve  atomic.Uint64
}

// move stores the deadlines of a slot. Each is atomic; between the two, an
// address may answer a moment longer or shorter than it serves.
func (t *slotTable) move(s core.FenceSlot) {
	t[s.Slot].answer.Store(deadline(s.Answer))
	t[s.Slot].serve.Store(deadline(s.Serve))
}

// close closes every slot.
func (t *slotTable) close() {
	for i := range t {
		t[i].answer.Store(0)
		t[i].serve.Store(0)
	}
}

// mapSet is the maps of the kernel fence.
type mapSet struct {
	addresses *ebpf.Map
	slots     *ebpf.Map
	drops     *ebpf.Map
	memory    []byte // of slots
}

// newMapSet makes maps that no program uses yet.
func newMapSet() (*mapSet, error) {
	found := make(map[string]*ebpf.Map)
	for name, spec := range mapSpecs() {
		m, err := ebpf.NewMap(spec)
		if err != nil {
			closeMaps(found)
			return nil, fmt.Errorf("make map %s: %w", name, err)
		}
		found[name] = m
	}
	return mapSetOf(found)
}

// mapsOf opens the maps of a program in the kernel, by name.
func mapsOf(p *ebpf.Program) (map[string]*ebpf.Map, error) {
	info, err := p.Info()
	if err != nil {
		return nil, err
	}
	ids, _ := info.MapIDs()
	found := make(map[string]*ebpf.Map)
	for _, id := range ids {
		m, err := ebpf.NewMapFromID(id)
		if err != nil {
			closeMaps(found)
			return nil, fmt.Errorf("open map %d: %w", id, err)
		}
		if info, err := m.Info(); err == nil && found[info.Name] == nil {
			found[info.Name] = m
		} else {
			_ = m.Close()
		}
	}
	return found, nil
}

// thisVersion tells whether the maps have the shape that this version gives them.
func thisVersion(found map[string]*ebpf.Map) bool {
	for name, spec := range mapSpecs() {
		m := found[name]
		if m == nil || m.Type() != spec.Type || m.KeySize() != spec.KeySize ||
			m.ValueSize() != spec.ValueSize || m.MaxEntries() != spec.MaxEntries || m.Flags() != spec.Flags {
			return false
		}
	}
	return true
}

// mapSetOf maps the slots into memory. It closes the maps where that fails.
func mapSetOf(found map[string]*ebpf.Map) (*mapSet, error) {
	slots := found[slotsMap]
	memory, err := unix.Mmap(slots.FD(), 0, core.FenceSlots*slotSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		closeMaps(found)
		return nil, fmt.Errorf("map the slots into memory: %w", err)
	}
	return &mapSet{addresses: found[addressesMap], slots: slots, drops: found[dropsMap], memory: memory}, nil
}

func closeMaps(maps map[string]*ebpf.Map) {
	for _, m := range maps {
		_ = m.Close()
	}
}

// table is the slots in memory. It is valid until close.
func (m *mapSet) table() *slotTable { return (*slotTable)(unsafe.Pointer(&m.memory[0])) }

// descriptors are the maps as a program names them.
func (m *mapSet) descriptors() map[string]int {
	return map[string]int{addressesMap: m.addresses.FD(), slotsMap: m.slots.FD(), dropsMap: m.drops.FD()}
}

// bind puts an address under a slot.
func (m *mapSet) bind(addr netip.Addr, slot int) error {
	key, value := addr.As16(), uint32(slot)
	return m.addresses.Update(unsafe.Pointer(&key), unsafe.Pointer(&value), ebpf.UpdateAny)
}

// boundIn lists the addresses in a map of addresses. Every version so far has
// the address for a key and the slot for a value; where that is not so, there
// are none to be read.
func boundIn(addresses *ebpf.Map) ([]netip.Addr, error) {
	var (
		addrs []netip.Addr
		key   [16]byte
		slot  uint32
	)
	if addresses == nil || addresses.KeySize() != 16 || addresses.ValueSize() != 4 {
		return nil, nil
	}
	for it := addresses.Iterate(); ; {
		if !it.Next(&key, &slot) {
			return addrs, it.Err()
		}
		addrs = append(addrs, netip.AddrFrom16(key).Unmap())
	}
}

// counters adds up what the programs dropped on all processors.
func (m *mapSet) counters() (DropCounters, error) {
	var sums [dropKinds]uint64
	for kind := range uint32(dropKinds) {
		var each []uint64
		if err := m.drops.Lookup(kind, &each); err != nil {
			return DropCounters{}, fmt.Errorf("read the drop counters: %w", err)
		}
		for _, n := range each {
			sums[kind] += n
		}
	}
	return DropCounters{
		ARP:          sums[dropARP],
		Solicitation: sums[dropSolicitation],
		Packet:       sums[dropPacket],
		SentNeighbor: sums[dropSentNeighbor],
		SentPacket:   sums[dropSentPacket],
	}, nil
}

// close gives up this process's hold on the maps. Programs keep theirs.
func (m *mapSet) close() {
	_ = unix.Munmap(m.memory)
	m.closeFiles()
}

// closeFiles is close for maps whose memory somebody may still look at.
func (m *mapSet) closeFiles() {
	_ = m.addresses.Close()
	_ = m.slots.Close()
	_ = m.drops.Close()
}
