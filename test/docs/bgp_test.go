package docs

import (
	"strings"
	"testing"

	"stead/internal/config"
)

const bgpPage = root + "/docs/how-to/announce-by-bgp.md"

// announced makes a whole configuration of a block of the page, which may show a
// part of the whole one.
func announced(block, whole string) string {
	groups, bgp := strings.Index(whole, "groups:"), strings.Index(whole, "bgp:\n")
	switch {
	case strings.HasPrefix(block, "groups:"):
		return whole[:groups] + block + whole[bgp:]
	case strings.HasPrefix(block, "bgp:"):
		return whole[:bgp] + block
	}
	return block
}

// Every configuration that the page shows is one, nothing about it is odd, and
// what the page says of its AS_PATHs is so.
func TestBGPConfigurations(t *testing.T) {
	all := blocks(t, bgpPage, "yaml")
	if len(all) != 5 {
		t.Fatalf("%d configurations", len(all))
	}
	type path struct{ active, standby, room, last int }
	want := []path{{2, config.Withdrawn, 2, 4}, {2, 4, 2, 4}, {2, config.Withdrawn, 0, 4}, {0, config.Withdrawn, 0, 2}, {2, config.Withdrawn, 2, 4}}
	for i, block := range all {
		text := announced(block, all[0])
		if strings.Contains(text, "type: none") { // the page says that no third machine is needed
			text = strings.ReplaceAll(text, "  third:     { address: 10.0.1.4, role: witness }\n", "")
		}
		cfg, err := config.Parse("stead.yaml", []byte(text))
		if err != nil {
			t.Errorf("%v\n%s", err, text)
			continue
		}
		if _, err := config.Resolve(cfg, "secondary", "", nil); err != nil {
			t.Error(err)
		}
		for _, w := range cfg.Warnings {
			t.Errorf("%v\n%s", w, text)
		}
		r := cfg.Groups[0].Routes
		if got := (path{r.Prepend.Active, r.Prepend.Standby, r.Room, r.LastChoice()}); got != want[i] || len(cfg.BGP.Peers) != 2 {
			t.Errorf("prepended %+v, want %+v:\n%s", got, want[i], text)
		}
	}
}
