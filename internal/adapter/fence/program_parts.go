package fence

import (
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// arp reads the fixed part of an ARP message, and lets pass what is not about
// IPv4, and then the address that lies plus bytes and times hardware addresses
// behind it, which becomes the key (RFC 826). It works for every length of
// hardware address.
func (p *program) arp(hardware, plus int32) {
	p.mark("arp")
	p.load(0, 8, "pass")
	p.add(
		asm.LoadMem(asm.R1, asm.RFP, stackData+5, asm.Byte),
		asm.JNE.Imm(asm.R1, 4, "pass"),
		asm.LoadMem(regProtocol, asm.RFP, stackData+6, asm.Half),
		asm.LoadMem(asm.R2, asm.RFP, stackData+4, asm.Byte),
		asm.Mul.Imm(asm.R2, hardware),
		asm.Add.Imm(asm.R2, 8+plus),
		asm.Add.Reg(asm.R2, regNetwork),
	)
	p.loadAt(4, "pass")
	p.keyIPv4(stackData)
}

// ingressARP holds back what asks for a closed address. A reply is let pass: the
// kernel never answers one, and learns from it where the address is now.
func (p *program) ingressARP() {
	p.arp(2, 4)
	p.add(asm.JEq.Imm(regProtocol, networkOrder(arpReply), "pass"))
	p.ifClosed(slotAnswer, "pass")
	p.drop(dropARP)
}

// egressARP holds back ARP whose sender is a closed address: everybody who hears
// it would take this host for the holder.
func (p *program) egressARP() {
	p.arp(1, 0)
	p.ifClosed(slotAnswer, "pass")
	p.drop(dropSentNeighbor)
}

// ingressIPv4 holds back packets to a closed address.
func (p *program) ingressIPv4() {
	p.mark("ipv4")
	p.load(12, 8, "pass") // source and destination
	p.keyIPv4(stackData + 4)
	p.ifClosed(slotServe, "pass")
	p.routeFamily(unix.AF_INET)
	p.zero(stackRoute+routeSource, routeEnd-routeSource)
	p.copy(stackRoute+routeSource, stackData, 4)
	p.copy(stackRoute+routeDestination, stackData+4, 4)
	p.ifOwn("pass")
	p.drop(dropPacket)
}

// egressIPv4 holds back packets from a closed address.
func (p *program) egressIPv4() {
	p.mark("ipv4")
	p.load(12, 4, "pass")
	p.keyIPv4(stackData)
	p.ifClosed(slotServe, "pass")
	p.drop(dropSentPacket)
}

// The IPv6 header (RFC 8200 section 3).
const (
	ipv6NextHeader  = 6
	ipv6Source      = 8
	ipv6Destination = 24
	ipv6Header      = 40
)

// ingressIPv6 holds back solicitations whose target is closed, wherever they are
// sent to (solicited-node multicast, or unicast to verify), and packets to a
// closed address.
func (p *program) ingressIPv6() {
	p.mark("ipv6")
	p.load(0, ipv6Header, "pass")
	// The solicitation is read to where the header was, so that what is needed
	// of the header is put aside first.
	p.copy(stackRoute+routeSource, stackData+ipv6Source, 16)
	p.copy(stackRoute+routeDestination, stackData+ipv6Destination, 16)
	p.add(
		asm.LoadMem(asm.R1, asm.RFP, stackData+ipv6NextHeader, asm.Byte),
		asm.JNE.Imm(asm.R1, protocolICMPv6, "destination"),
	)
	p.load(ipv6Header, 24, "destination")
	p.add(
		asm.LoadMem(asm.R1, asm.RFP, stackData, asm.Byte),
		asm.JNE.Imm(asm.R1, ndSolicitation, "destination"),
	)
	p.keyIPv6(stackData + 8) // the target (RFC 4861 section 4.3)
	p.ifClosed(slotAnswer, "destination")
	p.drop(dropSolicitation)

	p.mark("destination")
	p.keyIPv6(stackRoute + routeDestination)
	p.ifClosed(slotServe, "pass")
	p.routeFamily(unix.AF_INET6)
	p.ifOwn("pass")
	p.drop(dropPacket)
}

// egressIPv6 holds back packets from a closed address; neighbour discovery, which
// tells others who has it, from the moment when answers end.
func (p *program) egressIPv6() {
	p.mark("ipv6")
	p.load(0, ipv6Header+1, "pass")
	p.keyIPv6(stackData + ipv6Source)
	p.add(
		asm.LoadMem(asm.R1, asm.RFP, stackData+ipv6NextHeader, asm.Byte),
		asm.JNE.Imm(asm.R1, protocolICMPv6, "packet"),
		asm.LoadMem(asm.R1, asm.RFP, stackData+ipv6Header, asm.Byte),
		asm.JLT.Imm(asm.R1, ndSolicitation, "packet"),
		asm.JGT.Imm(asm.R1, ndAdvertisement, "packet"),
	)
	p.ifClosed(slotAnswer, "pass")
	p.drop(dropSentNeighbor)

	p.mark("packet")
	p.ifClosed(slotServe, "pass")
	p.drop(dropSentPacket)
}

// struct bpf_fib_lookup (linux/bpf.h).
const (
	routeIfindex     = 8
	routeSource      = 16
	routeDestination = 32
	routeEnd         = 48 // of the addresses
	routeSize        = 64
)

// Answers of bpf_fib_lookup from routeForwardFrom to routeForwardTo, and 0, mean
// that the packet goes to another host; the others that it is for this one, or
// that it goes nowhere.
const (
	routeForwardFrom = 6 // BPF_FIB_LKUP_RET_UNSUPP_LWT
	routeForwardTo   = 8 // BPF_FIB_LKUP_RET_FRAG_NEEDED
)

// routeFamily prepares a route lookup, but for the addresses.
func (p *program) routeFamily(family int64) {
	p.zero(stackRoute, routeSource)
	p.zero(stackRoute+routeEnd, routeSize-routeEnd)
	p.add(
		asm.StoreImm(asm.RFP, stackRoute, family, asm.Byte),
		asm.LoadMem(asm.R1, regSkb, skbIfindex, asm.Word),
		asm.StoreMem(asm.RFP, stackRoute+routeIfindex, asm.R1, asm.Word),
	)
}

// ifOwn falls through where the packet is for this host, and jumps to other
// where the host would route it onward: a standby is a router too, be it for its
// containers, and their packets to the address must reach its holder.
func (p *program) ifOwn(other string) {
	own := p.label("own")
	p.add(
		asm.Mov.Reg(asm.R1, regSkb),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, stackRoute),
		asm.Mov.Imm(asm.R3, routeSize),
		asm.Mov.Imm(asm.R4, 0),
		asm.FnFibLookup.Call(),
		// The helper returns an int; a negative one is an error.
		asm.LSh.Imm(asm.R0, 32),
		asm.ArSh.Imm(asm.R0, 32),
		asm.JEq.Imm(asm.R0, 0, other),
		asm.JSLT.Imm(asm.R0, routeForwardFrom, own),
		asm.JSLE.Imm(asm.R0, routeForwardTo, other),
	)
	p.mark(own)
}
