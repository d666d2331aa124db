// Package docpage keeps the generated parts of the documentation as they have to
// be: a test names the part and gives its text.
package docpage

import (
	"flag"
	"os"
	"strings"
	"testing"
)

const (
	begin = "<!-- generated, see the test that checks it: "
	end   = "<!-- end of generated part -->"
)

// Check compares a generated part of a page with what it has to be. The part stands
// between a line that names it and a line that ends it. A test program with a flag
// -update that is set writes the part anew.
func Check(t testing.TB, file, part, want string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	mark := begin + part + " -->\n"
	head, rest, ok := strings.Cut(string(data), mark)
	got, tail, ended := strings.Cut(rest, end)
	if !ok || !ended {
		t.Fatalf("%s has no part %q between %q and %q", file, part, strings.TrimSpace(mark), end)
	}
	if got == want {
		return
	}
	if f := flag.Lookup("update"); f == nil || f.Value.String() != "true" {
		t.Errorf("%s: part %q has drifted: run this test with -update", file, part)
		return
	}
	if err := os.WriteFile(file, []byte(head+mark+want+end+tail), 0o644); err != nil {
		t.Fatal(err)
	}
}
