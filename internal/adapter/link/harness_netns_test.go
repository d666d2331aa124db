package link

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/core"
	"stead/internal/testns"
)

func TestMain(m *testing.M) { testns.Main(m) }

// patience is how long a test waits for what has to happen.
const patience = 5 * time.Second

// bootTime is the daemon's clock.
func bootTime() core.Instant {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic(err)
	}
	return core.Instant(ts.Nano())
}

// reports collects what a Links reports.
type reports struct {
	mu     sync.Mutex
	events []core.Event
	number int
	full   chan struct{}
}

func (r *reports) add(e core.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
	if r.full != nil && len(r.events) == r.number {
		close(r.full)
		r.full = nil
	}
}

// expect forgets all events and returns a channel that is closed with the n-th from now.
func (r *reports) expect(n int) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	full := make(chan struct{})
	r.events, r.number, r.full = r.events[:0], n, full
	return full
}

// count returns how many of the events so far are e.
func (r *reports) count(e core.Event) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, have := range r.events {
		if have == e {
			n++
		}
	}
	return n
}

// failures returns the details of all ApplyFailed.
func (r *reports) failures() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var details []string
	for _, e := range r.events {
		if f, ok := e.(core.ApplyFailed); ok {
			details = append(details, f.Detail)
		}
	}
	return details
}

// repairs returns how many AddressRepaired came.
func (r *reports) repairs() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, e := range r.events {
		if _, ok := e.(core.AddressRepaired); ok {
			n++
		}
	}
	return n
}

func (r *reports) await(t *testing.T, e core.Event) {
	t.Helper()
	r.awaitCount(t, e, 1)
}

func (r *reports) awaitCount(t *testing.T, e core.Event, n int) {
	t.Helper()
	defer func() {
		if t.Failed() {
			r.mu.Lock()
			defer r.mu.Unlock()
			t.Logf("reports: %+v", r.events)
		}
	}()
	testns.Eventually(t, patience, fmt.Sprintf("report %d of %+v", n, e), func() bool { return r.count(e) >= n })
}

// start runs a Links in a namespace.
func start(t testing.TB, ns *testns.NS, groups ...Group) (*Links, *reports) {
	t.Helper()
	r := &reports{}
	var l *Links
	var err error
	ns.Do(func() { l, err = New(Options{Groups: groups, Report: r.add, Now: bootTime}) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l, r
}

// one makes a group of addresses on eth0.
func one(name string, prefixes ...string) Group {
	return on("eth0", name, prefixes...)
}

func on(iface, name string, prefixes ...string) Group {
	g := Group{Name: name}
	for _, p := range prefixes {
		g.Addresses = append(g.Addresses, Address{netip.MustParsePrefix(p), iface})
	}
	return g
}

// shown is an address as `ip -json address` shows it.
type shown struct {
	Local     string `json:"local"`
	Prefix    int    `json:"prefixlen"`
	Scope     string `json:"scope"`
	Label     string `json:"label"`
	Secondary bool   `json:"secondary"`
	NoRoute   bool   `json:"noprefixroute"`
	NoDAD     bool   `json:"nodad"`
	Tentative bool   `json:"tentative"`
	Depr      bool   `json:"deprecated"`
	Protocol  string `json:"protocol"`
}

// addresses returns what an interface has, by prefix. Link-local ones are left out.
func addresses(t testing.TB, ns *testns.NS, iface string) map[string]shown {
	t.Helper()
	out := ns.Run(t, "ip", "-json", "address", "show", "dev", iface)
	var links []struct {
		Addrs []shown `json:"addr_info"`
	}
	if err := json.Unmarshal([]byte(out), &links); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	all := map[string]shown{}
	for _, l := range links {
		for _, a := range l.Addrs {
			if a.Local != "" && a.Scope != "link" {
				all[fmt.Sprintf("%s/%d", a.Local, a.Prefix)] = a
			}
		}
	}
	return all
}

// marked reports whether an address carries our mark in the kernel.
func marked(t testing.TB, ns *testns.NS, iface, prefix string) bool {
	t.Helper()
	m := newMirror()
	ns.Do(func() {
		s, err := openRTNL()
		if err != nil {
			t.Fatal(err)
		}
		defer s.close()
		if err := m.read(s); err != nil {
			t.Fatal(err)
		}
	})
	return m.byName[iface].addrs[netip.MustParsePrefix(prefix)].ours
}
