package assemble

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stead/internal/config"
	"stead/internal/core/gate"
	"stead/internal/core/lease"
)

const gated = `
nodes:
  a: { address: 10.0.1.10 }
  b: { address: 10.0.1.20 }
  c: { address: 10.0.1.30 }
security: { key_file: /k }
stores:
  share: { url: "folder:/mnt/share", timeout: 1s }
gate:
  site: { a: east, b: west }
  preferred: east
  store: share
  witnesses: { share: { store: share }, peering: { network: true } }
  require: any
  never: wait
  open_after: 1h
  listen: "[::]:9178"
  send_to: { a: ["10.0.1.20:9178"], b: ["10.0.1.10:9178"] }
  exec: [/usr/bin/consumer]
`

func gateOf(t *testing.T, text, node string) (*gate.Config, bool) {
	t.Helper()
	cfg, err := config.Parse("stead.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := config.Resolve(cfg, node, "", nil); err != nil {
		t.Fatal(err)
	}
	return Gate(cfg, 7)
}

func TestGate(t *testing.T) {
	east, ok := gateOf(t, gated, "a")
	if !ok {
		t.Fatal("no gate")
	}
	want := &gate.Config{
		Site: "east", Other: "west", Preferred: true,
		Witnesses: []gate.Witness{{Name: "peering"}, {Name: "share", Every: 1250 * time.Millisecond}},
		Any:       true, Flatline: 10 * time.Second, Never: gate.NeverWait, OpenAfter: time.Hour,
		Right: &lease.Config{Self: "east", Session: 7, TTL: 10 * time.Second, Use: 8 * time.Second, Renew: 1500 * time.Millisecond, Look: 1250 * time.Millisecond},
		Grace: 2 * time.Second, Beat: 5 * time.Second, StopAfter: 6 * time.Second,
	}
	if diff := cmp.Diff(want, east); diff != "" {
		t.Error(diff)
	}
	west, _ := gateOf(t, gated, "b")
	if west.Site != "west" || west.Other != "east" || west.Preferred || west.Right.Self != "west" || west.Right.Rank != 1 {
		t.Errorf("west: %+v, %+v", west, west.Right)
	}
	if west.Right.Use >= west.Right.TTL-west.Right.TTL/64 {
		t.Errorf("the holder relies on its right for %s of %s", west.Right.Use, west.Right.TTL)
	}
}

func TestNodesWithoutAGate(t *testing.T) {
	if g, ok := gateOf(t, gated, "c"); ok {
		t.Errorf("a node of no site has %+v", g)
	}
	none := "nodes: { a: { address: 10.0.1.10 } }\n"
	if g, ok := gateOf(t, none, "a"); ok {
		t.Errorf("a file without a gate has %+v", g)
	}
}

func TestGateByTimeAlone(t *testing.T) {
	g, ok := gateOf(t, `
nodes: { a: { address: 10.0.1.10 } }
stores: { share: { url: "folder:/mnt/share" } }
gate: { site: east, other: west, store: share, right: false, exec: [/usr/bin/consumer] }
`, "a")
	if !ok || g.Right != nil || len(g.Witnesses) != 1 || g.Witnesses[0].Every == 0 || g.Never != gate.NeverAuto {
		t.Errorf("%+v", g)
	}
}
