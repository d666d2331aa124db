package beacon

import (
	"strings"
	"testing"

	"stead/internal/testns"
)

// Two sites that are joined by two networks, one of each family:
//
//	east a0 10.1.0.1/24 ───────── 10.1.0.2/24 a0 west
//	     a1 fd01::1/64  ───────── fd01::2/64  a1
type networks struct {
	east, west *testns.NS
}

const (
	east4, west4 = "10.1.0.1:7946", "10.1.0.2:7946"
	east6, west6 = "[fd01::1]:7946", "[fd01::2]:7946"
)

func joined(t *testing.T) networks {
	t.Helper()
	n := networks{testns.New(t), testns.New(t)}
	testns.Veth(t, n.east, "a0", n.west, "a0")
	testns.Veth(t, n.east, "a1", n.west, "a1")
	return n
}

func (n networks) address(t *testing.T) {
	t.Helper()
	n.east.Addr(t, "a0", "10.1.0.1/24")
	n.west.Addr(t, "a0", "10.1.0.2/24")
	n.east.Addr(t, "a1", "fd01::1/64")
	n.west.Addr(t, "a1", "fd01::2/64")
}

func (n networks) open(t *testing.T) (east, west *end) {
	t.Helper()
	n.east.Do(func() {
		east = open(t, Options{Listen: []string{east4, east6}, To: []string{west4, west6}})
	})
	n.west.Do(func() {
		west = open(t, Options{Self: "west", Other: "east", Listen: []string{west4, west6}, To: []string{east4, east6}})
	})
	return east, west
}

// until beats until the other end hears one through the listener at that place.
func until(t *testing.T, from, to *end, place int) {
	t.Helper()
	for range 1000 {
		if hears(t, from, to, "alive").Listen == place {
			return
		}
	}
	t.Fatalf("nothing is heard through listener %d", place)
}

func TestOnePathIsEnough(t *testing.T) {
	n := joined(t)
	n.address(t)
	east, west := n.open(t)
	hears(t, east, west, "both")
	n.east.Down(t, "a0")
	until(t, east, west, 1)
	until(t, west, east, 1)
	n.east.Up(t, "a0")
	n.west.Run(t, "ip", "link", "set", "a1", "down")
	until(t, east, west, 0)
	until(t, west, east, 0)
}

// Path 1 carries only what goes to west, path 2 only what goes to east.
func TestEachPathCutInOneDirection(t *testing.T) {
	n := joined(t)
	n.address(t)
	east, west := n.open(t)
	hears(t, east, west, "both")
	n.east.Run(t, "nft", "add table inet cut; add chain inet cut in { type filter hook input priority 0; }; add rule inet cut in ip saddr 10.1.0.2 udp dport 7946 drop")
	n.west.Run(t, "nft", "add table inet cut; add chain inet cut in { type filter hook input priority 0; }; add rule inet cut in ip6 saddr fd01::1 udp dport 7946 drop")
	until(t, east, west, 0)
	until(t, west, east, 1)
}

func TestEveryPathCut(t *testing.T) {
	n := joined(t)
	n.address(t)
	east, west := n.open(t)
	hears(t, east, west, "before")
	n.east.Down(t, "a0")
	n.east.Down(t, "a1")
	for text := ""; !strings.Contains(text, "unreachable"); text = wait(t, "trouble", east.trouble) {
	}
	n.east.Up(t, "a0")
	hears(t, east, west, "afterwards")
	hears(t, west, east, "and back")
}

// The addresses come after the sites have started, go, and come again.
func TestAddressesComeAndGo(t *testing.T) {
	n := joined(t)
	east, west := n.open(t)
	if text := wait(t, "trouble", east.trouble); strings.Contains(text, "nil") {
		t.Error(text)
	}
	n.address(t)
	until(t, east, west, 0)
	until(t, west, east, 0)
	for _, address := range []string{"10.1.0.2/24", "fd01::2/64"} {
		n.west.Run(t, "ip", "address", "del", address, "dev", map[bool]string{true: "a0", false: "a1"}[strings.Contains(address, ".")])
	}
	n.west.Addr(t, "a1", "fd01::2/64")
	until(t, east, west, 1)
	n.west.Addr(t, "a0", "10.1.0.2/24")
	until(t, east, west, 0)
}
