package explain

import (
	"fmt"
	"io"
	"strings"

	"stead/internal/report"
)

// Text draws explanations for people.
func Text(w io.Writer, explanations []Explanation) error {
	var b strings.Builder
	for i, x := range explanations {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintln(&b, x.Title)
		if len(x.Steps) == 0 {
			continue
		}
		fmt.Fprintf(&b, "at %s, epoch %d, %.1f ms after the first sign\n\n", x.Wall.Local().Format("2006-01-02 15:04:05.000"), x.Epoch, x.TookMS)
		for _, s := range x.Steps {
			fmt.Fprintf(&b, "  %+10.1f ms  %-15s %s\n", s.AtMS, s.Event.Kind, s.Text)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Line draws one event as a line of the history.
func Line(e report.Event) string {
	about := e.Group
	if about == "" {
		about = "-"
	}
	words := Sentence(e)
	if e.Epoch > 0 {
		words += fmt.Sprintf(" [epoch %d]", e.Epoch)
	}
	return fmt.Sprintf("%s  %-12s %-16s %s", e.Wall.Local().Format("2006-01-02 15:04:05.000"), about, e.Kind, words)
}
