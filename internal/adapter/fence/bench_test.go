package fence

import (
	"net/netip"
	"testing"

	"github.com/cilium/ebpf"

	"stead/internal/config"
	"stead/internal/core"
)

// A renewal is the hot path: it must not allocate, whatever the kind.
func TestSlotDoesNotAllocate(t *testing.T) {
	s := newScene(t, "eth0")
	for _, mode := range []config.FenceMode{config.FenceKernel, config.FenceGuard, config.FenceNone} {
		f := s.fence(t, mode, Options{})
		slot := open(1)
		if n := testing.AllocsPerRun(1000, func() {
			slot.Serve++
			if err := f.Slot(slot); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", mode, n)
		}
	}
}

func BenchmarkSlot(b *testing.B) {
	s := newScene(b, "eth0")
	for _, mode := range []config.FenceMode{config.FenceKernel, config.FenceGuard} {
		b.Run(string(mode), func(b *testing.B) {
			f := s.fence(b, mode, Options{})
			bind(b, f, "eth0", 1)
			slot := open(1)
			b.ReportAllocs()
			for b.Loop() {
				slot.Answer++
				slot.Serve++
				if err := f.Slot(slot); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkBind(b *testing.B) {
	s := newScene(b, "eth0")
	for _, mode := range []config.FenceMode{config.FenceKernel, config.FenceGuard} {
		b.Run(string(mode), func(b *testing.B) {
			f := s.fence(b, mode, Options{})
			addr := Address{Prefix: netip.MustParsePrefix("192.0.2.200/32"), Interface: "eth0"}
			for slot := 0; b.Loop(); slot++ {
				if err := f.Bind(addr, slot%core.FenceSlots); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPacket is what the programs cost a packet, measured by the kernel.
func BenchmarkPacket(b *testing.B) {
	l := load(b)
	l.bindBoth(b)
	slot := open(1)
	for _, c := range []struct {
		name    string
		program *ebpf.Program
		frame   []byte
		open    bool
	}{
		{"in/IPv4 to another address", l.in, frame(0x0800, ipv4Packet(other4, other4)), true},
		{"in/IPv4 to an open address", l.in, frame(0x0800, ipv4Packet(other4, service4)), true},
		{"in/IPv4 to a closed address", l.in, frame(0x0800, ipv4Packet(other4, service4)), false},
		{"in/IPv6 to an open address", l.in, frame(0x86dd, ipv6Packet(17, other6, service6, make([]byte, 8)...)), true},
		{"in/solicitation", l.in, frame(0x86dd, neighborDiscovery(135, other6, service6, service6)), true},
		{"in/ARP request", l.in, frame(0x0806, arpMessage(1, other4, service4)), true},
		{"in/another protocol", l.in, frame(0x88cc, make([]byte, 50)), true},
		{"out/IPv4 from an open address", l.out, frame(0x0800, ipv4Packet(service4, other4)), true},
		{"out/IPv6 from an open address", l.out, frame(0x86dd, ipv6Packet(17, service6, other6, make([]byte, 8)...)), true},
	} {
		b.Run(c.name, func(b *testing.B) {
			if c.open {
				l.maps.table().move(slot)
			} else {
				l.maps.table().close()
			}
			_, each, err := c.program.Benchmark(c.frame, 1_000_000, b.ResetTimer)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(each.Nanoseconds()), "ns/packet")
			b.ReportMetric(0, "ns/op")
		})
	}
}
