package doctor

import (
	"fmt"
	"io"
	"strings"
)

// Text writes the report for a person: what is wrong, the worst first, then in a
// line what is fine.
func Text(w io.Writer, r *Report) error {
	var b strings.Builder
	title(&b, r)
	count := map[Severity]int{}
	var good, blind []string
	sick := map[string]bool{} // checks that found something
	for _, f := range r.Findings {
		sick[f.Check] = sick[f.Check] || f.ID == notChecked.ID
		switch {
		case f.Severity == OK:
			if !sick[f.Check] { // the worst come first
				good = append(good, f.Check)
			}
		case f.ID == notChecked.ID:
			blind = append(blind, fmt.Sprintf("  %s: %s\n", f.Subject, f.Seen))
		default:
			count[f.Severity]++
			sick[f.Check] = true
			problem(&b, &f)
		}
	}
	if len(good) > 0 {
		fmt.Fprintf(&b, "\nFine: %s\n", strings.Join(unique(good), ", "))
	}
	if len(blind) > 0 {
		b.WriteString("\nNot looked at:\n" + strings.Join(blind, ""))
	}
	b.WriteString("\n" + verdict(count, len(blind) > 0) + "\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func title(b *strings.Builder, r *Report) {
	b.WriteString("stead doctor")
	if r.Node != "" {
		b.WriteString(" · node " + r.Node)
	}
	b.WriteString(" · " + r.File)
	switch {
	case r.Daemon.Running && r.Daemon.PID != 0:
		fmt.Fprintf(b, " · daemon %s runs (process %d)\n", r.Daemon.Version, r.Daemon.PID)
	case r.Daemon.Running:
		fmt.Fprintf(b, " · daemon %s runs\n", r.Daemon.Version)
	default:
		b.WriteString(" · no daemon answers\n")
	}
}

func problem(b *strings.Builder, f *Finding) {
	fmt.Fprintf(b, "\n%-8s%s", strings.ToUpper(string(f.Severity)), f.Title)
	if f.Subject != "" {
		b.WriteString(": " + f.Subject)
	}
	fmt.Fprintf(b, " [%s]\n", f.ID)
	for _, part := range []struct{ name, text string }{{"seen", f.Seen}, {"means", f.Means}, {"do", f.Do}} {
		if part.text != "" {
			fmt.Fprintf(b, "  %-6s%s\n", part.name, part.text)
		}
	}
}

func verdict(count map[Severity]int, blind bool) string {
	var parts []string
	for _, s := range []Severity{Fatal, Warning, Hint} {
		switch n := count[s]; {
		case n == 1 || n > 0 && s == Fatal:
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
		case n > 1:
			parts = append(parts, fmt.Sprintf("%d %ss", n, s))
		}
	}
	switch {
	case count[Fatal] > 0:
		return "A failover would fail here: " + strings.Join(parts, ", ") + "."
	case count[Warning] > 0:
		return "A failover may be slow or fail here: " + strings.Join(parts, ", ") + "."
	}
	good := "Nothing here would break a failover"
	if blind {
		good = "Nothing that was looked at would break a failover"
	}
	if len(parts) > 0 {
		good += ": " + strings.Join(parts, ", ")
	}
	return good + "."
}

// unique drops repetitions and keeps the order.
func unique(names []string) []string {
	seen := map[string]bool{}
	var out []string
	for _, n := range names {
		if !seen[n] {
			seen[n] = true
			out = append(out, n)
		}
	}
	return out
}
