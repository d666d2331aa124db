package interop

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"time"

	"stead/internal/core/clock"
)

// advert is a VRRP advertisement as it passed a port of the switch. It is read
// here by what the RFCs say, and not by the code that is tested.
type advert struct {
	host     string // behind the port
	at       clock.Instant
	mac      net.HardwareAddr // the frame's source
	from, to netip.Addr
	ttl      uint8
	version  int
	priority uint8
	interval time.Duration
	password string // version 2
	checksum string // message, pseudo-header, or wrong
}

func (a *advert) String() string {
	return fmt.Sprintf("%s %s>%s v%d prio %d every %v checksum %s", a.host, a.from, a.to, a.version, a.priority, a.interval, a.checksum)
}

const protocolVRRP = 112

// readAdvert reads a frame; ok is false for what is no advertisement.
func readAdvert(frame []byte) (a advert, ok bool) {
	if len(frame) < 14+20 {
		return a, false
	}
	packet := frame[14:]
	var message []byte
	switch binary.BigEndian.Uint16(frame[12:]) {
	case 0x0800:
		header, total := int(packet[0]&0xf)*4, int(binary.BigEndian.Uint16(packet[2:]))
		if packet[9] != protocolVRRP || total > len(packet) || header > total {
			return a, false
		}
		a.from, a.to = netip.AddrFrom4([4]byte(packet[12:16])), netip.AddrFrom4([4]byte(packet[16:20]))
		a.ttl, message = packet[8], packet[header:total]
	case 0x86dd:
		if len(packet) < 40 || packet[6] != protocolVRRP || len(packet) < 40+int(binary.BigEndian.Uint16(packet[4:])) {
			return a, false
		}
		a.from, a.to = netip.AddrFrom16([16]byte(packet[8:24])), netip.AddrFrom16([16]byte(packet[24:40]))
		a.ttl, message = packet[7], packet[40:40+int(binary.BigEndian.Uint16(packet[4:]))]
	default:
		return a, false
	}
	if len(message) < 12 || message[0]&0xf != 1 || message[1] != vrid {
		return a, false
	}
	a.mac = append(a.mac, frame[6:12]...)
	a.read(message)
	return a, true
}

// read reads the message (RFC 9568 section 5.1, RFC 3768 section 5.1).
func (a *advert) read(message []byte) {
	a.version, a.priority = int(message[0]>>4), message[2]
	if a.version == 2 {
		a.interval = time.Duration(message[5]) * time.Second
		if message[4] == 1 && len(message) >= 8 {
			for _, c := range message[len(message)-8:] {
				if c != 0 {
					a.password += string(rune(c))
				}
			}
		}
	} else {
		a.interval = time.Duration(binary.BigEndian.Uint16(message[4:])&0xfff) * 10 * time.Millisecond
	}
	pseudo := append(a.from.AsSlice(), a.to.AsSlice()...)
	pseudo = append(pseudo, 0, protocolVRRP)
	pseudo = binary.BigEndian.AppendUint16(pseudo, uint16(len(message)))
	switch {
	case onesComplement(message) == 0xffff:
		a.checksum = "message"
	case onesComplement(append(pseudo, message...)) == 0xffff:
		a.checksum = "pseudo-header"
	default:
		a.checksum = "wrong"
	}
}

// onesComplement is the sum of RFC 1071 without its last complement.
func onesComplement(b []byte) uint16 {
	if len(b)%2 == 1 {
		b = append(b[:len(b):len(b)], 0)
	}
	sum := uint32(0)
	for i := 0; i < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	return uint16(sum)
}
