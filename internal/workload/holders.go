package workload

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// HolderOptions are how a holder prober asks.
type HolderOptions struct {
	Interface string // over which holders can be reached at layer 2
	Address   netip.Addr
	Interval  time.Duration     // between rounds, MinInterval or more
	Timeout   time.Duration     // an answer that takes longer does not count
	Count     int               // of rounds; 0: until the context ends, at most MaxRequests
	Names     map[string]string // of the holders, by hardware address; others are called by it
	Realtime  bool
}

// NewHolderProber makes a Pinger that asks the network who has an address: with
// ARP requests, or with neighbour solicitations for IPv6. A sample's ID is who
// answered the round, and Second is set where two hosts answered the same one:
// Report.Dual is the time in which two hosts held the address.
//
// The questions change nothing in those who are asked or listen. They are sent
// in the name of no address (ARP probes, RFC 5227), or of link-local ones that
// nobody has, and from hardware addresses that nobody has and that tell the
// round; so no host's neighbour entry for the address, or for the asker, is made
// or refreshed by them or by their answers.
//
// The sockets belong to the network namespace of the calling thread. It needs
// CAP_NET_RAW.
func NewHolderProber(opt HolderOptions) (*Pinger, error) {
	if !opt.Address.IsValid() {
		return nil, errors.New("holders: no address given")
	}
	options := Options{
		Target: netip.AddrPortFrom(opt.Address, 0), Proto: UDP, // the protocol is not asked for
		Interval: opt.Interval, Timeout: opt.Timeout, Count: opt.Count, Realtime: opt.Realtime,
	}
	if err := options.Check(); err != nil {
		return nil, fmt.Errorf("holders: %w", err)
	}
	p := &Pinger{opt: options}
	var err error
	if p.asker, err = newHolderAsker(opt, &p.hist); err != nil {
		return nil, fmt.Errorf("holders of %s on %s: %w", opt.Address, opt.Interface, err)
	}
	return p, nil
}

// frames is what differs between ARP and neighbour discovery.
type frames interface {
	// question appends the frame that asks in a round.
	question(b []byte, round uint32) []byte
	// answer tells which round a frame answers and the hardware address of who did.
	// Where the frame tells only the low bits of the round, newest completes them.
	answer(frame []byte, newest uint32) (round uint32, mac net.HardwareAddr, ok bool)
	etherType() uint16
}

type holderAsker struct {
	*udpAsker // its receiving thread and its end
	frames    frames
	names     map[string]string
	newest    uint64
}

func newHolderAsker(opt HolderOptions, hist *history) (*holderAsker, error) {
	device, err := net.InterfaceByName(opt.Interface)
	if err != nil {
		return nil, err
	}
	if len(device.HardwareAddr) != 6 {
		return nil, errors.New("not an Ethernet device")
	}
	var kind frames = arpFrames{source: device.HardwareAddr, target: opt.Address.Unmap()}
	if !opt.Address.Unmap().Is4() {
		kind = ndpFrames{source: device.HardwareAddr, target: opt.Address}
	}
	fd, err := packetSocket(device.Index, kind.etherType())
	if err != nil {
		return nil, err
	}
	h := &holderAsker{frames: kind, names: opt.Names, udpAsker: &udpAsker{
		flows: []unix.PollFd{flow(fd)}, hist: hist, timeout: opt.Timeout,
		request: make([]byte, 0, 128),
		stop:    make(chan struct{}),
		stopped: make(chan struct{}),
	}}
	go h.receive(opt.Realtime)
	return h, nil
}

func packetSocket(ifindex int, etherType uint16) (fd int, err error) {
	network := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, etherType))
	fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("open a packet socket: %w (needs CAP_NET_RAW)", err)
	}
	tick := unix.NsecToTimeval(int64(receiveTick))
	if err := errors.Join(
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tick),
		// The answers go to hardware addresses that nobody has.
		unix.SetsockoptPacketMreq(fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP,
			&unix.PacketMreq{Ifindex: int32(ifindex), Type: unix.PACKET_MR_PROMISC}),
		unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: network, Ifindex: ifindex}),
	); err != nil {
		_ = unix.Close(fd)
		return 0, fmt.Errorf("listen: %w", err)
	}
	return fd, nil
}

func (h *holderAsker) fd() int { return int(h.flows[0].Fd) }

func (h *holderAsker) ask(seq uint64) {
	h.hist.mu.Lock()
	h.newest = seq
	h.hist.mu.Unlock()
	h.request = h.frames.question(h.request[:0], uint32(seq))
	_ = send(h.fd(), h.request)
}

func (h *holderAsker) receive(realtime bool) {
	lockThread(realtime)
	defer close(h.stopped)
	buf := make([]byte, 256)
	for {
		n, err := unix.Read(h.fd(), buf)
		at := Now()
		if err == nil {
			h.hist.mu.Lock()
			newest := h.newest
			h.hist.mu.Unlock()
			if round, mac, ok := h.frames.answer(buf[:n], uint32(newest)); ok {
				h.hist.answer(uint64(round), []byte(h.name(mac)), at, h.timeout)
			}
			continue
		}
		select {
		case <-h.stop:
			return
		default:
		}
	}
}

func (h *holderAsker) name(mac net.HardwareAddr) string {
	text := mac.String()
	if name, ok := h.names[text]; ok {
		return name
	}
	return text
}
