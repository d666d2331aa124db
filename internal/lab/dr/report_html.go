package dr

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"
)

//go:embed report.html
var reportHTML string

var page = template.Must(template.New("report").Funcs(template.FuncMap{
	"dash": orDash, "number": number, "lanes": lanes, "offset": offset,
}).Parse(reportHTML))

// WriteHTML writes the report as one file that needs no other, with a drawing of
// the last run of each fault.
func (r *Results) WriteHTML(w io.Writer) error {
	if err := page.Execute(w, r); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// Last is the last run.
func (f *FaultResult) Last() *Result {
	if len(f.Runs) == 0 {
		return nil
	}
	return &f.Runs[len(f.Runs)-1]
}

func offset(at Instant, r *Result) string {
	return fmt.Sprintf("%+.0f", at.Sub(r.Injected).Seconds()*1000)
}

// The drawing of a run, in pixels.
const (
	drawWidth, drawHeight = 1000, 74
	drawLeft, drawRight   = 60, 10
	laneHeight            = 20
)

// lanes draws when the workload ran on each site.
func lanes(r *Result) template.HTML {
	from := r.Injected.Add(-r.To.Sub(r.Injected) / 4)
	x := func(at Instant) float64 {
		share := float64(max(at, from).Sub(from)) / float64(r.To.Sub(from))
		return drawLeft + share*(drawWidth-drawLeft-drawRight)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" role="img">`, drawWidth, drawHeight)
	for i, site := range sites {
		top := 4 + i*(laneHeight+6)
		fmt.Fprintf(&b, `<text x="4" y="%d" font-size="13">site %s</text><rect x="%d" y="%d" width="%d" height="%d" fill="#eee"/>`,
			top+15, site, drawLeft, top, drawWidth-drawLeft-drawRight, laneHeight)
		for _, s := range r.spans(site) {
			if s.To > from {
				fmt.Fprintf(&b, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"/>`, x(s.From), top, x(s.To)-x(s.From), laneHeight, []string{"#1f77b4", "#2ca02c"}[i])
			}
		}
	}
	mark := func(at Instant, text, colour string) {
		if at != 0 {
			fmt.Fprintf(&b, `<line x1="%.1f" x2="%.1f" y1="0" y2="54" stroke="%s"/><text x="%.1f" y="68" font-size="12" text-anchor="middle">%s</text>`, x(at), x(at), colour, x(at), text)
		}
	}
	mark(r.Injected, "fault", "#d62728")
	mark(r.Healed, fmt.Sprintf("over, %.1f s", r.Healed.Sub(r.Injected).Seconds()), "#888")
	if r.Opened > 0 && (r.Healed == 0 || r.Healed.Sub(r.Injected.Add(r.Opened)) > 300*time.Millisecond) {
		mark(r.Injected.Add(r.Opened), "open, "+show(r.Opened), "#2ca02c")
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) // numbers and words of this program
}
