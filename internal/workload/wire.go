package workload

import (
	"encoding/binary"
	"errors"
)

// The UDP workload. A request is a sequence number, 8 bytes, most significant
// first; what follows it is ignored. Its answer is the same 8 bytes and the ID
// of the server in UTF-8.
const seqSize = 8

// maxIDSize is the longest ID of a server, in bytes.
const maxIDSize = 64

var errShort = errors.New("shorter than a sequence number (8 bytes)")

// appendRequest appends a request with this sequence number.
func appendRequest(b []byte, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(b, seq)
}

// appendAnswer appends the answer of the server named id to a request.
func appendAnswer(b, request []byte, id string) ([]byte, error) {
	if len(request) < seqSize {
		return b, errShort
	}
	return append(append(b, request[:seqSize]...), id...), nil
}

// parseAnswer takes an answer apart. The ID aliases packet and is cut at 64 bytes.
func parseAnswer(packet []byte) (seq uint64, id []byte, err error) {
	if len(packet) < seqSize {
		return 0, nil, errShort
	}
	id = packet[seqSize:]
	return binary.BigEndian.Uint64(packet), id[:min(len(id), maxIDSize)], nil
}
