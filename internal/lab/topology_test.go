package lab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
)

// mail is a host's UDP socket. A datagram that is dropped is found out without
// waiting: the next one that arrives is another.
type mail struct {
	host *Host
	conn *net.UDPConn
}

func mails(t *testing.T, w network) map[string]*mail {
	t.Helper()
	boxes := map[string]*mail{}
	for _, h := range w.Hosts() {
		m := &mail{host: h}
		var err error
		h.Do(func() {
			m.conn, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(h.Address, 5000)))
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = m.conn.Close() })
		boxes[h.Name] = m
	}
	return boxes
}

func (m *mail) send(to *mail, text string) {
	_, _ = m.conn.WriteToUDPAddrPort([]byte(text), netip.AddrPortFrom(to.host.Address, 5000))
}

// next is the next datagram that arrives.
func (m *mail) next(limit time.Duration) string {
	buf := make([]byte, 64)
	_ = m.conn.SetReadDeadline(time.Now().Add(limit))
	n, _, err := m.conn.ReadFromUDPAddrPort(buf)
	if err != nil {
		return "nothing: " + err.Error()
	}
	return string(buf[:n])
}

// connect sends until something arrives. The neighbour entries that it needs exist afterwards.
func connect(t *testing.T, from, to *mail) {
	t.Helper()
	for range 50 {
		from.send(to, "hello")
		if to.next(200*time.Millisecond) == "hello" {
			for to.next(time.Millisecond) == "hello" { // what was queued for a neighbour
			}
			return
		}
	}
	t.Fatalf("%s does not reach %s", from.host.Name, to.host.Name)
}

var pairs = [][2]string{{primary, secondary}, {secondary, primary}, {primary, client}, {client, primary}, {secondary, client}, {client, secondary}}

// expect sends what should be dropped and checks what arrives after the fault
// has ended. A host that lost its carrier has forgotten its neighbours: what it
// sent waits in its own queue, and is not looked at.
func expect(t *testing.T, w network, boxes map[string]*mail, dropped map[[2]string]bool, cut string) {
	t.Helper()
	for _, pair := range pairs {
		boxes[pair[0]].send(boxes[pair[1]], "during "+pair[0])
	}
	if err := w.Heal(); err != nil {
		t.Fatal(err)
	}
	for _, pair := range pairs {
		boxes[pair[0]].send(boxes[pair[1]], "after "+pair[0])
	}
	got := map[[2]string]bool{}
	for _, h := range w.Hosts() {
		for missing := 2; missing > 0; {
			text := boxes[h.Name].next(5 * time.Second)
			got[[2]string{h.Name, text}] = true
			if !strings.HasPrefix(text, "during") {
				missing--
			}
		}
	}
	for _, pair := range pairs {
		if arrived := got[[2]string{pair[1], "during " + pair[0]}]; arrived == dropped[pair] && pair[0] != cut {
			t.Errorf("%s to %s during the fault: arrived %v, want %v", pair[0], pair[1], arrived, !dropped[pair])
		}
		if !got[[2]string{pair[1], "after " + pair[0]}] {
			t.Errorf("%s to %s after the fault: did not arrive (%v)", pair[0], pair[1], got)
		}
	}
}

func TestFaultsDropWhatTheySay(t *testing.T) {
	kernel(t, func(t *testing.T) {
		for _, ipv6 := range []bool{false, true} {
			t.Run(fmt.Sprintf("routed, ipv6=%v", ipv6), func(t *testing.T) { faultsDrop(t, threeHosts(t, ipv6)) })
			t.Run(fmt.Sprintf("switched, ipv6=%v", ipv6), func(t *testing.T) {
				w, err := NewSegment(trialHosts(&Options{IPv6: ipv6}))
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(w.Close)
				faultsDrop(t, w)
			})
		}
	})
}

func faultsDrop(t *testing.T, w network) {
	boxes := mails(t, w)
	for _, from := range boxes {
		for _, to := range boxes {
			if from != to {
				connect(t, from, to)
			}
		}
	}
	p, s := w.Host(primary), w.Host(secondary)
	faults := []struct {
		name    string
		inject  func() error
		dropped map[[2]string]bool
	}{
		{"none", func() error { return nil }, nil},
		{"blackhole", func() error { return w.Blackhole(p) }, map[[2]string]bool{
			{primary, secondary}: true, {secondary, primary}: true, {primary, client}: true, {client, primary}: true}},
		{"oneway", func() error { return w.OneWay(p) }, map[[2]string]bool{{secondary, primary}: true, {client, primary}: true}},
		{"partition", func() error { return w.Partition(p, s) }, map[[2]string]bool{{primary, secondary}: true, {secondary, primary}: true}},
		{"cut", func() error { return w.Cut(p) }, map[[2]string]bool{
			{secondary, primary}: true, {client, primary}: true}},
	}
	for _, fault := range faults {
		if _, switched := w.(*Segment); switched && fault.name == "partition" {
			if err := fault.inject(); !errors.Is(err, errOnePath) {
				t.Errorf("partition of a segment: %v", err)
			}
			continue
		}
		t.Run(fault.name, func(t *testing.T) {
			if err := fault.inject(); err != nil {
				t.Fatal(err)
			}
			if link, err := p.Net().LinkByName(underlay); err != nil {
				t.Fatal(err)
			} else if carrier := link.Attrs().RawFlags&0x10000 != 0; carrier == (fault.name == "cut") { // IFF_LOWER_UP
				t.Errorf("carrier of the primary: %v", carrier)
			}
			cut := ""
			if fault.name == "cut" {
				cut = primary
			}
			expect(t, w, boxes, fault.dropped, cut)
		})
	}
}

func TestWorldHasNoLayerTwo(t *testing.T) {
	kernel(t, func(t *testing.T) {
		w := threeHosts(t, false)
		boxes := mails(t, w)
		connect(t, boxes[primary], boxes[secondary])
		// What the primary knows of the secondary is the network's own hardware address.
		fabric, err := w.net.LinkByName(toHost(w.Host(primary)))
		if err != nil {
			t.Fatal(err)
		}
		neighbours, err := w.Host(primary).Net().NeighList(0, netlink.FAMILY_V4)
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, n := range neighbours {
			if n.IP.Equal(w.Host(secondary).Address.AsSlice()) {
				found = true
				if n.HardwareAddr.String() != fabric.Attrs().HardwareAddr.String() {
					t.Errorf("the secondary is at %v, want the network's %v", n.HardwareAddr, fabric.Attrs().HardwareAddr)
				}
			}
		}
		if !found {
			t.Error("the primary has no neighbour entry for the secondary")
		}
	})
}

func TestHostsShareNoRunDirectory(t *testing.T) {
	kernel(t, func(t *testing.T) {
		w := threeHosts(t, false)
		var err error
		w.Host(primary).Do(func() { err = os.WriteFile(HostDir+"/mine", []byte("p"), 0o600) })
		if err != nil {
			t.Fatal(err)
		}
		w.Host(secondary).Do(func() { _, err = os.Stat(HostDir + "/mine") })
		if !os.IsNotExist(err) {
			t.Errorf("the secondary sees the primary's file: %v", err)
		}
	})
}
