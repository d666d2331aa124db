package bfd

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Where the source address is, from the beginning of the IP header.
const (
	sourceAt4 = 12
	sourceAt6 = 8
)

// Ancillary offsets of classic BPF (linux/filter.h).
const (
	networkOffset = 0xfff00000 // SKF_NET_OFF
	randomOffset  = 0xfffff038 // SKF_AD_OFF + SKF_AD_RANDOM
)

// maxInstructions bounds a filter: longer ones cost more than they save.
const maxInstructions = 1024

// sample is how many strangers' packets there are for one that passes.
const sample = 16

// program returns the filter for packets from some addresses, or nil where there
// are too many.
func program(ipv6 bool, remotes []netip.Addr) (p []unix.SockFilter) {
	load := func(at uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
	}
	equal := func(k uint32, otherwise uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: k, Jf: otherwise}
	}
	all := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: 0xffffffff}
	if !ipv6 {
		p = append(p, load(networkOffset+sourceAt4))
	}
	for _, a := range remotes {
		if !ipv6 {
			b := a.As4()
			p = append(p, equal(binary.BigEndian.Uint32(b[:]), 1), all)
			continue
		}
		b := a.As16()
		for word := uint32(0); word < 4; word++ {
			left := uint8(2*(3-word)) + 1 // of this address
			p = append(p, load(networkOffset+sourceAt6+4*word), equal(binary.BigEndian.Uint32(b[4*word:]), left))
		}
		p = append(p, all)
	}
	p = append(p,
		load(randomOffset),
		unix.SockFilter{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: sample - 1},
		equal(0, 1), all, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K},
	)
	if len(p) > maxInstructions {
		return nil
	}
	return p
}

// attach has the kernel drop most of what does not come from the addresses. What
// passes is looked at again, so that a kernel that refuses costs time only.
func attach(fd int, where place, remotes []netip.Addr) {
	p := program(where.ipv6(), remotes)
	if p == nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0)
		return
	}
	_ = unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(p)), Filter: &p[0]})
}

// attachNothing has the kernel drop everything that arrives at a socket that is
// only sent from.
func attachNothing(fd int) {
	nothing := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K}
	_ = unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &nothing})
}

// SO_MEMINFO gives nine numbers, of which the last is how many packets the kernel
// has dropped at a socket (linux/sock_diag.h).
const (
	memoryNumbers = 9
	memoryDrops   = 8
)

// dropped returns how many packets the kernel has dropped at a socket: by the
// filter, or since the buffer was full.
func dropped(fd int) uint64 {
	var numbers [memoryNumbers]uint32
	length := uint32(unsafe.Sizeof(numbers))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&numbers)), uintptr(unsafe.Pointer(&length)), 0)
	if errno != 0 {
		return 0
	}
	return uint64(numbers[memoryDrops])
}
