package explain

import (
	"fmt"
	"io"
	"strings"

	"stead/internal/report"
)

// moment is a wall clock's time to the millisecond.
const moment = "2006-01-02 15:04:05.000"

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
		fmt.Fprintf(&b, "at %s", x.Wall.Local().Format(moment))
		if x.Epoch > 0 {
			fmt.Fprintf(&b, ", epoch %d", x.Epoch)
		}
		if x.TookMS > 0 {
			fmt.Fprintf(&b, ", %.1f ms after the first sign", x.TookMS)
		}
		b.WriteString("\n\n")
		for _, s := range x.Steps {
			fmt.Fprintf(&b, "  %+10.1f ms  %-15s %s\n", s.AtMS, s.Event.Kind, s.Text)
		}
		if len(x.Since) > 0 {
			b.WriteString("\nsince then, without a change\n\n")
		}
		for _, s := range x.Since {
			fmt.Fprintf(&b, "  %s  %-15s %s\n", s.Event.Wall.Local().Format(moment), s.Event.Kind, s.Text)
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
	switch {
	case e.Epoch == 0:
	case e.Group == "" && (e.Kind == report.GotVote || e.Kind == report.LostVote):
		words += fmt.Sprintf(" [vote %d]", e.Epoch)
	default:
		words += fmt.Sprintf(" [epoch %d]", e.Epoch)
	}
	return fmt.Sprintf("%s  %-12s %-16s %s", e.Wall.Local().Format(moment), about, e.Kind, words)
}
