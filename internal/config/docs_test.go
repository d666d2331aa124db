package config

import (
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var yamlBlock = regexp.MustCompile("(?s)```ya?ml\n(.*?)```")

// TestDocsLoad: every configuration in the documentation is one that loads.
func TestDocsLoad(t *testing.T) {
	pages := files(t, "../../*.md")
	err := filepath.WalkDir("../../docs", func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".md") {
			pages = append(pages, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, page := range pages {
		for _, block := range yamlBlock.FindAllStringSubmatch(string(read(t, page)), -1) {
			text := block[1]
			if !strings.HasPrefix(text, "nodes:") && !strings.Contains(text, "\nnodes:") {
				continue
			}
			count++
			if _, err := Parse(page, []byte(text)); err != nil {
				t.Errorf("a configuration in %s is refused (lines count from its first):\n%v", page, err)
			}
		}
	}
	if count < 2 {
		t.Errorf("only %d configurations were found", count)
	}
}
