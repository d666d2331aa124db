package exabgp

import (
	"errors"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stead/internal/config"
)

var update = flag.Bool("update", false, "rewrite the expected output in testdata")

// testHost is a machine with one address on lo, and one file of options.
var testHost = Host{
	Name: "lb1.example.net",
	Loopback: func(label string) []netip.Prefix {
		if label == "" || label == "svc" {
			return []netip.Prefix{netip.MustParsePrefix("10.3.0.1/32")}
		}
		return nil
	},
	ReadFile: func(path string) ([]byte, error) {
		if path != "/etc/exabgp/web.options" {
			return nil, os.ErrNotExist
		}
		return []byte("# options\nname = web\ncommand = curl -sf http://127.0.0.1/\n\ntimeout=1\ninterval = 1\nip = 10.1.0.7\nwithdraw-on-down\n"), nil
	},
}

func examples(t testing.TB) []string {
	t.Helper()
	found, err := filepath.Glob("testdata/good/*.conf")
	if err != nil || len(found) < 9 {
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
		t.Errorf("%s: got\n%s\nwant\n%s\n(go test ./internal/importer/exabgp -update rewrites it)", path, got, want)
	}
}

func importFile(t testing.TB, path string) *Result {
	t.Helper()
	r, err := Import([]Source{{Path: path}}, Options{Host: testHost})
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

// load checks that what is written is a configuration.
func load(t testing.TB, r *Result, node string) *config.Config {
	t.Helper()
	cfg, err := config.Parse("stead.yaml", r.Config)
	if err == nil {
		_, err = config.Resolve(cfg, node, "", nil)
	}
	if err != nil {
		t.Fatalf("the result is refused:\n%v\n%s", err, r.Config)
	}
	return cfg
}

// TestExamples: what is written and what is listed of each file in testdata is what
// was reviewed, and is a configuration.
func TestExamples(t *testing.T) {
	for _, path := range examples(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			r := importFile(t, path)
			base := strings.TrimSuffix(path, ".conf")
			golden(t, base+".yaml", string(r.Config))
			golden(t, base+".list", list(r))
			load(t, r, "lb1.example.net")
		})
	}
}

// TestPairs: the files of two hosts become one configuration, which each of them loads.
func TestPairs(t *testing.T) {
	for name, files := range map[string][2]string{"original": {"primary", "secondary"}, "health": {"health-a", "health-b"}, "unlike": {"primary", "unlike"}} {
		t.Run(name, func(t *testing.T) {
			r := pair(t, files)
			golden(t, "testdata/pair/"+name+".yaml", string(r.Config))
			golden(t, "testdata/pair/"+name+".list", list(r))
			load(t, r, "one")
			load(t, r, "two")
		})
	}
}

func pair(t testing.TB, files [2]string) *Result {
	t.Helper()
	r, err := Import([]Source{{"one", "testdata/pair/" + files[0] + ".conf"}, {"two", "testdata/pair/" + files[1] + ".conf"}}, Options{Host: testHost})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestMistakes has one file for each message: beside it stands what is said.
func TestMistakes(t *testing.T) {
	found, err := filepath.Glob("testdata/bad/*.conf")
	if err != nil || len(found) < 30 {
		t.Fatalf("%d files (%v)", len(found), err)
	}
	for _, path := range found {
		_, err := Import([]Source{{Path: path}}, Options{Host: testHost})
		if err == nil {
			t.Errorf("%s is accepted", path)
			continue
		}
		golden(t, strings.TrimSuffix(path, ".conf")+".err", err.Error()+"\n")
	}
}

// TestArguments: what is asked for has to make sense.
func TestArguments(t *testing.T) {
	const a, b = "testdata/pair/primary.conf", "testdata/pair/secondary.conf"
	for want, sources := range map[string][]Source{
		`node "a b": is not a name: use letters, digits, '.', '_' and '-', at most 63`:    {{"a b", a}},
		`node "x": is named twice: write NODE=FILE with a name for each`:                  {{"x", a}, {"x", b}},
		"testdata/none: no such file or directory (name an exabgp.conf that can be read)": {{"x", "testdata/none"}},
	} {
		if _, err := Import(sources, Options{Host: testHost}); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestBounds: what would take all memory or time is refused.
func TestBounds(t *testing.T) {
	for name, text := range map[string]string{
		"line":  "x " + strings.Repeat("y", maxLine),
		"nul":   "a\x00;",
		"depth": strings.Repeat("a {\n", maxDepth+1),
		"split": "neighbor 10.0.0.1 {\n",
	} {
		if _, err := parse("k.conf", text); err == nil || !strings.HasPrefix(err.Error(), "k.conf:1") && name != "depth" {
			t.Errorf("%s: %v", name, err)
		}
	}
	path := filepath.Join(t.TempDir(), "big.conf")
	if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, maxBytes+1)); err != nil {
		t.Fatal(err)
	}
	if _, err := Parse(path); err == nil || !strings.Contains(err.Error(), "is larger than") {
		t.Errorf("a large file: %v", err)
	}
}
