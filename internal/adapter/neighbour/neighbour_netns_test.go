package neighbour

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/testns"
)

// A question that was lost holds a datagram back for the kernel's second, and
// with a Keeper for a tenth of one. The datagram itself is not lost.
func TestLostQuestion(t *testing.T) {
	for _, family := range families {
		for _, kept := range []bool{false, true} {
			name := family.name + " left to the kernel"
			if kept {
				name = family.name + " kept"
			}
			t.Run(name, func(t *testing.T) {
				p := newPair(t, family.a, family.b)
				inbox, questions := p.listen(t), p.requests(t)
				if kept {
					p.keep(t)
				}
				p.send(t)
				questions.count(t, 1) // nobody has answered that one
				p.come(t)
				start := time.Now()
				if err := inbox.SetReadDeadline(start.Add(patience)); err != nil {
					t.Fatal(err)
				}
				if _, _, err := inbox.ReadFrom(make([]byte, 64)); err != nil {
					t.Fatalf("the datagram did not arrive: %v", err)
				}
				took := time.Since(start)
				t.Logf("the datagram arrived after %v", took)
				if kept && took >= 250*time.Millisecond {
					t.Errorf("with a Keeper it took %v", took)
				}
				if !kept && took <= 500*time.Millisecond {
					t.Errorf("without a Keeper it took only %v: this kernel does not need one", took)
				}
			})
		}
	}
}

// A host that is not there is asked for ten times a second at most, apart from
// the second after it was first looked for and after a carrier has come back.
func TestPace(t *testing.T) {
	for _, family := range families {
		t.Run(family.name, func(t *testing.T) {
			p := newPair(t, family.a, family.b)
			questions := p.requests(t)
			p.keep(t)
			p.send(t)
			questions.count(t, hurryLooks/2+3)
			if took := questions.count(t, 5); took < 400*time.Millisecond || took > time.Second {
				t.Errorf("five questions took %v, want half a second", took)
			}

			p.b.Down(t, "eth0")
			p.awaitCarrier(t, false)
			p.b.Up(t, "eth0")
			p.awaitCarrier(t, true)
			again := p.requests(t)
			testns.Eventually(t, patience, "a is connected again", func() bool {
				p.send(t)
				return again.next(t, 20*time.Millisecond)
			})
			if took := again.count(t, 10); took > 600*time.Millisecond {
				t.Errorf("ten questions took %v after the carrier had come back, want a fifth of a second", took)
			}
		})
	}
}

// Programs hear that a host cannot be reached although the kernel is made to
// ask for it over and over.
func TestProgramsAreTold(t *testing.T) {
	for _, family := range families {
		t.Run(family.name, func(t *testing.T) {
			p := newPair(t, family.a, family.b)
			p.keep(t)
			var err error
			p.a.Do(func() {
				_, err = net.DialTimeout("tcp", p.path.Remote.String(), 2*patience)
			})
			if !errors.Is(err, unix.EHOSTUNREACH) {
				t.Errorf("connect to a host that is not there: %v, want %v", err, unix.EHOSTUNREACH)
			}
		})
	}
}

// The next hop of a path is what the routes say, each looked after once.
//
//	a eth0 10.0.0.1, eth1 10.0.1.1
func TestNextHops(t *testing.T) {
	a := testns.New(t)
	testns.Veth(t, a, "eth0", a, "far0")
	testns.Veth(t, a, "eth1", a, "far1")
	a.Addr(t, "eth0", "10.0.0.1/24")
	a.Addr(t, "eth0", "fd00::1/64")
	a.Addr(t, "eth1", "10.0.1.1/24")
	a.Run(t, "ip", "route", "add", "10.9.0.0/16", "via", "10.0.0.254")
	a.Run(t, "ip", "route", "add", "10.8.0.0/16", "via", "inet6", "fe80::1", "dev", "eth1")
	a.Run(t, "ip", "-6", "route", "add", "fd09::/16", "via", "fd00::fe")
	a.Run(t, "ip", "route", "add", "blackhole", "10.7.0.0/16")
	type end struct{ device, addr string }
	for _, c := range []struct {
		name  string
		local string
		to    []string
		want  []end
	}{
		{"on the segment", "10.0.0.1", []string{"10.0.0.2"}, []end{{"eth0", "10.0.0.2"}}},
		{"on the segment, IPv6", "fd00::1", []string{"fd00::2"}, []end{{"eth0", "fd00::2"}}},
		{"behind one router", "10.0.0.1", []string{"10.9.0.1", "10.9.0.2", "10.9.7.7"}, []end{{"eth0", "10.0.0.254"}}},
		{"behind a router, IPv6", "fd00::1", []string{"fd09::1", "fd09::2"}, []end{{"eth0", "fd00::fe"}}},
		{"IPv4 behind an IPv6 router", "10.0.1.1", []string{"10.8.0.1"}, []end{{"eth1", "fe80::1"}}},
		{"two segments", "10.0.0.1", []string{"10.0.0.2", "10.0.1.2"}, []end{{"eth0", "10.0.0.2"}, {"eth1", "10.0.1.2"}}},
		{"the host itself", "10.0.0.1", []string{"10.0.0.1", "127.0.0.1"}, nil},
		{"no route", "10.0.0.1", []string{"203.0.113.1", "10.7.0.1"}, nil},
		{"an address that is not there yet", "10.0.0.77", []string{"10.0.0.2"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var paths []Path
			for _, to := range c.to {
				paths = append(paths, Path{Local: netip.AddrPortFrom(netip.MustParseAddr(c.local), 1), Remote: netip.AddrPortFrom(netip.MustParseAddr(to), 1)})
			}
			p := &pair{a: a}
			k := p.open(t, nil)
			defer k.close()
			k.paths = paths
			k.findHops()
			var got []end
			for _, h := range k.hops {
				link, err := a.Netlink().LinkByIndex(int(h.index))
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, end{link.Attrs().Name, h.addr.String()})
			}
			if len(got) != len(c.want) {
				t.Fatalf("next hops %v, want %v", got, c.want)
			}
			for i := range got {
				if got[i] != c.want[i] {
					t.Errorf("next hops %v, want %v", got, c.want)
				}
			}
			before := k.hops
			k.findHops()
			for i := range before {
				if k.hops[i] != before[i] {
					t.Error("a second lookup forgot what was known of a next hop")
				}
			}
		})
	}
}

