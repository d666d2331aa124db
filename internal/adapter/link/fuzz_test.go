package link

import (
	"testing"

	"golang.org/x/sys/unix"
)

// FuzzHear takes the worker's ears through whatever may come out of a socket.
func FuzzHear(f *testing.F) {
	s := &rtnl{}
	s.addAddress(newAddress{index: 1, prefix: one("g", "10.0.0.200/24").Addresses[0].Prefix, label: "eth0:stead"})
	s.addAddress(newAddress{index: 1, prefix: one("g", "fd00::c8/64").Addresses[0].Prefix})
	s.removeAddress(1, one("g", "10.0.0.200/24").Addresses[0].Prefix)
	f.Add(s.buf)
	link := &rtnl{}
	start := link.begin(unix.RTM_NEWLINK, 0)
	link.buf = append(link.buf, make([]byte, unix.SizeofIfInfomsg)...)
	native.PutUint32(link.buf[start+unix.SizeofNlMsghdr+4:], 1)
	link.attr(unix.IFLA_IFNAME, []byte("eth0\x00"))
	link.attr(unix.IFLA_ADDRESS, []byte{2, 0, 0, 0, 0, 1})
	link.end(start)
	link.promoteSecondaries(1)
	f.Add(append(link.buf, s.buf...))
	f.Fuzz(func(t *testing.T, b []byte) {
		m := newMirror()
		for range 2 { // the second time everything is known
			eachMessage(b, func(kind uint16, _ uint32, body []byte) {
				if c := m.hear(kind, body); c.kind != nothing && c.iface == nil {
					t.Errorf("a change of no interface: %+v", c)
				}
			})
		}
		for name, i := range m.byName {
			if i.name != name || m.byIndex[i.index] != i {
				t.Errorf("%q is kept under %q", i.name, name)
			}
		}
	})
}
