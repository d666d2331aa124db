package daemon

import (
	"context"
	"os"
	"strings"
	"testing"

	"stead/internal/testns"
)

// A reload makes a node that was a member of no group announce one by BGP.
func TestFirstSessionByAReload(t *testing.T) {
	groups := `groups:
  web:
    members: { MEMBERS: 100 }
    election: { type: none }
    addresses: [ { address: 192.0.2.200/32, interface: lo } ]
BGP`
	with := func(members, bgp string) string {
		return strings.NewReplacer("MEMBERS", members, "BGP", bgp).Replace(groups)
	}
	_, d, ended := running(t, "n0", with("n1", ""))
	text, err := os.ReadFile(d.file)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.ReplaceAll(string(text), with("n1", ""), with("n1: 100, n0", `    bgp: {}
bgp:
  local_as: 65010
  peers: { rs1: { address: 192.0.2.77, as: 65515 } }
`))
	if err := os.WriteFile(d.file, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	testns.Eventually(t, patience, "the engine runs", func() bool { return d.Snapshot() != nil })
	if words, err := d.Reload(context.Background()); err != nil {
		t.Fatal(words, err)
	}
	testns.Eventually(t, patience, "a session is tried", func() bool {
		select {
		case err := <-ended:
			t.Fatalf("the daemon has ended: %v", err)
		case view := <-d.engine.Inspect():
			return len(view.Sessions) == 1 && view.Sessions[0].Status.Attempts > 0 && view.Groups[0].Open
		}
		return false
	})
}
