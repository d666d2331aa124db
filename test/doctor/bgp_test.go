package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stead/internal/testns"
)

// speaker is the primary's configuration: it announces to the client, which runs BIRD.
const speaker = `nodes:
  primary: { address: 10.0.1.10 }
bgp:
  local_as: 65010
  peers:
    rs1: { address: 10.0.1.4, as: 65515, hold_time: 3s, connect_retry: 200ms, SOURCE }
groups:
  routed:
    members: [primary]
    election: { type: none }
    addresses: [ { address: 10.1.0.5/32, interface: lo } ]
    bgp: {}
control: { socket: DIR/primary.sock }
state: { dir: DIR/primary.state }
http: { listen: none }
`

const routeServer = `router id 10.0.1.4;
protocol device {}
protocol bgp node {
	local 10.0.1.4 as 65515;
	neighbor 10.0.1.10 as 65010;
	%s
	ipv4 { import all; export none; };
}
`

// speaks writes the primary's configuration with a source of the session.
func (tr *trial) speaks(t *testing.T, source string) {
	t.Helper()
	text := strings.NewReplacer("DIR", tr.dir, "SOURCE", source).Replace(speaker)
	if err := os.WriteFile(tr.file("primary"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// routeServer starts BIRD on the client with a further line for the session.
func (tr *trial) routeServer(t *testing.T, line string) *testns.Process {
	t.Helper()
	file := filepath.Join(tr.dir, "bird.conf")
	if err := os.WriteFile(file, []byte(fmt.Sprintf(routeServer, line)), 0o644); err != nil {
		t.Fatal(err)
	}
	p := tr.hosts["client"].Begin(t, "client", "/usr/sbin/bird", "-f", "-c", file, "-s", tr.birdSocket())
	testns.Eventually(t, patience, "BIRD listens", func() bool {
		out, err := tr.hosts["client"].Try(t, "ss", "-Hltn", "sport = :179")
		return err == nil && strings.Contains(out, ":179")
	})
	return p
}

func (tr *trial) birdSocket() string { return filepath.Join(tr.dir, "bird.ctl") }

// A session that is established is found well. What keeps one from being established
// is found before the daemon runs.
func TestSpeaker(t *testing.T) {
	tr := newTrial(t)
	tr.speaks(t, "multihop: 1")
	tr.expect(t, "primary", "bgp-refused", "daemon-not-running")

	bird := tr.routeServer(t, `password "another";`)
	tr.expect(t, "primary", "bgp-no-answer", "daemon-not-running")
	bird.Terminate(t, patience)

	bird = tr.routeServer(t, "")
	tr.expect(t, "primary", "daemon-not-running")

	tr.speaks(t, "source: 10.0.1.11")
	tr.expect(t, "primary", "bgp-no-source-address", "daemon-not-running")

	tr.speaks(t, "multihop: 1")
	tr.start(t, "primary")
	testns.Eventually(t, patience, "the route server has the path", func() bool {
		out, err := tr.hosts["client"].Try(t, "birdc", "-s", tr.birdSocket(), "show", "route", "for", "10.1.0.5")
		return err == nil && strings.Contains(out, "10.1.0.5/32")
	})
	for range 2 {
		tr.expect(t, "primary")
	}
	if out := tr.hosts["client"].Run(t, "birdc", "-s", tr.birdSocket(), "show", "protocols", "node"); !strings.Contains(out, "Established") {
		t.Errorf("the doctor has ended the session:\n%s", out)
	}
	primary := tr.hosts["primary"]
	primary.Addr(t, "eth1", "10.1.0.1/16")
	tr.expect(t, "primary", "bgp-in-connected-network")
	primary.Run(t, "ip", "addr", "del", "10.1.0.1/16", "dev", "eth1")
	tr.stop(t, "primary")

	// An AS that is not the peer's, and BFD that nobody answers.
	tr.speaks(t, "bfd: { interval: 100ms }")
	text, err := os.ReadFile(tr.file("primary"))
	if err == nil {
		err = os.WriteFile(tr.file("primary"), []byte(strings.Replace(string(text), "as: 65515", "as: 65516", 1)), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	tr.start(t, "primary")
	testns.Eventually(t, patience, "the AS is seen to be another one", func() bool {
		s := tr.status(t, "primary")
		return len(s.BGP) == 1 && s.BGP[0].LastError != ""
	})
	tr.expect(t, "primary", "bgp-session-down", "bfd-down")
	tr.stop(t, "primary")
	bird.Terminate(t, patience)

	// No way to the peer but through a router.
	primary.Run(t, "ip", "route", "add", "10.0.1.4/32", "via", "10.0.1.20")
	tr.expect(t, "primary", "bgp-needs-multihop", "daemon-not-running")
	primary.Run(t, "ip", "route", "replace", "unreachable", "10.0.1.4/32")
	tr.expect(t, "primary", "bgp-no-route", "daemon-not-running")
}
