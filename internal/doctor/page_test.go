package doctor

import (
	"strings"
	"testing"

	"stead/internal/report/docpage"
)

// TestPage keeps the list of docs/reference/doctor.md.
func TestPage(t *testing.T) {
	var b strings.Builder
	listed := map[*Problem]bool{}
	for _, c := range Checks {
		b.WriteString("### " + c.Name + "\n\n")
		if len(c.Problems) == 0 {
			b.WriteString("Says what no check can see from one host.\n\n")
			continue
		}
		b.WriteString("| Problem | Severity | What, and what it means | Do |\n|---|---|---|---|\n")
		for _, p := range c.Problems {
			if listed[p] {
				b.WriteString("| `" + p.ID + "` | | above | |\n")
				continue
			}
			listed[p] = true
			b.WriteString("| `" + p.ID + "` | " + string(p.Severity) + " | " + cell(placeholders(sentence(p.Title)+" "+sentence(p.Means))) + " | " + cell(placeholders(p.Do)) + " |\n")
		}
		b.WriteString("\n")
	}
	docpage.Check(t, "../../docs/reference/doctor.md", "problems", b.String())
}

// sentence makes one of a text that is part of one.
func sentence(text string) string { return strings.ToUpper(text[:1]) + text[1:] + "." }

// cell makes a text fit into a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", "\\|") }

// placeholders writes what is filled in as people know it from manuals.
func placeholders(text string) string {
	for _, part := range strings.Split(text, "{")[1:] {
		if name, _, closed := strings.Cut(part, "}"); closed && !strings.Contains(name, " ") {
			text = strings.ReplaceAll(text, "{"+name+"}", strings.ToUpper(name))
		}
	}
	return text
}
