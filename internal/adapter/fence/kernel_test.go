package fence

import (
	"testing"
	"time"

	"stead/internal/config"
	"stead/internal/core"
	"stead/internal/testns"
)

// eachMethod runs a test of the kernel fence with both ways to attach it.
func eachMethod(t *testing.T, test func(t *testing.T, opts Options)) {
	for _, method := range []AttachMethod{AttachTCX, AttachFilter} {
		t.Run(string(method), func(t *testing.T) {
			test(t, Options{Attach: method})
		})
	}
}

func TestKernelFenceOpensAndCloses(t *testing.T) {
	eachMethod(t, func(t *testing.T, opts Options) {
		s := newScene(t, "eth0")
		s.expect(t, "without a fence", everything)
		f := s.fence(t, config.FenceKernel, opts)
		s.expect(t, "with nothing bound", everything)
		bind(t, f, "eth0", 1)
		s.expect(t, "in a slot that was never open", silent)
		slot := func(when string, fs core.FenceSlot, want seen) {
			t.Helper()
			if err := f.Slot(fs); err != nil {
				t.Fatal(err)
			}
			s.expect(t, when, want)
		}
		slot("open", open(1), everything)
		slot("lingering", core.FenceSlot{Slot: 1, Answer: 0, Serve: in(time.Hour)}, lingering)
		slot("open again", open(1), everything)
		slot("after the deadline", core.FenceSlot{Slot: 1, Answer: in(30 * time.Millisecond), Serve: in(30 * time.Millisecond)}, silent)
		slot("open again", open(1), everything)
		bind(t, f, "eth0", 0)
		s.expect(t, "in the slot that is never open", silent)

		dropped := f.Status().Dropped
		if dropped.ARP == 0 || dropped.Solicitation == 0 || dropped.Packet == 0 {
			t.Errorf("counters after drops of every kind: %+v", dropped)
		}
		for _, addr := range f.Bound() {
			if err := f.Unbind(addr); err != nil {
				t.Fatal(err)
			}
		}
		s.expect(t, "unbound", everything)
	})
}

// The weak host model: an address on the loopback is answered for on every interface.
func TestKernelFenceOfAddressOnLoopback(t *testing.T) {
	eachMethod(t, func(t *testing.T, opts Options) {
		s := newScene(t, "lo")
		f := s.fence(t, config.FenceKernel, opts)
		bind(t, f, "lo", 1)
		// Linux does not answer solicitations for an address of another interface.
		want := everything
		want.neighbor6 = false
		s.expect(t, "closed", silent)
		if err := f.Slot(open(1)); err != nil {
			t.Fatal(err)
		}
		s.expect(t, "open", want)
	})
}

// The host talks to its own address over the loopback, which has no fence.
func TestKernelFenceLeavesTheHostItself(t *testing.T) {
	s := newScene(t, "eth0")
	f := s.fence(t, config.FenceKernel, Options{})
	bind(t, f, "eth0", 0)
	if err := s.host.Ping(t, service4, seeWithin); err != nil {
		t.Error(err)
	}
	if err := s.host.Ping(t, service6, seeWithin); err != nil {
		t.Error(err)
	}
}

func TestKernelFenceOnEveryKindOfInterface(t *testing.T) {
	for kind, build := range map[string]func(t *testing.T, s *scene) string{
		"bridge": func(t *testing.T, s *scene) string {
			testns.Bridge(t, s.host, "br0", "eth0")
			return "br0"
		},
		"macvlan": func(t *testing.T, s *scene) string {
			s.host.Run(t, "ip", "link", "add", "mv0", "link", "eth0", "type", "macvlan", "mode", "bridge")
			s.host.Up(t, "mv0")
			return "mv0"
		},
	} {
		t.Run(kind, func(t *testing.T) {
			eachMethod(t, func(t *testing.T, opts Options) {
				s := &scene{host: testns.New(t), client: testns.New(t)}
				testns.Veth(t, s.client, "eth0", s.host, "eth0")
				device := build(t, s)
				s.addresses(t, device, device)
				s.start(t, device)
				f := s.fence(t, config.FenceKernel, opts)
				bind(t, f, device, 1)
				s.expect(t, "closed", silent)
				if err := f.Slot(open(1)); err != nil {
					t.Fatal(err)
				}
				s.expect(t, "open", everything)
			})
		})
	}
}

// The overlay: client and host have a tunnel over the cable between them.
func TestKernelFenceOnVXLAN(t *testing.T) {
	eachMethod(t, func(t *testing.T, opts Options) {
		s := &scene{host: testns.New(t), client: testns.New(t)}
		testns.Veth(t, s.client, "under0", s.host, "under0")
		s.host.Addr(t, "under0", "198.51.100.1/24")
		s.client.Addr(t, "under0", "198.51.100.9/24")
		for ns, remote := range map[*testns.NS]string{s.host: "198.51.100.9", s.client: "198.51.100.1"} {
			name := "vxlan0"
			if ns == s.client {
				name = "eth0"
			}
			ns.Run(t, "ip", "link", "add", name, "type", "vxlan", "id", "10", "dstport", "4789", "remote", remote, "dev", "under0")
			ns.Up(t, name)
		}
		s.addresses(t, "vxlan0", "vxlan0")
		s.start(t, "vxlan0")
		f := s.fence(t, config.FenceKernel, opts)
		bind(t, f, "vxlan0", 1)
		s.expect(t, "closed", silent)
		if err := f.Slot(open(1)); err != nil {
			t.Fatal(err)
		}
		s.expect(t, "open", everything)
	})
}

// An interface that appears while the fence is there gets it.
func TestKernelFenceOnNewInterface(t *testing.T) {
	eachMethod(t, func(t *testing.T, opts Options) {
		opts.CheckEvery = time.Hour // it must be found by its own event
		s := &scene{host: testns.New(t), client: testns.New(t)}
		f := s.fence(t, config.FenceKernel, opts)
		bind(t, f, "eth0", 1)
		testns.Veth(t, s.client, "eth0", s.host, "eth0")
		testns.Eventually(t, seeWithin, "the new interface has the fence", func() bool {
			attached := f.Status().Attached
			return len(attached) == 1 && attached[0] == "eth0"
		})
		s.addresses(t, "eth0", "eth0")
		s.start(t, "eth0")
		s.expect(t, "closed", silent)
		if err := f.Slot(open(1)); err != nil {
			t.Fatal(err)
		}
		s.expect(t, "open", everything)
		if err := s.host.Netlink().LinkDel(s.host.Link(t, "eth0")); err != nil {
			t.Fatal(err)
		}
		testns.Eventually(t, seeWithin, "the interface that went away is forgotten", func() bool {
			return len(f.Status().Attached) == 0
		})
		if st := f.Status(); len(st.Problems) != 0 || st.Repairs.Attachments != 0 {
			t.Errorf("problems %q, repairs %d", st.Problems, st.Repairs.Attachments)
		}
	})
}
