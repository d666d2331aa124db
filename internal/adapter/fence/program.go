package fence

import (
	"encoding/binary"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"

	"stead/internal/core"
)

// The names under which the kernel shows programs and maps, and by which a
// later run finds them. At most 15 characters (BPF_OBJ_NAME_LEN).
const (
	ingressName  = "stead_fence_in"
	egressName   = "stead_fence_out"
	addressesMap = "stead_addrs"
	slotsMap     = "stead_slots"
	dropsMap     = "stead_drops"
)

// maxAddresses bounds the addresses of one network namespace.
const maxAddresses = 8192

// The places in the map of drop counters.
const (
	dropARP = iota
	dropSolicitation
	dropPacket
	dropSentNeighbor
	dropSentPacket
	dropKinds
)

// Offsets of the deadlines in a slot.
const (
	slotAnswer = 0
	slotServe  = 8
	slotSize   = 16
)

// mapSpecs describes the maps that both programs share.
func mapSpecs() map[string]*ebpf.MapSpec {
	return map[string]*ebpf.MapSpec{
		// The address in 16 bytes (IPv4 mapped into IPv6) to its slot.
		addressesMap: {Name: addressesMap, Type: ebpf.Hash, KeySize: 16, ValueSize: 4, MaxEntries: maxAddresses},
		// Mapped into the daemon's memory: a renewal is two stores.
		slotsMap: {Name: slotsMap, Type: ebpf.Array, KeySize: 4, ValueSize: slotSize, MaxEntries: core.FenceSlots, Flags: unix.BPF_F_MMAPABLE},
		dropsMap: {Name: dropsMap, Type: ebpf.PerCPUArray, KeySize: 4, ValueSize: 8, MaxEntries: dropKinds},
	}
}

// The fields of struct __sk_buff that the programs read (linux/bpf.h).
const (
	skbLen            = 0
	skbPacketType     = 4
	skbProtocol       = 16
	skbIngressIfindex = 36
	skbIfindex        = 40
)

// The verdicts, the same for tcx and for a direct-action filter (linux/bpf.h):
// "next" lets the programs and filters behind this one decide.
const (
	verdictNext = -1
	verdictDrop = 2
)

// The registers that outlive a helper call, and what they hold.
const (
	regSkb      = asm.R6 // the context
	regProtocol = asm.R7 // EtherType in network order; later a deadline
	regNetwork  = asm.R8 // where the network header is, behind tags left in the frame
)

// The stack, downward from the frame pointer.
const (
	stackKey   = -16  // 16 bytes: the address to look up
	stackIndex = -24  // 4 bytes: a slot or a counter
	stackData  = -96  // 64 bytes: what was read from the frame
	stackRoute = -160 // 64 bytes: struct bpf_fib_lookup
)

const (
	packetOtherHost = 3 // PACKET_OTHERHOST: the IP stack ignores the frame
	etherTypeIPv4   = 0x0800
	etherTypeARP    = 0x0806
	etherTypeIPv6   = 0x86dd
	etherTypeVLAN   = 0x8100
	etherTypeQinQ   = 0x88a8
	protocolICMPv6  = 58
	ndSolicitation  = 135
	ndAdvertisement = 136
	arpReply        = 2
)

// maxTags is how many VLAN tags inside a frame are looked behind. The kernel has
// taken the outermost out of it already.
const maxTags = 2

// program is an eBPF program under construction. Its methods append.
type program struct {
	code   asm.Instructions
	labels int
	maps   map[string]int // file descriptors, by name
}

func (p *program) add(in ...asm.Instruction) { p.code = append(p.code, in...) }

// label makes a name that is used once.
func (p *program) label(what string) string {
	p.labels++
	return fmt.Sprintf("%s%d", what, p.labels)
}

// mark names the place of the next instruction. Register 5 is free wherever
// a mark stands: helper calls clobber it.
func (p *program) mark(label string) {
	p.add(asm.Mov.Imm(asm.R5, 0).WithSymbol(label))
}

