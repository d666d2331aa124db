package workload

import (
	"fmt"
	"html"
	"io"
	"strings"
	"time"

	"stead/internal/core/clock"
)

// Timeline is a drawing of requests over time: a row for each server, with a
// mark for each request that it answered, and a row of losses.
type Timeline struct {
	Samples  []Sample
	Zero     clock.Instant // the moment that the axis counts from
	From, To clock.Instant // what is drawn; the zero values draw all samples
	Marks    []Mark
	Bands    []Band
	Rows     []string // servers, from the top; servers that are not named follow
}

// Mark is a moment with a name.
type Mark struct {
	At   clock.Instant
	Text string
}

// Band is a span of time that is shaded: two holders at once, for instance.
type Band struct {
	From, To clock.Instant
	Text     string
}

const (
	svgWidth  = 900
	svgLeft   = 96
	svgRight  = 16
	svgTop    = 34
	svgRow    = 26
	svgBottom = 26
)

// lostRow is the name of the row of losses.
const lostRow = "lost"

var rowColours = []string{"#1f77b4", "#2ca02c", "#9467bd", "#8c564b"}

const lostColour = "#d62728"

// WriteSVG writes the drawing. Its colours stand in the drawing itself, so that
// it can be kept as a file of its own.
func (t *Timeline) WriteSVG(w io.Writer) error {
	rows := t.rows()
	from, to := t.span()
	height := svgTop + svgRow*len(rows) + svgBottom
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" font-family="sans-serif" font-size="11" fill="#444">`+"\n", svgWidth, height)
	x := func(at clock.Instant) float64 {
		return svgLeft + float64(at-from)/float64(max(to-from, 1))*(svgWidth-svgLeft-svgRight)
	}
	t.drawBands(&b, x, from, to, height)
	t.drawAxis(&b, x, from, to, height)
	for i, row := range rows {
		t.drawRow(&b, x, from, to, i, row)
	}
	for i, m := range t.Marks {
		if m.At < from || m.At > to {
			continue
		}
		fmt.Fprintf(&b, `<line x1="%.1f" x2="%.1f" y1="16" y2="%d" stroke="#888" stroke-dasharray="3 2"/>`, x(m.At), x(m.At), height-svgBottom)
		text, anchor := x(m.At)+3, "start"
		if x(m.At) > svgWidth*4/5 {
			text, anchor = x(m.At)-3, "end"
		}
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="%s">%s</text>`+"\n", text, 12+12*(i%2), anchor, html.EscapeString(m.Text))
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func (t *Timeline) span() (from, to clock.Instant) {
	from, to = t.From, t.To
	if n := len(t.Samples); from == 0 && to == 0 && n > 0 {
		from, to = t.Samples[0].Sent, t.Samples[n-1].Sent
	}
	return from, to
}

func (t *Timeline) rows() []string {
	rows := append([]string(nil), t.Rows...)
	for i := range t.Samples {
		if s := &t.Samples[i]; s.Answered() && !idSet(rows).has(s.ID) {
			rows = append(rows, s.ID)
		}
	}
	return append(rows, lostRow)
}

// drawRow draws neighbouring requests as one path, so that ten thousand of them
// are still one element.
func (t *Timeline) drawRow(b *strings.Builder, x func(clock.Instant) float64, from, to clock.Instant, i int, row string) {
	y := svgTop + svgRow*i
	colour := rowColours[i%len(rowColours)]
	if row == lostRow {
		colour = lostColour
	}
	fmt.Fprintf(b, `<text x="4" y="%d">%s</text><path stroke="%s" stroke-width="1.2" d="`, y+17, html.EscapeString(row), colour)
	last := -1.0
	for k := range t.Samples {
		s := &t.Samples[k]
		mine := s.Answered() && (s.ID == row || s.Second == row) || !s.Answered() && row == lostRow
		if !mine || s.Sent < from || s.Sent > to {
			continue
		}
		// Two requests that share a fifth of a pixel are one stroke.
		if at := x(s.Sent); at-last >= 0.2 {
			fmt.Fprintf(b, "M%.1f %dv16", at, y+5)
			last = at
		}
	}
	b.WriteString("\"/>\n")
}

func (t *Timeline) drawBands(b *strings.Builder, x func(clock.Instant) float64, from, to clock.Instant, height int) {
	for _, band := range t.Bands {
		lo, hi := max(band.From, from), min(band.To, to)
		if lo > hi {
			continue
		}
		fmt.Fprintf(b, `<rect x="%.1f" width="%.1f" y="%d" height="%d" fill="#ffbf00" fill-opacity="0.35"><title>%s</title></rect>`+"\n",
			x(lo), max(x(hi)-x(lo), 1), svgTop, height-svgTop-svgBottom, html.EscapeString(band.Text))
	}
}

func (t *Timeline) drawAxis(b *strings.Builder, x func(clock.Instant) float64, from, to clock.Instant, height int) {
	y := height - svgBottom
	fmt.Fprintf(b, `<line x1="%d" x2="%d" y1="%d" y2="%d" stroke="#888"/>`, svgLeft, svgWidth-svgRight, y, y)
	step := axisStep(to.Sub(from))
	first := t.Zero.Add((from.Sub(t.Zero) / step) * step)
	for at := first; at <= to; at = at.Add(step) {
		if at < from {
			continue
		}
		fmt.Fprintf(b, `<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="#888"/><text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n",
			x(at), x(at), y, y+4, x(at), y+17, axisText(at.Sub(t.Zero), step))
	}
}

func axisText(d, step time.Duration) string {
	if step >= time.Second {
		return fmt.Sprintf("%g s", d.Seconds())
	}
	return fmt.Sprintf("%g ms", milliseconds(d))
}

// axisStep gives ten marks or a few less, at 1, 2 or 5 of a power of ten.
func axisStep(span time.Duration) time.Duration {
	step := 100 * time.Microsecond
	for factor := 0; span/step > 10; factor++ {
		if factor%3 == 1 {
			step = step * 5 / 2
		} else {
			step *= 2
		}
	}
	return step
}

// SVG draws a report's samples: changes of holder as marks, two holders as bands.
func (r *Report) SVG(samples []Sample) *Timeline {
	t := &Timeline{Samples: samples, Zero: r.From}
	for _, c := range r.Changes {
		t.Marks = append(t.Marks, Mark{At: c.At, Text: c.From + " → " + c.To})
	}
	for i := range r.Dual {
		d := &r.Dual[i]
		t.Bands = append(t.Bands, Band{From: d.From, To: d.To.Add(time.Duration(r.Interval)), Text: "two holders: " + d.First + " and " + d.Second})
	}
	return t
}
