package interop

import (
	"net/netip"
	"testing"
	"time"
)

// vrid is that of every virtual router here.
const vrid = 51

// settings are those that both routers of a case have.
type settings struct {
	version   int // 2 or 3
	ipv6      bool
	interval  time.Duration // of advertisements
	unicast   bool
	password  string // version 2: PASS
	nopreempt bool
	checked   bool // a file says whether the router is well: see ill and well
	weight    int  // of the check; 0: it is fatal
}

// vip is the address that moves.
func (s *settings) vip() netip.Addr {
	if s.ipv6 {
		return vip6
	}
	return vip4
}

// source is where a host's advertisements come from.
func (s *settings) source(h *host) netip.Addr {
	if s.ipv6 {
		return h.local6
	}
	return h.address4
}

// skew is Skew_Time of a router (RFC 9568 section 6.1; RFC 3768 section 6.1).
func (s *settings) skew(priority int) time.Duration {
	unit := s.interval
	if s.version == 2 {
		unit = time.Second
	}
	return unit * time.Duration(256-priority) / 256
}

// down is Active_Down_Interval of a router.
func (s *settings) down(priority int) time.Duration { return 3*s.interval + s.skew(priority) }

// router is a program that speaks VRRP.
type router interface {
	String() string
	// up is what it writes when it begins to listen.
	up() string
	// start starts it on a host with a priority. It returns when the program runs.
	start(t testing.TB, h *host, s settings, priority int)
}

// checkFile is the file that says whether a router is well: 0, or else it is not.
const checkFile = "check"

// well lets the host's router be well.
func (h *host) well(t testing.TB) { h.overwrite(t, "0\n") }

// ill lets the host's check fail.
func (h *host) ill(t testing.TB) { h.overwrite(t, "1\n") }
