// Package fence enforces the lease where packets pass, so that it ends at its
// deadline whatever has become of the daemon: killed, frozen, starved or hung.
//
// A fence has slots, each with two deadlines on CLOCK_BOOTTIME, and addresses
// bound to slots. The engine moves a slot's deadlines forward with every renewal
// of the lease and does nothing when the lease is lost: the fence closes by itself.
//
// There are three kinds:
//
//   - kernel: eBPF programs on the ingress and the egress of every interface but
//     the loopback drop ARP, neighbour solicitations and packets for a closed
//     address. They stay when the daemon is killed, and are adopted by the next.
//   - guard: a child process in a session of its own removes an address from its
//     interface when its deadline has passed. It cannot tell ARP from packets, so
//     that an address answers both until Serve; and an address that is on an
//     interface answers even while its slot has never been open.
//   - none: nothing. The lease is enforced by the daemon alone.
//
// What the kernel fence does not hold back: traffic of the host with itself (it
// passes the loopback), frames that a bridge, a bond or a virtual switch carries
// past this host, packets that the host routes onward because the address is not
// its own, and ARP replies (the kernel never answers one, and a standby that is
// also a client learns from them where the address went).
//
// Status is safe for use by several goroutines at once with everything else;
// Slot, Bind and Unbind belong to one.
package fence
