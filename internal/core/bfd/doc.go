// Package bfd is Bidirectional Forwarding Detection (RFC 5880, 5881, 5883) in
// asynchronous mode: a pure machine for one session, and the bytes of its packets.
package bfd
