package peer

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
)

// Version is the version of the heartbeat protocol in the first byte of a packet.
const Version = 1

// Sizes of the parts of a packet in bytes.
const (
	headerSize = 84
	recordSize = 64
	tagSize    = 16

	// HeartbeatSize is the size of a heartbeat, whatever the number of groups.
	HeartbeatSize = headerSize + tagSize

	// maxRecords keeps a packet below 1,280 bytes with its IP and UDP headers,
	// the least MTU that IPv6 asks of a link (RFC 8200 section 5).
	maxRecords = (1280 - 48 - HeartbeatSize) / recordSize

	// MaxPacket is the largest packet that a node sends.
	MaxPacket = HeartbeatSize + maxRecords*recordSize
)

// flags of a Header.
const (
	flagAsk    = 1 << 0 // answer at once: a lease hangs on it
	flagGap    = 1 << 2 // records of the receiver are missing: send them again
	flagAnswer = 1 << 1 // sent because of an ask; is not answered itself
)

// Header is the fixed part of every packet. A packet without records is a heartbeat.
type Header struct {
	Flags    uint8
	Path     uint8
	Sender   uint32 // NodeHash of the sender's name
	Receiver uint32
	Inc      uint64 // incarnation of the sender
	Seq      uint64 // on this path, from 1

	// The echo: the packet of the receiver that the sender heard last.
	EchoInc   uint64 // 0: none heard
	EchoSeq   uint64
	EchoPath  uint8
	EchoDelay uint32 // microseconds between hearing it and sending this

	Version uint64 // of the newest record that the sender has
	Ack     uint64 // all records of the receiver up to this version are known
	Base    uint64 // the records that follow are those after Base...
	Top     uint64 // ...up to Top
}

// Role is what a node says of itself in a group.
type Role uint8

// The roles of a Record.
const (
	RoleStandby Role = iota
	RoleClaiming
	RoleActive
)

// flags of a Record.
const (
	recReady    = 1 << 0 // could serve now
	recDrained  = 1 << 1 // an operator keeps it away
	recPrepared = 1 << 2 // target of a switchover: the addresses wait behind a closed fence
	recPinned   = 1 << 3 // made active by an operator: nobody preempts
	recRefuses  = 1 << 5 // is no target of a hand-over now: its preparation has failed
	recStarting = 1 << 4 // could serve when its start-up delay is over
)

// Record is all that a node says about a group. The newest one replaces those before it.
type Record struct {
	Group     uint64 // GroupHash of its name
	Seen      uint64 // the highest epoch that the node knows of
	VoteEpoch uint64 // the epoch that the node granted last...
	Epoch     uint64 // of the claim or the activation; of the last one when on standby
	Bid       uint64 // an active node asks for votes at this epoch; 0: it does not
	LeaseUS   uint32 // how long the node's promise lasts, in microseconds
	VoteNode  uint32 // ...and to whom; 0: nobody
	Target    uint32 // to whom the active node hands over, or has handed over
	Ask       uint32 // who is to become active, as this node asks
	Role      Role
	Priority  uint8
	Flags     uint8
	Cause     Cause // of the hand-over or the activation
}

// Errors of Open. Each is counted; none changes anything else.
var (
	ErrLength  = errors.New("packet has an impossible length")
	ErrVersion = errors.New("packet has an unknown version")
	ErrTag     = errors.New("packet is not authentic")
)

// NodeHash is the name of a node on the wire: FNV-1a, 32 bits. The
// configuration refuses two names with the same hash.
func NodeHash(name string) uint32 {
	h := uint32(2166136261)
	for i := 0; i < len(name); i++ {
		h = (h ^ uint32(name[i])) * 16777619
	}
	if h == 0 {
		h = 1
	}
	return h
}