// ingressProgram holds back what comes in for a closed address.
func ingressProgram(maps map[string]int) *ebpf.ProgramSpec {
	p := &program{maps: maps}
	p.prologue(skbPacketType, asm.JEq, packetOtherHost)
	p.ingressARP()
	p.ingressIPv4()
	p.ingressIPv6()
	return p.spec(ingressName)
}

// egressProgram holds back what the host itself would send from a closed
// address: its packets would move switches and neighbour caches back to it.
func egressProgram(maps map[string]int) *ebpf.ProgramSpec {
	p := &program{maps: maps}
	// What came in from elsewhere is on its way through.
	p.prologue(skbIngressIfindex, asm.JNE, 0)
	p.egressARP()
	p.egressIPv4()
	p.egressIPv6()
	return p.spec(egressName)
}

// spec appends the end that lets a frame pass. The licence is that of the
// program in the kernel, which bpf_fib_lookup asks to be compatible with its own.
func (p *program) spec(name string) *ebpf.ProgramSpec {
	p.add(asm.Mov.Imm(asm.R0, verdictNext).WithSymbol("pass"), asm.Return())
	return &ebpf.ProgramSpec{Name: name, Type: ebpf.SchedCLS, License: "Dual MIT/GPL", Instructions: p.code}
}

// prologue lets frames pass whose field compares so, looks behind VLAN tags, and
// jumps to the part for the protocol.
func (p *program) prologue(field int16, cmp asm.JumpOp, value int32) {
	p.add(
		asm.Mov.Reg(regSkb, asm.R1),
		asm.LoadMem(asm.R1, regSkb, field, asm.Word),
		cmp.Imm(asm.R1, value, "pass"),
		asm.LoadMem(regProtocol, regSkb, skbProtocol, asm.Word),
		asm.Mov.Imm(regNetwork, 0),
	)
	for range maxTags {
		p.skipTag()
	}
	p.add(
		asm.JEq.Imm(regProtocol, networkOrder(etherTypeIPv4), "ipv4"),
		asm.JEq.Imm(regProtocol, networkOrder(etherTypeIPv6), "ipv6"),
		asm.JEq.Imm(regProtocol, networkOrder(etherTypeARP), "arp"),
		asm.Ja.Label("pass"),
	)
}

// skipTag moves the network header behind a VLAN tag where there is one.
func (p *program) skipTag() {
	tag, plain := p.label("tag"), p.label("plain")
	p.add(
		asm.JEq.Imm(regProtocol, networkOrder(etherTypeVLAN), tag),
		asm.JNE.Imm(regProtocol, networkOrder(etherTypeQinQ), plain),
	)
	p.mark(tag)
	p.load(0, 4, "pass")
	p.add(
		asm.LoadMem(regProtocol, asm.RFP, stackData+2, asm.Half),
		asm.Add.Imm(regNetwork, 4),
	)
	p.mark(plain)
}

// networkOrder is a 16 bit number as a register holds it after it was read from
// a frame.
func networkOrder(v uint16) int32 {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], v)
	return int32(binary.NativeEndian.Uint16(b[:]))
}

// word is four bytes as a store of a number writes them.
func word(b [4]byte) int64 { return int64(int32(binary.NativeEndian.Uint32(b[:]))) }

// load copies n bytes of the frame from offset, counted from the network
// header, to stackData, or jumps to short where there are not so many.
func (p *program) load(offset int32, n int32, short string) {
	p.add(
		asm.Mov.Reg(asm.R2, regNetwork),
		asm.Add.Imm(asm.R2, offset),
	)
	p.loadAt(n, short)
}

