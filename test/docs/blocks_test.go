// Package docs does what the documentation tells people to do.
package docs

import (
	"os"
	"strings"
	"testing"
)

const root = "../.."

// blocks returns the quoted blocks of a page that are in a language, without the
// indentation that they have in a list.
func blocks(t *testing.T, page, language string) (texts []string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var block *strings.Builder
	indent, other := "", false
	for _, line := range strings.SplitAfter(string(text), "\n") {
		trimmed := strings.TrimSpace(line)
		switch {
		case other:
			other = trimmed != "```"
		case block == nil && trimmed == "```"+language:
			block, indent = &strings.Builder{}, line[:strings.Index(line, "`")]
		case block == nil:
			other = strings.HasPrefix(trimmed, "```")
		case trimmed == "```":
			texts = append(texts, block.String())
			block = nil
		default:
			block.WriteString(strings.TrimPrefix(line, indent))
		}
	}
	return texts
}
