// Package transcript plays the transcripts of tests: files that read like the
// report of an incident. A line at the margin is done, the indented lines below it
// are what follows. -rewrite regenerates those; the diff is to be read.
package transcript

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write what the transcripts of testdata show anew")

// Files plays every transcript in testdata, of which there have to be as many as
// least, and fails where one shows something else now.
func Files(t *testing.T, least int, play func(t *testing.T, text string) string) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) < least {
		t.Fatalf("%d transcripts, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, string(text))
			switch {
			case *rewrite:
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			case got != string(text):
				t.Errorf("%s:\n%s", file, firstDifference(got, string(text)))
			}
		})
	}
}

// Play does what the lines at the margin say, and returns them with what was added
// to out meanwhile. Lines that begin with # are remarks.
func Play(t *testing.T, text string, out *[]string, obey func(words []string) error) string {
	for i, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		if strings.HasPrefix(line, "  ") {
			continue
		}
		*out = append(*out, line)
		if words := strings.Fields(line); len(words) > 0 && words[0] != "#" {
			if err := obey(words); err != nil {
				t.Fatalf("line %d: %s: %v\n%s", i+1, line, err, strings.Join(*out, "\n"))
			}
		}
	}
	return strings.Join(*out, "\n") + "\n"
}

// firstDifference shows where two transcripts part.
func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			end := func(s []string) string { return strings.Join(s[i:min(i+8, len(s))], "\n") }
			return fmt.Sprintf("line %d: got\n%s\nwant\n%s", i+1, end(g), end(w))
		}
	}
	return fmt.Sprintf("got %d lines, want %d", len(g), len(w))
}
