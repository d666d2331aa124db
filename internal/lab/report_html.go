package lab

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"

	"stead/internal/core/clock"
	"stead/internal/workload"
)

//go:embed report.html
var reportHTML string

var page = template.Must(template.New("report").Funcs(template.FuncMap{
	"ms":       numberMS,
	"known":    known,
	"verdict":  (*FaultResult).verdict,
	"timeline": timeline,
	"offset":   offset,
	"shares":   (*FaultResult).shares,
}).Parse(reportHTML))

// WriteHTML writes the report as one file that needs no other, with the
// timeline of the worst run of each fault drawn.
func (r *Results) WriteHTML(w io.Writer) error {
	if err := page.Execute(w, r); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// Worst is the run with the longest outage.
func (r *FaultResult) Worst() *Run {
	var worst *Run
	for i := range r.Runs {
		if run := &r.Runs[i]; run.Injected != 0 && (worst == nil || run.Outage > worst.Outage) {
			worst = run
		}
	}
	return worst
}

// timeline draws a run.
func timeline(run *Run) (template.HTML, error) {
	t := workload.Timeline{
		Samples: run.Samples, Zero: run.Injected, Bands: run.Bands,
		Rows:  []string{primary, secondary},
		Marks: []workload.Mark{{At: run.Injected, Text: run.Fault}},
	}
	if run.Detected != 0 {
		text := run.Holder + " active"
		if f := faultNamed(run.Fault); f != nil && f.budget == healed {
			text = otherServer(run.Holder) + " standby"
		}
		t.Marks = append(t.Marks, workload.Mark{At: run.Detected, Text: text})
	}
	var b strings.Builder
	if err := t.WriteSVG(&b); err != nil {
		return "", err
	}
	return template.HTML(b.String()), nil // WriteSVG escapes what it is given
}

func offset(boot int64, run *Run) string {
	return fmt.Sprintf("%+.2f", clock.Instant(boot).Sub(run.Injected).Seconds()*1000)
}
