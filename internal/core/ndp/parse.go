package ndp

import (
	"encoding/binary"
	"net/netip"
)

// Parse decodes an Ethernet frame and checks it as RFC 4861 §7.1.1 and §7.1.2
// demand. Padding behind the packet and options that mean nothing here are
// ignored. The result keeps nothing of frame.
func Parse(frame []byte) (Message, error) {
	if len(frame) < etherLen+ipLen {
		return Message{}, ErrShort
	}
	ip := frame[etherLen:]
	if binary.BigEndian.Uint16(frame[12:]) != etherTypeIPv6 || ip[0]>>4 != 6 || ip[6] != protoICMPv6 {
		return Message{}, ErrKind
	}
	length := int(binary.BigEndian.Uint16(ip[4:]))
	if length > len(ip)-ipLen || length < messageLen {
		return Message{}, ErrShort
	}
	src, dst := [16]byte(ip[8:24]), [16]byte(ip[24:40])
	body := ip[ipLen : ipLen+length]
	m := Message{
		DstHW: MAC(frame[:6]), SrcHW: MAC(frame[6:12]),
		Src: netip.AddrFrom16(src), Dst: netip.AddrFrom16(dst),
		Type:   Type(body[0]),
		Target: netip.AddrFrom16([16]byte(body[8:24])),
	}
	switch {
	case m.Type != Solicitation && m.Type != Advertisement, body[1] != 0:
		return Message{}, ErrKind
	case ip[7] != hopLimit:
		return Message{}, ErrHopLimit
	case checksum(src, dst, body) != 0:
		return Message{}, ErrChecksum
	case m.Target.IsMulticast():
		return Message{}, ErrTarget
	}
	if m.Type == Advertisement {
		m.Router, m.Solicited, m.Override = body[4]&0x80 != 0, body[4]&0x40 != 0, body[4]&0x20 != 0
	}
	if err := m.options(body[messageLen:]); err != nil {
		return Message{}, err
	}
	return m, m.coherent()
}

// options reads the link-layer address that belongs to the message's type.
func (m *Message) options(b []byte) error {
	wanted := byte(optionSource)
	if m.Type == Advertisement {
		wanted = optionTarget
	}
	for len(b) > 0 {
		if len(b) < 2 || b[1] == 0 || int(b[1])*8 > len(b) {
			return ErrOption
		}
		if b[0] == wanted && b[1] == 1 {
			m.LinkAddr, m.HasLinkAddr = MAC(b[2:8]), true
		}
		b = b[int(b[1])*8:]
	}
	return nil
}

// coherent checks what several fields have to say together.
func (m *Message) coherent() error {
	switch {
	case m.Type == Advertisement && m.Solicited && m.Dst.IsMulticast():
		return ErrSource
	case m.Type == Solicitation && m.Src.IsUnspecified() && (m.HasLinkAddr || m.Dst != SolicitedNode(m.Target)):
		return ErrSource
	}
	return nil
}