// GroupHash is the name of a group on the wire: FNV-1a, 64 bits.
func GroupHash(name string) uint64 {
	h := uint64(14695981039346656037)
	for i := 0; i < len(name); i++ {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	return h
}

// Sealer signs packets with the first of its keys and accepts those signed with any.
type Sealer struct {
	macs []hash.Hash
	sum  [sha256.Size]byte
}

// NewSealer returns a Sealer. With no key nothing can be opened.
func NewSealer(keys [][]byte) *Sealer {
	s := &Sealer{}
	for _, key := range keys {
		s.macs = append(s.macs, hmac.New(sha256.New, key))
	}
	return s
}

func (s *Sealer) tag(mac hash.Hash, b []byte) []byte {
	mac.Reset()
	mac.Write(b)
	return mac.Sum(s.sum[:0])[:tagSize]
}

// Seal appends the tag of the packet that starts at b[from].
func (s *Sealer) Seal(b []byte, from int) []byte {
	return append(b, s.tag(s.macs[0], b[from:])...)
}

// Open checks b and returns its header and its records, still encoded.
// The errors are ErrLength, ErrVersion and ErrTag.
func (s *Sealer) Open(b []byte) (Header, []byte, error) {
	if len(b) < HeartbeatSize || len(b) > MaxPacket || (len(b)-HeartbeatSize)%recordSize != 0 {
		return Header{}, nil, ErrLength
	}
	if b[0] != Version {
		return Header{}, nil, ErrVersion
	}
	body, tag := b[:len(b)-tagSize], b[len(b)-tagSize:]
	for _, mac := range s.macs {
		if hmac.Equal(tag, s.tag(mac, body)) {
			return parseHeader(body), body[headerSize:], nil
		}
	}
	return Header{}, nil, ErrTag
}

// Append appends the encoded header.
func (h *Header) Append(b []byte) []byte {
	be := binary.BigEndian
	b = append(b, Version, h.Flags, h.Path, h.EchoPath)
	b = be.AppendUint32(b, h.Sender)
	b = be.AppendUint32(b, h.Receiver)
	b = be.AppendUint32(b, h.EchoDelay)
	b = be.AppendUint64(b, h.Inc)
	b = be.AppendUint64(b, h.Seq)
	b = be.AppendUint64(b, h.EchoInc)
	b = be.AppendUint64(b, h.EchoSeq)
	b = be.AppendUint64(b, h.Version)
	b = be.AppendUint64(b, h.Ack)
	b = be.AppendUint64(b, h.Base)
	b = be.AppendUint64(b, h.Top)
	return append(b, 0, 0, 0, 0)
}

func parseHeader(b []byte) Header {
	be := binary.BigEndian
	return Header{
		Flags: b[1], Path: b[2], EchoPath: b[3],
		Sender: be.Uint32(b[4:]), Receiver: be.Uint32(b[8:]), EchoDelay: be.Uint32(b[12:]),
		Inc: be.Uint64(b[16:]), Seq: be.Uint64(b[24:]),
		EchoInc: be.Uint64(b[32:]), EchoSeq: be.Uint64(b[40:]),
		Version: be.Uint64(b[48:]), Ack: be.Uint64(b[56:]),
		Base: be.Uint64(b[64:]), Top: be.Uint64(b[72:]),
	}
}

// Append appends the encoded record.
func (r *Record) Append(b []byte) []byte {
	be := binary.BigEndian
	b = be.AppendUint64(b, r.Group)
	b = be.AppendUint64(b, r.Seen)
	b = be.AppendUint64(b, r.VoteEpoch)
	b = be.AppendUint64(b, r.Epoch)
	b = be.AppendUint32(b, r.VoteNode)
	b = be.AppendUint32(b, r.Target)
	b = be.AppendUint32(b, r.Ask)
	b = append(b, byte(r.Role), r.Priority, r.Flags, byte(r.Cause))
	b = be.AppendUint64(b, r.Bid)
	b = be.AppendUint32(b, r.LeaseUS)
	return append(b, 0, 0, 0, 0)
}

// parseRecord reads one record of recordSize bytes.
func parseRecord(b []byte) Record {
	be := binary.BigEndian
	return Record{
		Group: be.Uint64(b), Seen: be.Uint64(b[8:]), VoteEpoch: be.Uint64(b[16:]), Epoch: be.Uint64(b[24:]),
		VoteNode: be.Uint32(b[32:]), Target: be.Uint32(b[36:]), Ask: be.Uint32(b[40:]),
		Role: Role(b[44]), Priority: b[45], Flags: b[46], Cause: Cause(b[47]), Bid: be.Uint64(b[48:]), LeaseUS: be.Uint32(b[56:]),
	}
}

// equal tells whether two records say the same.
func (r *Record) equal(o *Record) bool { return *r == *o }
