package exabgp

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"stead/internal/config"
)

// accounted tells of a directive that it, or a block that it is in, was listed, or
// that each of its words was converted. It returns what is wrong.
func accounted(list []*Directive, listed map[string]bool) (wrong []string) {
	for _, d := range list {
		at := fmt.Sprintf("%s:%d", d.File, d.Line)
		switch {
		case d.listed && listed[at]:
			continue
		case d.listed:
			wrong = append(wrong, at+": marked as listed, but not in the list")
			continue
		}
		for i, used := range d.used {
			if !used && !listed[at] {
				wrong = append(wrong, fmt.Sprintf("%s: nothing tells what became of %q", at, d.Words[i]))
			}
		}
		wrong = append(wrong, accounted(d.Block, listed)...)
	}
	return wrong
}

func places(r *Result) map[string]bool {
	at := map[string]bool{}
	for _, f := range r.Findings {
		at[fmt.Sprintf("%s:%d", f.File, f.Line)] = true
	}
	return at
}

// TestEveryWordIsAccountedFor: each word of each directive was converted, or its
// line is in the list.
func TestEveryWordIsAccountedFor(t *testing.T) {
	for _, path := range examples(t) {
		r := importFile(t, path)
		if len(r.trees) != 1 || len(r.trees[0]) == 0 {
			t.Errorf("%s: nothing was read", path)
		}
		for _, wrong := range accounted(r.trees[0], places(r)) {
			t.Error(wrong)
		}
	}
}

var (
	comments = regexp.MustCompile(`(?m)#.*$`)
	words    = regexp.MustCompile(`[^\s{};"'\[\],]+`)
)

// TestEveryWordIsRead: what the parser makes of a file is what a search for words
// finds in it.
func TestEveryWordIsRead(t *testing.T) {
	for _, path := range examples(t) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), `\`) {
			continue
		}
		want := words.FindAllString(comments.ReplaceAllString(string(data), ""), -1)
		tree, err := Parse(path)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		collect(tree, &got)
		got = words.FindAllString(strings.Join(got, " "), -1)
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%s: read\n%s\nthe file has\n%s", path, strings.Join(got, " "), strings.Join(want, " "))
		}
	}
}

func collect(list []*Directive, all *[]string) {
	for _, d := range list {
		*all = append(*all, d.Words...)
		collect(d.Block, all)
	}
}

// TestForeignWordsAreListed: a word that ExaBGP does not know is found wherever it is
// put: as a line of its own in every block, and behind every directive.
func TestForeignWordsAreListed(t *testing.T) {
	const foreign = "zzforeign"
	tried := 0
	for _, path := range examples(t) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), `\`) {
			continue
		}
		lines := strings.Split(string(data), "\n")
		for i, line := range lines {
			for _, changed := range mutations(line, foreign) {
				tried++
				mutant := filepath.Join(t.TempDir(), "k.conf")
				text := strings.Join(append(append(append([]string{}, lines[:i]...), changed), lines[i+1:]...), "\n")
				if err := os.WriteFile(mutant, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				r, err := Import([]Source{{Path: mutant}}, Options{Host: testHost})
				if err != nil && strings.Contains(err.Error(), fmt.Sprintf("k.conf:%d", i+1)) {
					continue
				}
				if err != nil || !mentions(r, foreign) {
					t.Errorf("%s:%d: %q is not listed, nor in the result (%v)", path, i+1, changed, err)
				}
			}
		}
	}
	if tried < 300 {
		t.Errorf("only %d places were tried", tried)
	}
}

// mutations puts a word behind a directive, and on a line before it.
func mutations(line, foreign string) []string {
	code := strings.TrimSpace(comments.ReplaceAllString(line, ""))
	if code == "" {
		return nil
	}
	made := []string{foreign + " 1;\n" + line}
	if before, ok := strings.CutSuffix(code, ";"); ok {
		made = append(made, before+" "+foreign+";")
	}
	return made
}

// mentions tells whether the word, or the block around it, is listed, or it became
// part of the result.
func mentions(r *Result, word string) bool {
	if strings.Contains(string(r.Config), word) {
		return true
	}
	for _, f := range r.Findings {
		// The words of a secret are counted, not shown.
		if strings.Contains(f.Directive+f.Why, word) || f.Why == "nothing was made of 1 word" {
			return true
		}
	}
	return covered(r.trees[0], word)
}

// covered tells whether the word is in a block, or of a directive, that is listed.
func covered(list []*Directive, word string) bool {
	for _, d := range list {
		if d.listed && contains(d, word) || covered(d.Block, word) {
			return true
		}
	}
	return false
}

func contains(d *Directive, word string) bool {
	if strings.Contains(strings.Join(d.Words, " "), word) {
		return true
	}
	for _, in := range d.Block {
		if contains(in, word) {
			return true
		}
	}
	return false
}

// wellFormed checks that the text is YAML with the keys of a configuration. What it
// says may be refused: a file can announce the address of its own peer.
func wellFormed(t *testing.T, text []byte) {
	var tree map[string]any
	if err := yaml.Unmarshal(text, &tree); err != nil {
		t.Errorf("the result is no YAML: %v\n%s", err, text)
	}
	_, err := config.Parse("k.yaml", text)
	var mistakes *config.Errors
	if err != nil && !errors.As(err, &mistakes) || err != nil && strings.Contains(err.Error(), "unknown key") {
		t.Errorf("the result is refused: %v\n%s", err, text)
	}
}

// FuzzImport: any file is refused with its place, or becomes a configuration in which
// each word of it is accounted for.
func FuzzImport(f *testing.F) {
	bad, _ := filepath.Glob("testdata/bad/*.conf")
	for _, path := range append(examples(f), bad...) {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	f.Fuzz(func(t *testing.T, text string) {
		tree, err := parse("k.conf", text)
		if err == nil {
			var r *Result
			if r, err = convert([]Source{{"a", "k.conf"}}, [][]*Directive{tree}, Options{Host: testHost.complete()}); err == nil {
				for _, wrong := range accounted(tree, places(r)) {
					t.Error(wrong)
				}
				wellFormed(t, r.Config)
				return
			}
		}
		if !strings.HasPrefix(err.Error(), "k.conf:") {
			t.Errorf("an error without its place: %v", err)
		}
	})
}
