package bgp

import (
	"fmt"
	"strings"
	"time"

	"stead/internal/core/clock"
	"stead/internal/core/reason"
)

// Receive takes a message other than UPDATE: all of it, or only its header where
// that makes no sense.
func (s *Session) Receive(now Instant, conn Conn, message []byte) {
	f := s.find(conn)
	if f == nil || f.state == Connect {
		return
	}
	kind, malformed := examine(message)
	if f == &s.parked {
		s.receiveParked(kind, malformed, message)
		return
	}
	s.in++
	switch {
	case malformed != nil && kind == TypeNotification:
		// RFC 4271 section 6.4: what is wrong with a NOTIFICATION is told to nobody.
		s.end(now, f, ending{why: reason.Notified, detail: "received a malformed NOTIFICATION", damp: true})
	case malformed != nil:
		s.refuse(now, f, malformed, ending{why: reason.Notified, damp: true})
	case kind == TypeNotification:
		n := ParseNotification(message)
		s.notified(now, f, &n)
	case kind == TypeOpen && f.state == OpenSent:
		s.receiveOpen(now, f, message)
	case kind == TypeKeepalive && f.state == OpenConfirm:
		s.establish(now, f)
	case kind != TypeOpen && f.state == EstablishedState:
		s.heard(now, f)
		if kind == TypeRouteRefresh {
			s.refresh(message)
		}
	default:
		s.unexpected(now, f, kind)
	}
}

// Updates takes note of n UPDATEs. What they say is not looked at.
func (s *Session) Updates(now Instant, conn Conn, n int) {
	f := s.find(conn)
	if f == nil || f.state == Connect {
		return
	}
	s.in += uint64(n)
	switch {
	case f == &s.parked:
		s.hangup(f)
	case f.state == EstablishedState:
		s.heard(now, f)
	default:
		s.unexpected(now, f, TypeUpdate)
	}
}

// examine reads a header and compares its length with what is there.
func examine(message []byte) (MessageType, *Notification) {
	if len(message) < HeaderLen {
		return 0, badLength(len(message))
	}
	kind, length, malformed := ParseHeader(message)
	if malformed == nil && length != len(message) {
		malformed = badLength(length)
	}
	return kind, malformed
}

// receiveParked keeps the OPEN of a connection that waits. A peer has nothing else
// to say before it has one.
func (s *Session) receiveParked(kind MessageType, malformed *Notification, message []byte) {
	if malformed != nil || kind != TypeOpen || s.parked.early != nil {
		s.hangup(&s.parked)
		return
	}
	s.parked.early = append([]byte(nil), message...)
}

// heard is what every message in an established session shows.
func (s *Session) heard(now Instant, f *fsm) {
	f.heard(now)
	s.alive(now)
}

// receiveOpen judges the peer's OPEN, and answers with a KEEPALIVE where it is as
// it has to be (RFC 4271 section 6.2).
func (s *Session) receiveOpen(now Instant, f *fsm, message []byte) {
	o, n := ParseOpen(message)
	detail := ""
	if n == nil {
		n, detail = s.judge(&o)
	}
	if n != nil {
		s.refuse(now, f, n, ending{why: reason.Notified, detail: detail, damp: true})
		return
	}
	if !s.collide(now, f, &o) {
		return
	}
	f.open, f.state = o, OpenConfirm
	f.hold = min(s.cfg.HoldTime, time.Duration(o.HoldTime)*time.Second)
	f.heard(now) // without a hold time, the KEEPALIVE is still waited for until holdAt
	s.retryAt, s.damped = clock.Never, false
	s.keepalive(now, f)
}

// judge tells what makes the peer another one than the configuration says.
func (s *Session) judge(o *Open) (n *Notification, detail string) {
	offer := s.offer()
	switch {
	case o.AS != s.cfg.PeerAS:
		return openError(BadPeerAS), fmt.Sprintf("the peer is AS %d, not AS %d", o.AS, s.cfg.PeerAS)
	case s.cfg.Internal() && o.RouterID == s.cfg.RouterID: // RFC 6286 section 2.2
		id := o.RouterID.As4()
		return openError(BadIdentifier, id[:]...), "the peer has the router ID of this node, " + o.RouterID.String()
	case !(o.IPv4 && offer.IPv4) && !(o.IPv6 && offer.IPv6):
		return openError(UnsupportedCapability, families(offer)...), "the peer offers none of the address families of this node"
	}
	return nil, ""
}

// families are the multiprotocol capabilities of an OPEN, for the data of
// UnsupportedCapability (RFC 5492 section 5).
func families(o *Open) []byte {
	var b []byte
	if o.IPv4 {
		b = append(b, capabilityMultiprotocol, 4, 0, afiIPv4, 0, safiUnicast)
	}
	if o.IPv6 {
		b = append(b, capabilityMultiprotocol, 4, 0, afiIPv6, 0, safiUnicast)
	}
	return b
}

// establish begins an established session.
func (s *Session) establish(now Instant, f *fsm) {
	f.state = EstablishedState
	f.heard(now)
	if f.hold == 0 {
		f.holdAt = clock.Never
	}
	s.upAt, s.lastError = now, ""
	offer := s.offer()
	s.speaker = Speaker{
		LocalAS: s.cfg.LocalAS, Internal: s.cfg.Internal(), FourOctet: offer.FourOctet && f.open.FourOctet,
		IPv4: offer.IPv4 && f.open.IPv4, IPv6: offer.IPv6 && f.open.IPv6,
		Local: f.local, NextHop4: s.cfg.NextHop4, NextHop6: s.cfg.NextHop6,
	}
	s.speaker.ExtendedNextHop = s.speaker.IPv4 && offer.ExtendedNextHop && f.open.ExtendedNextHop
	s.rib.fresh()
	s.change(Change{Kind: Established, Detail: s.terms(f)})
}

// terms says for people what was agreed on.
func (s *Session) terms(f *fsm) string {
	terms := []string{fmt.Sprintf("AS %d", f.open.AS), "router ID " + f.open.RouterID.String()}
	if f.hold > 0 {
		terms = append(terms, "hold time "+f.hold.String())
	} else {
		terms = append(terms, "no hold time")
	}
	if s.speaker.IPv4 {
		terms = append(terms, "IPv4")
	}
	if s.speaker.IPv6 {
		terms = append(terms, "IPv6")
	}
	if !f.open.FourOctet {
		terms = append(terms, "AS numbers of 16 bits")
	}
	return strings.Join(terms, ", ")
}
