package bfd

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"stead/internal/report/docpage"
)

//go:generate go test . -run TestConformancePage -update

const repository = "../../../"

var _ = flag.Bool("update", false, "write the generated parts of docs/reference/conformance-bfd.md anew")

var (
	named  = regexp.MustCompile(`^TestRFC(\d+)_(\d+(?:_\d+)*)_[A-Z]\w+$`)
	levels = regexp.MustCompile(`^(rule|(MUST|SHOULD)( NOT)?|MAY)$`)
)

// TestConformancePage keeps docs/reference/conformance-bfd.md: every requirement
// has a test that exists or a reason, and every test that names a section shows a
// requirement.
func TestConformancePage(t *testing.T) {
	own := testsOf(t, ".")
	listed := map[string]bool{}
	for _, r := range requirements {
		if len(r.Tests) == 0 && r.Why == "" {
			t.Errorf("RFC %s section %s, %q: neither a test nor a reason", r.RFC, r.Section, r.Text)
		}
		if !levels.MatchString(r.Level) {
			t.Errorf("RFC %s section %s: level %q", r.RFC, r.Section, r.Level)
		}
		for _, name := range r.Tests {
			listed[name] = true
			tests := own
			if dir, f, ok := strings.Cut(name, ":"); ok {
				tests, name = testsOf(t, repository+dir), f
			}
			if !tests[name] {
				t.Errorf("RFC %s section %s, %q: there is no test %s", r.RFC, r.Section, r.Text, name)
			}
		}
	}
	for name := range own {
		if !strings.HasPrefix(name, "TestRFC") {
			continue
		}
		if !named.MatchString(name) {
			t.Errorf("%s needs an RFC and a section in its name", name)
		}
		if !listed[name] {
			t.Errorf("%s shows no requirement", name)
		}
	}
	page := repository + "docs/reference/conformance-bfd.md"
	for _, rfc := range []string{"5880", "5881", "5882", "5883"} {
		docpage.Check(t, page, "RFC "+rfc, table(rfc))
	}
}

// testsOf are the tests and fuzz targets that a folder declares.
func testsOf(t *testing.T, folder string) map[string]bool {
	files, err := filepath.Glob(folder + "/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil {
				found[f.Name.Name] = true
			}
		}
	}
	return found
}

func table(rfc string) string {
	var b strings.Builder
	b.WriteString("| Section | Level | Requirement | Shown by, or why not |\n|---|---|---|---|\n")
	for _, r := range requirements {
		if r.RFC != rfc {
			continue
		}
		var parts []string
		for _, name := range r.Tests {
			parts = append(parts, "`"+strings.Replace(name, ":", "` `", 1)+"`")
		}
		shown := strings.TrimSpace(r.Why + " " + strings.Join(parts, ", "))
		b.WriteString("| " + r.Section + " | " + r.Level + " | " + r.Text + " | " + shown + " |\n")
	}
	return b.String()
}
