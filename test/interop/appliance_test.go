package interop

import (
	"encoding/binary"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// appliance is a router of which there is no more than its advertisements: those
// of one that counts the checksum over the message alone, as RFC 9568 section
// 5.2.8 has it and neither of the packaged peers does. It is always active.
type appliance struct{}

func (appliance) String() string { return "appliance" }

func (appliance) up() string { return "" }

func (appliance) start(t testing.TB, h *host, s settings, priority int) {
	t.Helper()
	index := h.ns.Link(t, "eth1").Attrs().Index
	fd := 0
	h.ns.Do(func() { fd = packets(t, index, 0) })
	frame := h.advertisement(t, &s, byte(priority))
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(s.interval)
		defer tick.Stop()
		for {
			_ = unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: index}) // lost while the link is down
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	}()
	h.ns.Addr(t, "eth1", alone(s.vip()))
	t.Cleanup(func() { close(stop); <-ended; _ = unix.Close(fd) })
}

// advertisement is a frame of version 3 over IPv4 (RFC 9568 section 5).
func (h *host) advertisement(t testing.TB, s *settings, priority byte) []byte {
	t.Helper()
	message := []byte{0x31, vrid, priority, 1}
	message = binary.BigEndian.AppendUint16(message, uint16(s.interval/(10*time.Millisecond)))
	message = append(append(message, 0, 0), s.vip().AsSlice()...)
	binary.BigEndian.PutUint16(message[6:], ^onesComplement(message))
	header := []byte{0x45, 0xc0, 0, 0, 0, 0, 0, 0, 255, protocolVRRP, 0, 0}
	header = append(append(header, h.address4.AsSlice()...), 224, 0, 0, 18)
	binary.BigEndian.PutUint16(header[2:], uint16(len(header)+len(message)))
	binary.BigEndian.PutUint16(header[10:], ^onesComplement(header))
	frame := append(net.HardwareAddr{0x01, 0, 0x5e, 0, 0, 18}, h.ns.MAC(t, "eth1")...)
	return append(append(append(frame, 0x08, 0x00), header...), message...)
}

// Stead understands one whose checksum has the other form, and, left alone with
// it, sends that form.
func TestMessageChecksum(t *testing.T) {
	t.Parallel()
	t.Run("Stead standby", func(t *testing.T) {
		t.Parallel()
		s := settings{version: 3, interval: 100 * time.Millisecond}
		c := begin(t, s, appliance{}, steadRouter{})
		c.strikes(t, blackHole)
		v := c.watch.since(0)
		for _, a := range v.claims(c.standby.host) {
			if a.checksum != "message" {
				t.Errorf("not the form that it has heard: %v", &a)
				return
			}
		}
		before := now()
		c.active.host.heal(t)
		c.watch.settles(t, c.active.host, s)
		if v := c.watch.since(before); v.two() > s.interval+late+3*v.stalled() {
			t.Errorf("both answered for %v:\n%s", v.two(), c.watch.story(before))
		}
	})
	for _, form := range []string{"message", "pseudo-header"} {
		t.Run("Stead sends "+form, func(t *testing.T) {
			t.Parallel()
			n := newLAN(t)
			w := n.watched(t, vip4)
			s := settings{version: 3, interval: 100 * time.Millisecond}
			steadRouter{election: "checksum: " + form}.start(t, n.first, s, higher)
			w.settles(t, n.first, s)
			steadRouter{}.start(t, n.second, s, lower)
			n.second.listens(t, steadRouter{})
			w.alone(t, n.first, s.down(lower)+3*s.interval/2, now())
			v := w.since(0)
			for _, a := range v.claims(n.first) {
				if a.checksum != form {
					t.Errorf("not as configured: %v", &a)
					return
				}
			}
		})
	}
}

// A backup waits for as long as the active router's interval says, and not its
// own (RFC 9568 section 6.4.2), in both directions.
func TestIntervalAdopted(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name            string
		active, standby router
		own             time.Duration // of Stead, the standby one
	}{
		{"Stead is slower than keepalived", keepalived{}, steadRouter{}, time.Second},
		{"Stead is faster than keepalived", keepalived{}, steadRouter{}, 20 * time.Millisecond},
		{"Stead is slower than FRR", frr{}, steadRouter{}, time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := settings{version: 3, interval: 100 * time.Millisecond}
			c := prepare(t, s, side{tt.active, nil, higher}, side{tt.standby, nil, lower})
			c.start(t, &c.active)
			c.watch.settles(t, c.active.host, s)
			own := s
			own.interval = tt.own
			c.standby.router.start(t, c.standby.host, own, lower)
			c.standby.host.listens(t, c.standby.router)
			c.watch.alone(t, c.active.host, s.down(lower)+3*s.interval/2, now())
			c.strikes(t, blackHole)
		})
	}
}
