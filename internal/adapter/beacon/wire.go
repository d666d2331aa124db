package beacon

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
)

// version is the first byte of each datagram.
const version = 1

// Sizes in bytes. A datagram passes every tunnel: 1,280 bytes are the least MTU
// that IPv6 asks of a link (RFC 8200 section 5).
const (
	maxDatagram = 1200
	headerSize  = 68
	maxEchoes   = 4
	tagSize     = 16

	// MaxPayload is how long the payload of a heartbeat may be, in bytes.
	MaxPayload = maxDatagram - headerSize - maxEchoes*8 - tagSize
)

// label keeps what is signed here apart from all else that is signed with the key.
var label = []byte("stead beacon 1\x00")

// datagram is all that is said at once.
type datagram struct {
	Sender   uint64 // hash of the site's name
	Receiver uint64
	Run      uint64 // random, of the sender's process
	Seq      uint64 // of the datagram within Run, from 1
	Nonce    uint64 // to be given back
	Beat     uint64 // number of the heartbeat within Run, from 1; 0: none is said here
	AckRun   uint64 // the receiver's heartbeat that has counted last...
	Ack      uint64 // ...and its number; 0 none
	Echoes   [maxEchoes]uint64
	Echoed   int    // how many of Echoes there are
	Payload  []byte // of the heartbeat
}

var (
	errMalformed = errors.New("not a datagram of this version")
	errTag       = errors.New("not authentic")
)

// append appends the encoded datagram without its tag.
func (d *datagram) append(b []byte) []byte {
	be := binary.BigEndian
	b = append(b, version, byte(d.Echoed))
	b = be.AppendUint16(b, uint16(len(d.Payload)))
	for _, v := range [...]uint64{d.Sender, d.Receiver, d.Run, d.Seq, d.Nonce, d.Beat, d.AckRun, d.Ack} {
		b = be.AppendUint64(b, v)
	}
	for _, v := range d.Echoes[:d.Echoed] {
		b = be.AppendUint64(b, v)
	}
	return append(b, d.Payload...)
}

// parse reads a datagram with its tag, which it does not check. The payload is
// that in b.
func parse(b []byte) (datagram, error) {
	if len(b) < headerSize+tagSize || len(b) > maxDatagram || b[0] != version || b[1] > maxEchoes {
		return datagram{}, errMalformed
	}
	be := binary.BigEndian
	d := datagram{
		Sender: be.Uint64(b[4:]), Receiver: be.Uint64(b[12:]), Run: be.Uint64(b[20:]), Seq: be.Uint64(b[28:]),
		Nonce: be.Uint64(b[36:]), Beat: be.Uint64(b[44:]), AckRun: be.Uint64(b[52:]), Ack: be.Uint64(b[60:]),
		Echoed: int(b[1]),
	}
	rest := b[headerSize : len(b)-tagSize]
	if len(rest) != d.Echoed*8+int(be.Uint16(b[2:])) || d.Run == 0 || d.Seq == 0 || d.Nonce == 0 {
		return datagram{}, errMalformed
	}
	for i := range d.Echoed {
		d.Echoes[i] = be.Uint64(rest[i*8:])
	}
	d.Payload = rest[d.Echoed*8:]
	if d.Beat == 0 && len(d.Payload) > 0 {
		return datagram{}, errMalformed
	}
	return d, nil
}

// siteHash is the name of a site on the wire: FNV-1a, 64 bits.
func siteHash(name string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	return h
}

// sealer signs with the first of its keys and accepts what any has signed.
type sealer struct {
	macs []hash.Hash
	sum  [sha256.Size]byte
}

func newSealer(keys [][]byte) *sealer {
	s := &sealer{}
	for _, key := range keys {
		s.macs = append(s.macs, hmac.New(sha256.New, key))
	}
	return s
}

func (s *sealer) tag(mac hash.Hash, b []byte) []byte {
	mac.Reset()
	_, _ = mac.Write(label)
	_, _ = mac.Write(b)
	return mac.Sum(s.sum[:0])[:tagSize]
}

// seal appends the tag of b.
func (s *sealer) seal(b []byte) []byte { return append(b, s.tag(s.macs[0], b)...) }

// verify checks the tag at the end of b.
func (s *sealer) verify(b []byte) error {
	body, tag := b[:len(b)-tagSize], b[len(b)-tagSize:]
	for _, mac := range s.macs {
		if hmac.Equal(tag, s.tag(mac, body)) {
			return nil
		}
	}
	return errTag
}