// What is not ours to touch never looks as if it waited for an answer.
func TestLeftAlone(t *testing.T) {
	for _, c := range []struct {
		name  string
		setUp []string
		want  uint16
	}{
		{"a device without ARP", []string{"ip", "link", "set", "eth0", "arp", "off"}, unix.NUD_NOARP},
		{"a permanent entry", []string{"ip", "neigh", "add", "10.0.0.2", "lladdr", "02:00:00:00:00:02", "dev", "eth0", "nud", "permanent"}, unix.NUD_PERMANENT},
		{"an entry that another program learns", []string{"ip", "neigh", "add", "10.0.0.2", "lladdr", "02:00:00:00:00:02", "dev", "eth0", "extern_learn"}, unix.NUD_NONE},
		{"no entry", []string{"true"}, unix.NUD_NONE},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPair(t, families[0].a, families[0].b)
			if out, err := p.a.Try(t, c.setUp...); err != nil {
				t.Fatalf("%v: %v: %s", c.setUp, err, out)
			}
			if c.want != unix.NUD_NONE {
				p.send(t)
			}
			k := p.open(t, nil)
			defer k.close()
			k.findHops()
			if len(k.hops) != 1 {
				t.Fatalf("%d next hops, want 1", len(k.hops))
			}
			state, err := k.requests.state(k.hops[0].index, k.hops[0].addr)
			if err != nil || state != c.want {
				t.Errorf("state %#x, %v, want %#x", state, err, c.want)
			}
		})
	}
}

// An entry that the kernel resolves for another program (NTF_EXT_MANAGED) waits
// for an answer, and is left to that program.
func TestManagedByAnother(t *testing.T) {
	p := newPair(t, families[0].a, families[0].b)
	k := p.open(t, nil)
	defer k.close()
	k.findHops()
	h, c := k.hops[0], k.requests
	c.begin(unix.RTM_NEWNEIGH, unix.NLM_F_CREATE|unix.NLM_F_ACK)
	c.neighbour(h.index, h.addr, unix.NUD_NONE, 0)
	c.attr(ndaFlagsExt, native.AppendUint32(nil, 1))
	if _, err := c.do(); err != nil {
		testns.Lacking(t, "managed neighbours (Linux 5.16)", err)
	}
	if out := p.a.Run(t, "ip", "neigh", "show", "10.0.0.2"); !strings.Contains(out, "INCOMPLETE") {
		t.Fatalf("the entry does not wait: %s", out)
	}
	if state, err := c.state(h.index, h.addr); err != nil || state != unix.NUD_NONE {
		t.Errorf("state %#x, %v, want %#x", state, err, unix.NUD_NONE)
	}
}

// Without the permission a Keeper says so once and ends.
func TestWithoutPermission(t *testing.T) {
	p := newPair(t, families[0].a, families[0].b)
	complaints := make(chan error, 10)
	k := p.open(t, func(err error) { complaints <- err })
	p.send(t)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var none [2]unix.CapUserData
		if err := unix.Capset(&header, &none[0]); err != nil {
			done <- err
			return
		}
		k.Run(ctx)
		done <- nil
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if ctx.Err() != nil {
		t.Error("Run goes on without the permission")
	}
	close(complaints)
	var all []error
	for err := range complaints {
		all = append(all, err)
	}
	if len(all) != 1 || !errors.Is(all[0], unix.EPERM) {
		t.Errorf("complaints %v, want one of %v", all, unix.EPERM)
	}
}

// BenchmarkLook is what one look at one next hop costs: twenty of them a second.
func BenchmarkLook(b *testing.B) {
	p := newPair(b, families[0].a, families[0].b)
	p.come(b)
	p.send(b)
	k := p.open(b, nil)
	defer k.close()
	k.findHops()
	b.ReportAllocs()
	for b.Loop() {
		if err := k.look(k.hops[0]); err != nil {
			b.Fatal(err)
		}
	}
}
