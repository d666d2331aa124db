package lab

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"stead/internal/core/clock"
	"stead/internal/workload"
)

// The network sends the service's address to the primary, then nowhere, then to
// the secondary. What the client measures lies between the bounds that the times
// of these changes give.
func TestClientMeasuresWhatHappened(t *testing.T) {
	kernel(t, func(t *testing.T) {
		w := threeHosts(t, false)
		service := netip.MustParseAddr("10.0.1.200")
		for _, name := range []string{primary, secondary} {
			serveOn(t, w.Host(name), service)
		}
		via := func(name string) *netlink.Route {
			link, err := w.net.LinkByName(toHost(w.Host(name)))
			if err != nil {
				t.Fatal(err)
			}
			gateway := w.Host(name).Address.AsSlice()
			return &netlink.Route{LinkIndex: link.Attrs().Index, Dst: ipNet(single(service)), Gw: gateway, Flags: int(netlink.FLAG_ONLINK)}
		}
		routeTo := func(r *netlink.Route) (before, after clock.Instant) {
			before = workload.Now()
			if err := w.net.RouteReplace(r); err != nil {
				t.Fatal(err)
			}
			return before, workload.Now()
		}
		routeTo(via(primary))
		asking := ask(t, w.Host(client), service)
		await(t, asking, primary)
		t0, t1 := routeTo(&netlink.Route{Dst: ipNet(single(service)), Type: unix.RTN_BLACKHOLE})
		await(t, asking, "")
		t2, t3 := routeTo(via(secondary))
		await(t, asking, secondary)

		r := workload.Analyze(asking.Samples(t0.Add(-inARow*askEvery), workload.Now().Add(-20*askEvery)), askEvery)
		if len(r.Outages) != 1 || len(r.Changes) != 1 || len(r.Dual) != 0 {
			t.Fatalf("outages %+v, changes %+v, two holders %+v; want one, one, none", r.Outages, r.Changes, r.Dual)
		}
		// The last answered request left at most one interval before t1, and the
		// first answered one at most one after t3; a client that was held up adds to both.
		held := longestStep(asking.Samples(t0.Add(-inARow*askEvery), workload.Now()))
		if o := r.Outages[0]; o.Length < t2.Sub(t1)-askEvery || o.Length > t3.Sub(t0)+2*held || o.From != primary || o.To != secondary {
			t.Errorf("outage of %v from %s to %s, want %v to %v from primary to secondary", o.Length, o.From, o.To, t2.Sub(t1)-askEvery, t3.Sub(t0)+2*held)
		}
	})
}

func longestStep(samples []workload.Sample) (longest time.Duration) {
	for i := 1; i < len(samples); i++ {
		longest = max(longest, samples[i].Sent.Sub(samples[i-1].Sent))
	}
	return longest
}

// serveOn gives a host the service's address and a server that answers with the host's name.
func serveOn(t *testing.T, h *Host, service netip.Addr) {
	t.Helper()
	lo, err := h.Net().LinkByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Net().AddrAdd(lo, &netlink.Addr{IPNet: ipNet(single(service))}); err != nil {
		t.Fatal(err)
	}
	var server *workload.Server
	h.Do(func() { server, err = workload.Listen(h.Name, netip.Addr{}, servicePort) })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
}

func ask(t *testing.T, h *Host, service netip.Addr) *workload.Pinger {
	t.Helper()
	var p *workload.Pinger
	var err error
	h.Do(func() {
		p, err = workload.NewPinger(workload.Options{Target: netip.AddrPortFrom(service, servicePort), Proto: workload.UDP, Interval: askEvery, Timeout: askPatience})
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { p.Run(ctx); close(ended) }()
	t.Cleanup(func() { cancel(); <-ended })
	return p
}

// await waits until a row of requests sent from now on is answered by holder, or
// by nobody when it is empty.
func await(t *testing.T, p *workload.Pinger, holder string) {
	t.Helper()
	from := workload.Now()
	for end := from.Add(20 * time.Second); workload.Now() < end; time.Sleep(5 * time.Millisecond) {
		samples := p.Samples(from, workload.Now().Add(-20*askEvery))
		if holder != "" {
			if _, ok := steady(samples, holder); ok {
				return
			}
		} else if r := workload.Analyze(samples, askEvery); r.Lost >= inARow {
			return
		}
	}
	t.Fatalf("the service was not answered by %q", holder)
}