// loadAt is load from the offset in register 2. The offset is relative to the
// network header because only that is the same with and without an Ethernet
// header. Such a load sees the linear part of the buffer alone, so that headers
// which a driver left in fragments are pulled in first.
func (p *program) loadAt(n int32, short string) {
	done := p.label("loaded")
	few := p.label("few")
	again := func() {
		p.add(
			asm.Mov.Reg(asm.R1, regSkb),
			asm.Mov.Reg(asm.R3, asm.RFP),
			asm.Add.Imm(asm.R3, stackData),
			asm.Mov.Imm(asm.R4, n),
			asm.Mov.Imm(asm.R5, 1), // BPF_HDR_START_NET
			asm.FnSkbLoadBytesRelative.Call(),
		)
	}
	p.add(asm.StoreMem(asm.RFP, stackIndex, asm.R2, asm.DWord))
	again()
	p.add(
		asm.JEq.Imm(asm.R0, 0, done),
		asm.Mov.Reg(asm.R1, regSkb),
		asm.LoadMem(asm.R2, regSkb, skbLen, asm.Word),
		asm.JLE.Imm(asm.R2, linearBytes, few),
		asm.Mov.Imm(asm.R2, linearBytes),
	)
	p.mark(few)
	p.add(
		asm.FnSkbPullData.Call(),
		asm.LoadMem(asm.R2, asm.RFP, stackIndex, asm.DWord),
	)
	again()
	p.add(asm.JNE.Imm(asm.R0, 0, short))
	p.mark(done)
}

// linearBytes covers every header that is looked at: Ethernet, tags, IPv6, ICMPv6.
const linearBytes = 128

// keyIPv4 makes the IPv4 address at data the key.
func (p *program) keyIPv4(data int16) {
	p.zero(stackKey, 8)
	p.add(
		asm.StoreImm(asm.RFP, stackKey+8, word([4]byte{0, 0, 0xff, 0xff}), asm.Word),
		asm.LoadMem(asm.R1, asm.RFP, data, asm.Word),
		asm.StoreMem(asm.RFP, stackKey+12, asm.R1, asm.Word),
	)
}

// keyIPv6 makes the IPv6 address at data the key.
func (p *program) keyIPv6(data int16) {
	p.copy(stackKey, data, 16)
}

// copy copies n bytes within the stack, four at a time.
func (p *program) copy(to, from, n int16) {
	for i := int16(0); i < n; i += 4 {
		p.add(
			asm.LoadMem(asm.R1, asm.RFP, from+i, asm.Word),
			asm.StoreMem(asm.RFP, to+i, asm.R1, asm.Word),
		)
	}
}

// zero clears n bytes of the stack, eight at a time.
func (p *program) zero(at, n int16) {
	p.add(asm.Mov.Imm(asm.R1, 0))
	for i := int16(0); i < n; i += 8 {
		p.add(asm.StoreMem(asm.RFP, at+i, asm.R1, asm.DWord))
	}
}

// ifClosed falls through where the key is bound and the deadline of its slot has
// passed, and jumps to open otherwise. It clobbers the protocol.
func (p *program) ifClosed(slotField int16, open string) {
	closed := p.label("closed")
	p.lookup(addressesMap, stackKey)
	p.add(
		asm.JEq.Imm(asm.R0, 0, open),
		asm.LoadMem(asm.R1, asm.R0, 0, asm.Word),
		asm.StoreMem(asm.RFP, stackIndex, asm.R1, asm.Word),
	)
	p.lookup(slotsMap, stackIndex)
	p.add(
		// A slot that does not exist is closed.
		asm.JEq.Imm(asm.R0, 0, closed),
		asm.LoadMem(regProtocol, asm.R0, slotField, asm.DWord),
		asm.FnKtimeGetBootNs.Call(),
		asm.JGE.Reg(regProtocol, asm.R0, open),
	)
	p.mark(closed)
}

// lookup looks the key on the stack up in a map; register 0 has the place of
// the value, or 0.
func (p *program) lookup(name string, key int32) {
	p.add(
		asm.LoadMapPtr(asm.R1, p.maps[name]),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, key),
		asm.FnMapLookupElem.Call(),
	)
}

// drop counts and drops.
func (p *program) drop(counter int64) {
	uncounted := p.label("uncounted")
	p.add(asm.StoreImm(asm.RFP, stackIndex, counter, asm.Word))
	p.lookup(dropsMap, stackIndex)
	p.add(
		asm.JEq.Imm(asm.R0, 0, uncounted),
		asm.LoadMem(asm.R1, asm.R0, 0, asm.DWord),
		asm.Add.Imm(asm.R1, 1),
		asm.StoreMem(asm.R0, 0, asm.R1, asm.DWord),
		asm.Mov.Imm(asm.R0, verdictDrop).WithSymbol(uncounted),
		asm.Return(),
	)
}
