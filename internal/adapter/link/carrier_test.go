package link

import (
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"stead/internal/core"
)

// linkMessage is what the kernel says of eth0.
func linkMessage(carrier byte, changes uint32) []byte {
	s := &rtnl{}
	s.buf = append(s.buf, make([]byte, unix.SizeofIfInfomsg)...)
	native.PutUint32(s.buf[4:], 1)
	native.PutUint32(s.buf[8:], unix.IFF_UP)
	s.attr(unix.IFLA_IFNAME, []byte("eth0\x00"))
	s.attr(unix.IFLA_OPERSTATE, []byte{operUp})
	s.attr(unix.IFLA_CARRIER, []byte{carrier})
	s.attr32(unix.IFLA_CARRIER_CHANGES, changes)
	return s.buf
}

// A carrier that was away for so short that the kernel tells of both changes in
// one message has been away: the interface is reported once more. What changes
// nothing is not.
func TestCarrierAwayForAMoment(t *testing.T) {
	var reported []bool
	w := &worker{
		mirror: newMirror(), watched: map[string]bool{"eth0": true}, reported: map[string]state{},
		l: &Links{report: func(e core.Event) { reported = append(reported, e.(core.LinkState).Up) }},
	}
	for _, message := range []struct {
		carrier byte
		changes uint32
	}{{1, 1}, {1, 1}, {1, 3}, {1, 3}, {0, 4}, {0, 6}, {1, 7}} {
		w.mirror.hear(unix.RTM_NEWLINK, linkMessage(message.carrier, message.changes))
		w.reportLinks()
	}
	if want := []bool{true, true, false, true}; !slices.Equal(reported, want) {
		t.Errorf("reported up: %v, want %v", reported, want)
	}
}
