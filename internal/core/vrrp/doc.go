// Package vrrp is the Virtual Router Redundancy Protocol as a pure machine:
// version 3 for IPv4 and IPv6 (RFC 9568), and version 2 as keepalived speaks it
// (RFC 3768, with the password of RFC 2338).
package vrrp
