// Package docs shows that what the documentation tells people to write is
// accepted.
package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stead/internal/config"
)

const root = "../.."

// pages are the Markdown files that people read.
func pages(t *testing.T) (names []string) {
	t.Helper()
	err := filepath.WalkDir(root+"/docs", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(name, ".md") {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return append(names, root+"/README.md")
}

// blocks returns the quoted blocks of a page that are in a language, without the
// indentation that they have in a list.
func blocks(t *testing.T, page, language string) (texts []string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var block *strings.Builder
	indent := ""
	for _, line := range strings.SplitAfter(string(text), "\n") {
		trimmed := strings.TrimSpace(line)
		switch {
		case block == nil && trimmed == "```"+language:
			block, indent = &strings.Builder{}, line[:strings.Index(line, "`")]
		case block != nil && trimmed == "```":
			texts = append(texts, block.String())
			block = nil
		case block != nil:
			block.WriteString(strings.TrimPrefix(line, indent))
		}
	}
	return texts
}

// TestConfigurationsLoad loads every whole configuration in the documentation.
func TestConfigurationsLoad(t *testing.T) {
	whole := 0
	for _, page := range pages(t) {
		for _, text := range blocks(t, page, "yaml") {
			if !strings.HasPrefix(text, "nodes:") || !strings.Contains(text, "\ngroups:") {
				continue
			}
			whole++
			if _, err := config.Parse(page, []byte(text)); err != nil {
				t.Errorf("%s: %v\n%s", page, err, text)
			}
		}
	}
	if whole < 2 {
		t.Errorf("found %d whole configurations: the test sees too little", whole)
	}
}
