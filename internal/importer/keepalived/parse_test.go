package keepalived

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"stead/internal/config"
)

// TestMistakes has one file for each message: beside it stands what is said.
func TestMistakes(t *testing.T) {
	found, err := filepath.Glob("testdata/bad/*.conf")
	if err != nil || len(found) < 15 {
		t.Fatalf("%d files (%v)", len(found), err)
	}
	for _, path := range found {
		_, err := Import(path, Options{Host: host})
		if err == nil {
			t.Errorf("%s is accepted", path)
			continue
		}
		golden(t, strings.TrimSuffix(path, ".conf")+".err", err.Error()+"\n")
	}
}

// TestBounds: what would take all memory or time is refused.
func TestBounds(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"line", "x " + strings.Repeat("y", maxLine), "k.conf:1: the line is longer than 65536 bytes: split it"},
		{"bytes", strings.Repeat("x\n", maxBytes/2+1), "k.conf:1: the files are larger than 16 MiB in all: is this a configuration?"},
		{"nul", "a\nb\x00\n", "k.conf:2: a NUL byte is in the line: remove it"},
		{"sequences", strings.Repeat("~SEQ(A, 1, 60000) ", 4) + "x", "k.conf:1: more than 262144 lines, with what definitions and sequences make: use fewer sequences"},
		{"growth", "$A=${B}${B}\n$B=${C}${C}\n$C=${D}${D}\n$D=" + strings.Repeat("x", 9000) + "\n$E=${A}${A}\nq ${E}",
			"k.conf:6: the definitions in the line do not come to an end: look for a definition that refers to itself"},
	} {
		path := write(t, c.text)
		_, _, err := Parse(path, Options{})
		if got := strings.TrimPrefix(fmt.Sprint(err), filepath.Dir(path)+"/"); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func write(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "k.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestNotThere: a file that cannot be read is an error, not an empty configuration.
func TestNotThere(t *testing.T) {
	if _, err := Import(filepath.Join(t.TempDir(), "k.conf"), Options{}); err == nil {
		t.Error("a file that is not there was imported")
	}
}

// dump writes a tree with the line of each directive.
func dump(b *strings.Builder, list []*Directive, depth int) {
	for _, d := range list {
		fmt.Fprintf(b, "%s%d:%s", strings.Repeat(" ", depth), d.Line, strings.Join(d.Words, "|"))
		if d.Open {
			b.WriteString(" {")
		}
		b.WriteString("\n")
		dump(b, d.Block, depth+1)
	}
}

// TestGrammar: how lines become directives.
func TestGrammar(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"comments", "a b # c\n! d\n#e\n\tf\t\tg! h\n", "1:a|b\n4:f|g\n"},
		{"escaped comments", `a \#b \!c "#d !e" f#g` + "\n", `1:a|#b|!c|#d !e|f` + "\n"},
		{"carriage returns", "a b\r\nc {\r\n}\r\n", "1:a|b\n2:c {\n"},
		{"quotes", `a "b c"d "" e"f g"` + "\n", "1:a|b c|d||e|f g\n"},
		{"a brace on the next line", "a b\n\n{\n c\n}\nd", "1:a|b {\n 4:c\n6:d\n"},
		{"all in one line", "a { b c { d } } e", "1:a {\n 1:b|c {\n  1:d\n1:e\n"},
		{"braces without space", "a{b}c", "1:a {\n 1:b\n1:c\n"},
		{"braces in quotes", `a "{ b }" {` + "\n}", "1:a|{ b } {\n"},
		{"an empty block", "a {}\n", "1:a {\n"},
		{"a definition", "$A=1\na ${A}2 $A b$A $Ax ${B}\n", "2:a|12|1|b1|$Ax|${B}\n"},
		{"a definition is replaced when it is used", "$A=${B}\n$B=1\na ${A}\n$B=2\na ${A}\n", "3:a|1\n5:a|2\n"},
		{"an empty definition", "$A=\na ${A}b\n", "2:a|b\n"},
		{"several lines", "$A= \\\n x { \\\n  y $N \\\n } \\\n\n$N=7\n$A\nz\n", "7:x {\n 7:y|7\n8:z\n"},
		{"several lines, the first of them in place", "$A=x \\\n  y\na $A\n", "3:a|x\n3:y\n"},
		{"definitions of several lines in each other", "$A=a \\\n $B \\\n c\n$B=b1 \\\n b2\n$A\n", "6:a\n6:b1\n6:b2\n6:c\n"},
		{"a line of this host", "@me a\n@you b\n@^me c\n@^you d\n", "1:a\n4:d\n"},
		{"a condition in a definition", "$A=@me\n$B=@you\n$A x\n$B y\n", "3:x\n"},
		{"a condition before a definition", "@me $A=1\n@you $A=2\na $A\n", "3:a|1\n"},
		{"the host", "a ${_INSTANCE} ${_HASH} b\n", "1:a|me\n"},
		{"a sequence", "~SEQ(N, 3) a $N\n~SEQ(M, 10, -5, 0) b ${M}\n~SEQx(X, 0xe, 16) c:$X\n",
			"1:a|1\n1:a|2\n1:a|3\n2:b|10\n2:b|5\n2:b|0\n3:c:e\n3:c:f\n3:c:10\n"},
		{"sequences in each other", "~SEQ(A, 0, 1) ~LST(B, x, y) a ${A}${B}\n", "1:a|0x\n1:a|0y\n1:a|1x\n1:a|1y\n"},
		{"a list of several", "~LST({A, B}, {1,2},{3, 4}) a $A $B\n", "1:a|1|2\n1:a|3|4\n"},
		{"scripts may hold one quotation mark", `notify 'say "hi'` + "\n", `1:notify|'say|hi'` + "\n"},
	} {
		tree, _, err := Parse(write(t, c.text), Options{ConfigID: "me"})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var b strings.Builder
		dump(&b, tree, 0)
		if b.String() != c.want {
			t.Errorf("%s: got\n%swant\n%s", c.name, b.String(), c.want)
		}
	}
}

