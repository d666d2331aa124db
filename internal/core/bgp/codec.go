package bgp

import "encoding/binary"

// Sizes of messages (RFC 4271 section 4.1), in bytes. Longer ones (RFC 8654) are
// not offered.
const (
	HeaderLen  = 19   // marker, length and type
	MaxMessage = 4096 // of any message with its header
)

// The least sizes of messages with their headers (RFC 4271 section 6.1 and, of
// ROUTE-REFRESH, RFC 2918 section 3).
const (
	minOpen         = 29
	minUpdate       = 23
	minNotification = 21
	minRefresh      = 23
)

// MessageType is what a message is (RFC 4271 section 4.1), with its number in the header.
type MessageType uint8

// The types of messages.
const (
	TypeOpen         MessageType = 1
	TypeUpdate       MessageType = 2
	TypeNotification MessageType = 3
	TypeKeepalive    MessageType = 4
	TypeRouteRefresh MessageType = 5 // RFC 2918
)

// The address families of RFC 4760 that this speaker knows.
const (
	afiIPv4     = 1
	afiIPv6     = 2
	safiUnicast = 1
)

// markerLen is the length of the field of ones before a message's length.
const markerLen = 16

// ParseHeader examines the header of a message (RFC 4271 section 6.1). b begins
// with it and has at least HeaderLen bytes; length is that of the whole message.
// Where n is not nil the connection has no more messages to give, and n is what
// the peer is told of it; what is wrong with a NOTIFICATION is told to nobody
// (section 6.4).
func ParseHeader(b []byte) (t MessageType, length int, n *Notification) {
	t, length = MessageType(b[markerLen+2]), int(binary.BigEndian.Uint16(b[markerLen:]))
	for _, octet := range b[:markerLen] {
		if octet != 0xff {
			return t, length, &Notification{Code: CodeHeader, Subcode: ConnectionNotSynchronized}
		}
	}
	if length < HeaderLen || length > MaxMessage {
		return t, length, badLength(length)
	}
	least, most, known := lengths(t)
	if !known {
		return t, length, &Notification{Code: CodeHeader, Subcode: BadMessageType, Data: []byte{uint8(t)}}
	}
	if length < least || length > most {
		return t, length, badLength(length)
	}
	return t, length, nil
}

// lengths are the limits of the lengths of messages of a type.
func lengths(t MessageType) (least, most int, known bool) {
	switch t {
	case TypeOpen:
		return minOpen, MaxMessage, true
	case TypeUpdate:
		return minUpdate, MaxMessage, true
	case TypeNotification:
		return minNotification, MaxMessage, true
	case TypeKeepalive:
		return HeaderLen, HeaderLen, true
	case TypeRouteRefresh:
		return minRefresh, MaxMessage, true
	}
	return 0, 0, false
}

// badLength tells of a message with a length that cannot be.
func badLength(length int) *Notification {
	return &Notification{Code: CodeHeader, Subcode: BadMessageLength, Data: binary.BigEndian.AppendUint16(nil, uint16(length))}
}

// AppendKeepalive appends a KEEPALIVE (RFC 4271 section 4.4).
func AppendKeepalive(b []byte) []byte {
	start := len(b)
	return closeMessage(openMessage(b, TypeKeepalive), start)
}

// openMessage appends a header whose length closeMessage fills in.
func openMessage(b []byte, t MessageType) []byte {
	for range markerLen {
		b = append(b, 0xff)
	}
	return append(b, 0, 0, uint8(t))
}

// closeMessage ends the message that begins at start with the end of b.
func closeMessage(b []byte, start int) []byte {
	binary.BigEndian.PutUint16(b[start+markerLen:], uint16(len(b)-start))
	return b
}

// ParseRefresh reads a ROUTE-REFRESH (RFC 2918 section 3): the address family of
// which the peer wants everything again. It is not ok where the message is too
// short, and where it marks the begin or the end of a refresh (RFC 7313 section 3),
// which asks for nothing.
func ParseRefresh(message []byte) (afi uint16, safi uint8, ok bool) {
	if len(message) < minRefresh {
		return 0, 0, false
	}
	body := message[HeaderLen:]
	const request = 0 // the subtype, which RFC 2918 calls reserved
	return binary.BigEndian.Uint16(body), body[3], body[2] == request
}
