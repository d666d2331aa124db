package vrrp

import (
	"encoding/hex"
	"testing"
	"time"
)

// Version 2 by hand: type 1, VRID 10, priority 100, 2 addresses, authentication 0, 1 s;
// its words add up to 210a+6402+0001+c000+0264+c000+0265 = 209d6, folded 09d8;
// the complement is f627. The password "secret" adds 7365+6372+6574 = 13c4b to
// 20ad6, for the type of the authentication is 1: 34721, folded 4724; b8db.
const (
	hand2         = "210a6402" + "0001" + "f627" + "c0000264" + "c0000265" + "0000000000000000"
	hand2password = "210a6402" + "0101" + "b8db" + "c0000264" + "c0000265" + "7365637265740000"
)

// RFC 3768 section 5.3: no authentication, 8 bytes of zero.
func TestRFC3768_5_3_Packet(t *testing.T) {
	if got := hex.EncodeToString(transmit(v2(), 100, time.Second)); got != hand2 {
		t.Errorf("sent\n  %s, want\n  %s", got, hand2)
	}
	if got := decode(v2(), &Packet{Source: other4, Destination: group4, TTL: TTL, Bytes: unhex(t, hand2)}); got != Accepted {
		t.Errorf("%v", got)
	}
}

// RFC 3768 section 5.3.7: the interval is told in seconds.
func TestRFC3768_5_3_7_Interval(t *testing.T) {
	for interval, want := range map[time.Duration]byte{0: 1, 1500 * time.Millisecond: 1, 2 * time.Second: 2, 255 * time.Second: 255, time.Hour: 255} {
		if got := transmit(v2(), 100, interval)[5]; got != want {
			t.Errorf("%v: %d s, want %d", interval, got, want)
		}
	}
}

// RFC 3768 section 5.3.10: the authentication data is ignored on reception.
func TestRFC3768_5_3_10_AuthenticationDataIsIgnored(t *testing.T) {
	p := sent(v2())
	p.Bytes[16] = 1
	repair(p)
	if got := decode(v2(), p); got != Accepted {
		t.Errorf("%v", got)
	}
}

// RFC 2338 sections 5.3.6 and 5.3.10: a password of up to eight bytes, padded with zeros.
func TestRFC2338_5_3_6_Password(t *testing.T) {
	cfg := v2password("secret")
	if got := hex.EncodeToString(transmit(cfg, 100, time.Second)); got != hand2password {
		t.Errorf("sent\n  %s, want\n  %s", got, hand2password)
	}
	if got := decode(cfg, sent(cfg)); got != Accepted {
		t.Errorf("%v", got)
	}
	if got := decode(v2password("eight888"), sent(v2password("eight888 and more"))); got != Accepted {
		t.Errorf("cut at eight: %v", got)
	}
}

// RFC 3768 section 7.1: the interval in the packet must be the configured one.
func TestRFC3768_7_1_OtherIntervalIsDiscarded(t *testing.T) {
	other := v2()
	other.Interval = 2 * time.Second
	if got := decode(v2(), sent(other)); got != OtherInterval {
		t.Errorf("%v", got)
	}
	if got := decode(other, sent(other)); got != Accepted {
		t.Errorf("%v", got)
	}
}

// RFC 3768 section 5.3.8: the checksum has no pseudo-header in version 2, whatever
// is configured for version 3.
func TestRFC3768_5_3_8_Checksum(t *testing.T) {
	cfg := v2()
	cfg.Checksum = ChecksumPseudoHeader
	if got := hex.EncodeToString(transmit(cfg, 100, time.Second)); got != hand2 {
		t.Errorf("sent %s", got)
	}
	p := sent(cfg)
	b := p.Bytes
	b[6], b[7] = 0, 0
	s := header(p.Source, p.Destination, len(b)).add(b).fold()
	b[6], b[7] = byte(s>>8), byte(s)
	if got := decode(cfg, p); got != BadChecksum {
		t.Errorf("with a pseudo-header: %v", got)
	}
}
