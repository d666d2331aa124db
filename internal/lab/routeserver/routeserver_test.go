package routeserver

import (
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func configs() map[string]*Config {
	addr := netip.MustParseAddr
	v4 := &Config{
		Address: addr("10.0.1.2"), ID: "10.0.1.2", AS: 65515, NodeAS: 65010, Hold: 9 * time.Second,
		Nodes: []netip.Addr{addr("10.0.1.10"), addr("10.0.1.20")}, BFD: BFD{Interval: 10 * time.Millisecond, Multiplier: 3},
	}
	v6 := *v4
	v6.Address, v6.BFD = addr("fd00::2"), BFD{}
	v6.Nodes = []netip.Addr{addr("fd00::10"), addr("fd00::20")}
	return map[string]*Config{"IPv4, with BFD": v4, "IPv6": &v6}
}

// What is written for BIRD is understood by BIRD.
func TestBIRDTakesItsConfiguration(t *testing.T) {
	bird, err := find("bird")
	if err != nil {
		t.Fatal(missing[BIRD].advice)
	}
	for name, c := range configs() {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			programs, err := Prepare(BIRD, dir, c)
			if err != nil || len(programs) != 1 || programs[0].Wait() != nil {
				t.Fatalf("%+v, %v", programs, err)
			}
			if out, err := exec.Command(bird, "-p", "-c", dir+"/bird.conf").CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			text, _ := os.ReadFile(dir + "/bird.conf")
			if strings.Contains(string(text), "bfd") != c.BFD.On() || strings.Count(string(text), "protocol bgp") != 2 {
				t.Errorf("%s", text)
			}
		})
	}
}

func TestWhatToInstall(t *testing.T) {
	if err := Installed("quagga"); err == nil || !strings.Contains(err.Error(), "choose from bird frr") {
		t.Errorf("of a router that nobody knows: %v", err)
	}
	if _, err := find("no-such-router"); err == nil {
		t.Error("a program is found that is not there")
	}
	for kind, m := range missing {
		if !strings.Contains(m.advice, "apt-get install") {
			t.Errorf("%s: %s", kind, m.advice)
		}
	}
}

func TestAwaitedFileEndsTheWait(t *testing.T) {
	p := Program{Name: "zebra", Awaited: t.TempDir() + "/socket"}
	if err := os.WriteFile(p.Awaited, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(); err != nil {
		t.Error(err)
	}
}

const protocols = `BIRD 2.0.12 ready.
Name       Proto      Table      State  Since         Info
device1    Device     ---        up     20:44:49.467
kernel1    Kernel     master4    up     20:44:49.467
node0      BGP        ---        start  20:45:01.126  Connect
node1      BGP        ---        up     20:44:50.253  Established
`

const sessions = `BIRD 2.0.12 ready.
bfd1:
IP address                Interface  State      Since         Interval  Timeout
10.0.1.20                 ---        Init       20:45:00.534    1.000    3.000
10.0.1.10                 ---        Up         20:44:49.467    0.010    0.030
`

func TestRows(t *testing.T) {
	if n := rows(protocols, 5, "Established"); n != 1 {
		t.Errorf("%d established", n)
	}
	if n := rows(sessions, 2, "Up"); n != 1 {
		t.Errorf("%d up", n)
	}
}
