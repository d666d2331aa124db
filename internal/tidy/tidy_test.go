package tidy

import (
	"strings"
	"testing"
)

// TestHouse runs every rule over this repository.
func TestHouse(t *testing.T) {
	tree, err := Load("../..")
	if err != nil {
		t.Fatal(err)
	}
	if tree.Files["go.mod"] == "" || len(tree.parsed) < 20 {
		t.Fatalf("the tree has %d Go files and no go.mod: the rules would see nothing", len(tree.parsed))
	}
	for _, rule := range Rules {
		t.Run(rule.Name, func(t *testing.T) {
			for _, finding := range rule.Check(tree) {
				t.Error(finding)
			}
		})
	}
}

// tree makes a project of the files in a text: `-- name --` lines, each followed
// by the content.
func tree(t *testing.T, text string) *Tree {
	t.Helper()
	files := map[string]string{}
	name := ""
	for _, line := range strings.SplitAfter(strings.TrimLeft(text, "\n"), "\n") {
		if header, ok := strings.CutPrefix(strings.TrimSpace(line), "-- "); ok && strings.HasSuffix(header, " --") {
			name = strings.TrimSuffix(header, " --")
			files[name] = ""
			continue
		}
		files[name] += line
	}
	made, err := NewTree(files)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// undone is a mark of what is left undone, spelled so that a search for it finds
// none here.
const undone = "TO" + "DO"

// fixtures are, for every rule, trees that it must refuse and one that it must
// let pass. want is part of the finding.
var fixtures = map[string][]struct{ name, want, files string }{
	"core is pure": {
		{"outside", "internal/core/a.go:2: core must not import os", "-- internal/core/a.go --\npackage core\nimport \"os\"\nvar _ = os.Args\n"},
		{"below", "core must not import net:", "-- internal/core/peer/a.go --\npackage peer\nimport \"net\"\nvar _ net.IP\n"},
		{"random", "math/rand", "-- internal/core/a.go --\npackage core\nimport \"math/rand\"\nvar _ = rand.Int\n"},
		{"clock", "time.Now", "-- internal/core/a.go --\npackage core\nimport clock \"time\"\nvar _ = clock.Now()\n"},
		{"goroutine", "goroutine", "-- internal/core/a.go --\npackage core\nfunc f() { go f() }\n"},
		{"channel", "channels", "-- internal/core/a.go --\npackage core\nfunc f(c chan int) {}\n"},
		{"receive", "a.go:2: core must not use channels", "-- internal/core/a.go --\npackage core\nfunc f(c C) { <-c }\n"},
		{"good", "", "-- internal/core/a.go --\npackage core\nimport \"time\"\nvar _ time.Duration\n-- internal/engine/a.go --\npackage engine\nimport \"os\"\nvar _ = os.Args\n-- internal/core/a_test.go --\npackage core\nimport \"os\"\nvar _ = os.Args\n"},
	},
	"core does not depend on map order": {
		{"loop", "internal/core/a.go:2: core must not depend on map order", "-- internal/core/a.go --\npackage core\nfunc f(m map[int]int) { for range m {} }\n"},
		{"named type of another package", "b.go:3", "-- internal/core/a/a.go --\npackage a\ntype M map[int]int\n-- internal/core/b.go --\npackage core\nimport \"stead/internal/core/a\"\nfunc f(m a.M) { for range m {} }\n"},
		{"keys", "a.go:3", "-- internal/core/a.go --\npackage core\nimport \"maps\"\nfunc f(m map[int]int) { for range maps.Keys(m) {} }\n"},
		{"broken", "types:", "-- internal/core/a.go --\npackage core\nvar a int = \"\"\n"},
		{"good", "", "-- internal/core/a.go --\npackage core\nimport (\"maps\"; \"slices\")\nfunc f(m map[int]int) (n int) {\n\tfor range slices.Sorted(maps.Keys(m)) {}\n\t// order does not matter: a sum.\n\tfor _, v := range m { n += v }\n\tfor range []int{1} {}\n\treturn n\n}\n"},
	},
	"layers look down only": {
		{"adapter knows the engine", "internal/adapter must not import internal/engine", "-- internal/adapter/link/a.go --\npackage link\nimport _ \"stead/internal/engine\"\n"},
		{"simulator touches", "internal/sim must not import internal/adapter/link", "-- internal/sim/a.go --\npackage sim\nimport _ \"stead/internal/adapter/link\"\n"},
		{"good", "", "-- internal/engine/a.go --\npackage engine\nimport _ \"stead/internal/adapter/link\"\n-- internal/adapter/link/a_test.go --\npackage link\nimport _ \"stead/internal/engine\"\n"},
	},
	"the clock is read in one place": {
		{"wall", "internal/report/a.go:3: Now reads a clock", "-- internal/report/a.go --\npackage report\nimport \"time\"\nvar _ = time.Now()\n"},
		{"as a value", "Now reads a clock", "-- cmd/stead/a.go --\npackage main\nimport \"time\"\nvar now = time.Now\n"},
		{"system call", "ClockGettime", "-- internal/adapter/a.go --\npackage a\nimport \"golang.org/x/sys/unix\"\nvar _ = unix.ClockGettime\n"},
		{"good", "", "-- internal/engine/clock_linux.go --\npackage engine\nimport \"time\"\nvar _ = time.Now\n-- internal/lab/a.go --\npackage lab\nimport \"time\"\nvar _ = time.Now\n"},
	},
	"files and functions can be seen whole": {
		{"file", "a.go: 501 lines", "-- a.go --\npackage a\n" + strings.Repeat("\n", 500)},
		{"function", "a.go:2: f has 71 lines", "-- a.go --\npackage a\nfunc f() {\n" + strings.Repeat("\n", 69) + "}\n"},
		{"good", "", "-- a.go --\npackage a\nfunc f() {\n" + strings.Repeat("\n", 68) + "}\n" + strings.Repeat("\n", 429)},
	},
	"packages say what they are": {
		{"none", "internal/a: no package comment", "-- internal/a/a.go --\npackage a\n"},
		{"good", "", "-- internal/a/a.go --\npackage a\n-- internal/a/doc.go --\n// Package a is a.\npackage a\n-- internal/a/x_test.go --\npackage a_test\n"},
	},
	"exported names are documented": {
		{"function", "a.go:2: F has no doc comment", "-- a.go --\npackage a\nfunc F() {}\n"},
		{"method", "M has no doc comment", "-- a.go --\npackage a\n// T is.\ntype T int\nfunc (t *T) M() {}\n"},
		{"type", "T has no doc comment", "-- a.go --\npackage a\ntype T int\n"},
		{"constant", "C has no doc comment", "-- a.go --\npackage a\nconst C = 1\n"},
		{"another name", "starts with \"G\"", "-- a.go --\npackage a\n// G does.\nfunc F() {}\n"},
		{"good", "", "-- a.go --\npackage a\n// A T is.\ntype T int\n// String is not asked for.\nfunc (t T) String() string { return \"\" }\nfunc (t t) M() {}\ntype t int\n// The Cs.\nconst (\n\tC = 1\n\tD = 2\n)\n"},
	},
	"words": {
		{"left to do", "a.go:2: \"" + undone + "\"", "-- a.go --\npackage a\n// " + undone + ": all.\n"},
		{"empty word", "\"simply\"", "-- README.md --\nIt is simply good.\n"},
		{"ticket", "\"issue 12\"", "-- README.md --\nSee issue 12.\n"},
		{"plan", "\"DESIGN section\"", "-- a.go --\npackage a\n// See DESIGN section 4.\n"},
		{"machine path", "\"/root/x\"", "-- Makefile --\nall: ; ls /root/x\n"},
		{"registry", "proxy.golang.org", "-- Makefile --\nall: ; GOPROXY=https://proxy.golang.org go build\n"},
		{"good", "", "-- README.md --\nRun it. See RFC 9568 section 6.4.3; ls /var/lib/stead.\n"},
	},
	"checks are not skipped": {
		{"skip", "a_test.go:3: a check must not be skipped", "-- a_test.go --\npackage a\nimport \"testing\"\nfunc TestA(t *testing.T) { t.Skip() }\n"},
		{"good", "", "-- a_test.go --\npackage a\nimport (\"testing\"; \"os\")\nfunc TestA(t *testing.T) {\n\tif os.Getenv(\"STEAD_UNPRIVILEGED\") != \"\" { t.Skip() }\n}\n"},
	},
	"dependencies have a reason": {
		{"not listed", "go.mod: example.org/x/y is not in the table", "-- go.mod --\nrequire (\n\texample.org/x/y v1.0.0\n)\n"},
		{"one line", "example.org/x is not in the table", "-- go.mod --\nrequire example.org/x v1.0.0\n"},
		{"gone", "ARCHITECTURE.md:1: example.org/x is no direct dependency", "-- ARCHITECTURE.md --\n| `example.org/x` | it does all that |\n"},
		{"undeclared", "a.go:2: example.org/x/y is imported", "-- a.go --\npackage a\nimport _ \"example.org/x/y\"\n-- go.mod --\nrequire example.org/x v1.0.0 // indirect\n"},
		{"own module", "", "-- tools/x/a.go --\npackage a\nimport _ \"example.org/x/y\"\n-- tools/go.mod --\nmodule stead/tools\n"},
		{"no reason", "example.org/x has no reason", "-- go.mod --\nrequire example.org/x v1.0.0\n-- ARCHITECTURE.md --\n| `example.org/x` | |\n"},
		{"good", "", "-- go.mod --\nmodule stead\ngo 1.26.0\nrequire (\n\texample.org/x v1.0.0\n\texample.org/y v1.0.0 // indirect\n)\n-- ARCHITECTURE.md --\n| `example.org/x` | it does all that |\n| `internal/core` | decides what is to be |\n"},
	},
	"links lead somewhere": {
		{"file", "docs/a.md:1: link to b.md: no such file", "-- docs/a.md --\nSee [b](b.md).\n"},
		{"heading", "link to #nowhere: no such heading", "-- docs/a.md --\n# Here\n[a](#nowhere)\n"},
		{"good", "", "-- docs/a.md --\n# The fence, again\n[b](../README.md#a-b) [c](#the-fence-again) [d](https://example.org/) [e](../docs)\n```\n[x](y)\n```\n-- README.md --\n## A `b`\n"},
	},
	"documented commands exist": {
		{"verb", "README.md:2: `stead fly`: no such verb", "-- README.md --\n```sh\nstead fly      # away\n```\n"},
		{"inline", "no such verb", "-- README.md --\nRun `bin/stead fly now`.\n"},
		{"flag", "no flag --fast", "-- README.md --\n`stead run --fast`\n-- cmd/stead/run.go --\npackage main\nvar _ = \"slow\"\n"},
		{"good", "", "-- README.md --\n`stead run [--fast]` `stead completion bash`\nstead is good\n-- cmd/stead/run.go --\npackage main\nvar _ = \"fast\"\n"},
	},
	"verbs are documented": {
		{"missing", "cmd/stead/main.go:2: stead run has no heading", "-- cmd/stead/main.go --\npackage main\nvar verbs = []any{newRunCmd}\n-- docs/reference/cli.md --\nstead run\n"},
		{"good", "", "-- cmd/stead/main.go --\npackage main\nvar verbs = []any{newRunCmd, newGuardCmd}\n-- cmd/stead/guard.go --\npackage main\n// Hidden: true\n-- docs/reference/cli.md --\n## stead run\n"},
	},
}

// TestRules shows that every rule can fail, and that it does not always.
func TestRules(t *testing.T) {
	for _, rule := range Rules {
		cases := fixtures[rule.Name]
		if len(cases) < 2 {
			t.Errorf("rule %q has no fixtures", rule.Name)
		}
		for _, c := range cases {
			t.Run(rule.Name+"/"+c.name, func(t *testing.T) {
				var found []string
				for _, finding := range rule.Check(tree(t, c.files)) {
					found = append(found, finding.String())
				}
				text := strings.Join(found, "\n")
				if c.want == "" && text != "" {
					t.Errorf("refused: %s", text)
				}
				if !strings.Contains(text, c.want) {
					t.Errorf("found %q, want %q in it", text, c.want)
				}
			})
		}
	}
}
