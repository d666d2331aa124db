package keepalived

import (
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stead/internal/config"
)

var update = flag.Bool("update", false, "rewrite the expected output in testdata")

// host is a machine that has some programs, one interface with an address, and no
// user of keepalived's own.
var host = Host{
	Name: "lb1.example.net",
	LookPath: func(program string) string {
		if program == "killall" || program == "pidof" {
			return "/usr/bin/" + program
		}
		return ""
	},
	Address: func(device string) netip.Addr {
		if device == "eth0" {
			return netip.MustParseAddr("10.0.1.11")
		}
		return netip.Addr{}
	},
}

func examples(t testing.TB) []string {
	t.Helper()
	found, err := filepath.Glob("testdata/good/*.conf")
	if err != nil || len(found) < 10 {
		t.Fatalf("%d examples were found (%v)", len(found), err)
	}
	return found
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s\n(go test ./internal/importer/keepalived -update rewrites it)", path, got, want)
	}
}

func importFile(t testing.TB, path string) *Result {
	t.Helper()
	r, err := Import(path, Options{Host: host, ConfigID: "lb1"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func list(r *Result) string {
	var b strings.Builder
	for _, f := range r.Findings {
		b.WriteString(string(f.Kind) + ": " + f.String() + "\n")
	}
	return b.String()
}

// TestExamples: what is written and what is listed of each file in testdata is what
// was reviewed.
func TestExamples(t *testing.T) {
	for _, path := range examples(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			r := importFile(t, path)
			base := strings.TrimSuffix(path, ".conf")
			golden(t, base+".yaml", string(r.Config))
			golden(t, base+".list", list(r))
		})
	}
}

// TestExamplesLoad: what is written is a configuration.
func TestExamplesLoad(t *testing.T) {
	for _, path := range examples(t) {
		r := importFile(t, path)
		if _, err := config.Parse(path, r.Config); err != nil {
			t.Errorf("%s: the result is refused:\n%v\n%s", path, err, r.Config)
		}
	}
}
