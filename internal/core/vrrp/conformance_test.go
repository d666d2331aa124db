package vrrp

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"stead/internal/report/docpage"
)

//go:generate go test . -run TestConformancePage -update

const repository = "../../../"

var _ = flag.Bool("update", false, "write the generated parts of docs/reference/conformance.md anew")

// rfcTest is a test whose name carries a section.
type rfcTest struct {
	rfc, section, name, text string
}

var (
	named  = regexp.MustCompile(`^TestRFC(\d+)_((?:\d+_)+)\w+$`)
	prefix = regexp.MustCompile(`^RFC \d+ sections? [\d.]+(?: and [\d.]+|, \w+)?: `)
	suffix = regexp.MustCompile(` \((?:MUST|SHOULD|MAY)(?: NOT)?\)$`)
	levels = regexp.MustCompile(`\b(?:MUST|SHOULD|MAY)(?: NOT)?\b`)
)

// TestConformancePage keeps docs/reference/conformance.md: every requirement has a
// test that exists or a reason, and every test that names a section is listed.
func TestConformancePage(t *testing.T) {
	tests := collect(t)
	listed := map[string]bool{}
	for _, r := range requirements {
		r.check(t)
		for _, name := range r.Tests {
			listed[name] = true
		}
	}
	page := repository + "docs/reference/conformance.md"
	docpage.Check(t, page, "requirements", requirementTable(tests, listed))
	docpage.Check(t, page, "version 2", versionTable(tests))
}

// collect reads the tests of this package whose names carry a section.
func collect(t *testing.T) (found []rfcTest) {
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || !strings.HasPrefix(f.Name.Name, "TestRFC") {
				continue
			}
			match := named.FindStringSubmatch(f.Name.Name)
			if match == nil || f.Doc == nil {
				t.Errorf("%s: %s needs a section in its name and a requirement as its comment", name, f.Name.Name)
				continue
			}
			text := strings.Join(strings.Fields(f.Doc.Text()), " ")
			text = prefix.ReplaceAllString(text, "")
			section := strings.ReplaceAll(strings.TrimSuffix(match[2], "_"), "_", ".")
			found = append(found, rfcTest{match[1], section, f.Name.Name, text})
		}
	}
	slices.SortStableFunc(found, func(a, b rfcTest) int {
		if c := bySection(a.section, b.section); c != 0 {
			return c
		}
		return strings.Compare(a.name, b.name)
	})
	return found
}

// check refuses a requirement without a test or a reason, and one whose test
// is not there.
func (r *requirement) check(t *testing.T) {
	if len(r.Tests) == 0 && r.Why == "" {
		t.Errorf("section %s, %q: neither a test nor a reason", r.Section, r.Text)
	}
	for _, name := range r.Tests {
		folder, function := ".", name
		if dir, f, ok := strings.Cut(name, ":"); ok {
			folder, function = repository+dir, f
		}
		if !declares(t, folder, function) {
			t.Errorf("section %s, %q: there is no test %s", r.Section, r.Text, name)
		}
	}
	if r.Level != "rule" && !levels.MatchString(r.Level) {
		t.Errorf("section %s: level %q", r.Section, r.Level)
	}
}

// declares tells whether a test of a folder has this name.
func declares(t *testing.T, folder, function string) bool {
	files, err := filepath.Glob(folder + "/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(files, func(name string) bool {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(file.Decls, func(decl ast.Decl) bool {
			f, ok := decl.(*ast.FuncDecl)
			return ok && f.Name.Name == function
		})
	})
}

// requirementTable is a row for each requirement of RFC 9568, and for each test
// that is about something which none of them says.
func requirementTable(tests []rfcTest, listed map[string]bool) string {
	rows := slices.Clone(requirements)
	for _, test := range tests {
		if test.rfc == "9568" && !listed[test.name] {
			rows = append(rows, requirement{test.section, test.level(), test.sentence(), []string{test.name}, ""})
		}
	}
	slices.SortStableFunc(rows, func(a, b requirement) int { return bySection(a.Section, b.Section) })
	var b strings.Builder
	b.WriteString("| Section | Level | Requirement | Shown by, or why not |\n|---|---|---|---|\n")
	for _, r := range rows {
		b.WriteString("| " + r.Section + " | " + r.Level + " | " + cell(r.Text) + " | " + cell(r.shown()) + " |\n")
	}
	return b.String()
}

func (r *requirement) shown() string {
	var parts []string
	for _, name := range r.Tests {
		parts = append(parts, "`"+strings.Replace(name, ":", "` `", 1)+"`")
	}
	out := strings.Join(parts, ", ")
	if r.Why != "" {
		out = strings.TrimSpace(r.Why + " " + out)
	}
	return out
}

// versionTable lists the tests of the RFCs of version 2.
func versionTable(tests []rfcTest) string {
	var b strings.Builder
	b.WriteString("| RFC | Section | Requirement | Shown by |\n|---|---|---|---|\n")
	for _, test := range tests {
		if test.rfc != "9568" {
			b.WriteString("| " + test.rfc + " | " + test.section + " | " + cell(test.sentence()) + " | `" + test.name + "` |\n")
		}
	}
	return b.String()
}

// level is what the text of a test's comment asks for.
func (r *rfcTest) level() string {
	if level := levels.FindString(r.text); level != "" {
		return level
	}
	return "rule"
}

func (r *rfcTest) sentence() string {
	text := suffix.ReplaceAllString(r.text, "")
	return strings.ToUpper(text[:1]) + text[1:]
}

func cell(text string) string { return strings.ReplaceAll(text, "|", "\\|") }

// bySection orders 5.2.10 after 5.2.9.
func bySection(a, b string) int {
	return slices.Compare(numbers(a), numbers(b))
}

func numbers(section string) (out []int) {
	for _, part := range strings.Split(section, ".") {
		n, _ := strconv.Atoi(part)
		out = append(out, n)
	}
	return out
}
