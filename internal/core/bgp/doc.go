// Package bgp is a BGP speaker that announces and does not listen: a pure machine
// for the session with one peer (RFC 4271), and the bytes of its messages. What
// a peer announces is counted and forgotten.
package bgp
