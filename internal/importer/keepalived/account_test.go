package keepalived

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
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
		if len(r.tree) == 0 {
			t.Errorf("%s: nothing was read", path)
		}
		for _, wrong := range accounted(r.tree, places(r)) {
			t.Error(wrong)
		}
	}
}

var (
	comments = regexp.MustCompile(`(?m)[#!].*$`)
	words    = regexp.MustCompile(`[^\s{}"]+`)
)

// TestEveryWordIsRead: what the parser makes of a file without definitions and
// conditions is what a search for words finds in it.
func TestEveryWordIsRead(t *testing.T) {
	count := 0
	for _, path := range examples(t) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(string(data), "$@\\~") || strings.Contains(string(data), "include ") {
			continue
		}
		count++
		want := words.FindAllString(comments.ReplaceAllString(string(data), ""), -1)
		tree, _, err := Parse(path, Options{Host: host.complete()})
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
	if count < 6 {
		t.Errorf("only %d files have neither definitions nor conditions", count)
	}
}

func collect(list []*Directive, all *[]string) {
	for _, d := range list {
		*all = append(*all, d.Words...)
		collect(d.Block, all)
	}
}

// TestForeignWordsAreListed: a word that keepalived does not know is found wherever
// it is put: as a line of its own in every block, and behind every directive.
func TestForeignWordsAreListed(t *testing.T) {
	const foreign = "zzforeign"
	tried := 0
	for _, path := range examples(t) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), `\`) || strings.Contains(string(data), "include ") {
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
				r := importFile(t, mutant)
				if !mentions(r, foreign) {
					t.Errorf("%s:%d: %q is not listed, nor in the result", path, i+1, changed)
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
	made := []string{foreign + " 1\n" + line}
	if !strings.ContainsAny(code, "{}") {
		made = append(made, code+" "+foreign)
	}
	if code == "{" {
		made = made[1:] // a line before it would take the block
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
	return covered(r.tree, word)
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
	if strings.Contains(d.Raw, word) {
		return true
	}
	for _, in := range d.Block {
		if contains(in, word) {
			return true
		}
	}
	return false
}