// TestIncludes: files are read in order, relative to the including file, and a
// directive knows the one that it stands in.
func TestIncludes(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"k.conf":        "a\ninclude conf.d/{1,2}*.conf\nb {\n include \"conf.d/in\"\n}\n$F=late\ninclude ${F}.conf\n",
		"conf.d/1.conf": "one\nincluder sub/*.conf\n",
		"conf.d/2.conf": "two ${_PWD}\n", "conf.d/20.conf": "twenty\n", "conf.d/in": "inner\n",
		"conf.d/sub/x.conf": "x\n", "late.conf": "late\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tree, notes, err := Parse(filepath.Join(dir, "k.conf"), Options{})
	if err != nil || len(notes) > 0 {
		t.Fatal(err, notes)
	}
	var got []string
	for _, d := range tree {
		got = append(got, strings.TrimPrefix(d.File, dir+"/")+" "+d.Raw)
	}
	want := []string{"k.conf a", "conf.d/1.conf one", "conf.d/sub/x.conf x", "conf.d/2.conf two " + dir + "/conf.d", "conf.d/20.conf twenty", "k.conf b", "late.conf late"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if in := tree[5].Block; len(in) != 1 || in[0].Raw != "inner" {
		t.Errorf("the block holds %v", in)
	}
}

// TestScriptWords: commands are taken apart as keepalived does it. The first is the
// example of its manual.
func TestScriptWords(t *testing.T) {
	for _, c := range []struct {
		line string
		args []string
		rest []string
		bad  bool
	}{
		{line: `notify_master "/etc/n.sh ' spaces\\x20f\\x69le ' '\"s p a c e \"' SG1.low master" user group`,
			args: []string{"/etc/n.sh", ` spaces\x20f\x69le `, `"s p a c e "`, "SG1.low", "master"}, rest: []string{"user", "group"}},
		{line: `script /bin/a b`, args: []string{"/bin/a"}, rest: []string{"b"}},
		{line: `script "a \x41\102\cA\t\e\x4"`, args: []string{"a", "AB\x01\te\x04"}},
		{line: `script 'a "b c"'`, args: []string{"a", "b c"}},
		{line: `script "a 'b c'd"`, args: []string{"a", "b cd"}},
		{line: `script`, bad: true},
		{line: `script ""`, bad: true},
		{line: `script "a`, bad: true},
		{line: `script a\`, bad: true},
	} {
		args, rest, ok := (&Directive{Raw: c.line}).scriptWords()
		if ok == c.bad || ok && (!slices.Equal(args, c.args) || !slices.Equal(rest, c.rest)) {
			t.Errorf("%s: got %q and %q (%t)", c.line, args, rest, ok)
		}
	}
}

// FuzzParse: any file is read or refused; what is read holds no brace as a word of
// its own outside of quotes, and every directive knows its line.
func FuzzParse(f *testing.F) {
	for _, path := range append(examples(f), must(filepath.Glob("testdata/bad/*.conf"))...) {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := newReader(Options{Host: host.complete()})
		r.fetch = func(string) ([]byte, error) { return nil, os.ErrNotExist }
		if err := r.push("k.conf", data, place{}, 0); err != nil {
			return
		}
		tree, notes, err := r.parse()
		if err != nil {
			if !strings.HasPrefix(err.Error(), "k.conf:") {
				t.Fatalf("an error without its place: %v", err)
			}
			return
		}
		lines := bytes.Count(data, []byte("\n")) + 1
		check(t, tree, lines)
		c := newConverter(Options{Host: host.complete()}, tree, notes)
		c.convert()
		result := &Result{Config: c.write("k.conf"), Findings: c.list(), tree: tree}
		for _, wrong := range accounted(tree, places(result)) {
			t.Error(wrong)
		}
		if _, err := config.Parse("k.yaml", result.Config); err != nil {
			t.Errorf("the result is refused: %v\n%s", err, result.Config)
		}
	})
}

func must(list []string, _ error) []string { return list }

func check(t *testing.T, list []*Directive, lines int) {
	for _, d := range list {
		if d.Line < 1 || d.Line > lines || len(d.Words) == 0 {
			t.Fatalf("line %d of %d has %d words", d.Line, lines, len(d.Words))
		}
		check(t, d.Block, lines)
	}
}
