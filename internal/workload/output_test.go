package workload

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLinesAreTheTrials(t *testing.T) {
	asked := time.Date(2022, 1, 17, 11, 20, 16, 386997761, time.UTC)
	tests := []struct {
		about string
		s     Sample
		asked time.Time
		want  string
	}{
		{"an answer", Sample{Received: 1, ID: "PRI"}, asked, "2022-01-17T11:20:16,386997761+00:00 + PRI\n"},
		{"a loss", Sample{}, asked, "2022-01-17T11:20:16,386997761+00:00 - \n"},
		{"another zone", Sample{Received: 1, ID: "SEC"}, asked.In(time.FixedZone("", -(3*60+30)*60)), "2022-01-17T07:50:16,386997761-03:30 + SEC\n"},
		{"whole seconds keep their digits", Sample{Received: 1, ID: "PRI"}, asked.Truncate(time.Second), "2022-01-17T11:20:16,000000000+00:00 + PRI\n"},
		{"a server cannot forge a line", Sample{Received: 1, ID: "a\nb"}, asked, "2022-01-17T11:20:16,386997761+00:00 + a?b\n"},
	}
	for _, test := range tests {
		t.Run(test.about, func(t *testing.T) {
			if got := string(AppendLine(nil, test.asked, &test.s)); got != test.want {
				t.Errorf("line %q, want %q", got, test.want)
			}
		})
	}
}

func TestReportText(t *testing.T) {
	r := Analyze(samplesOf("aaa..babbb"), interval)
	var b strings.Builder
	if err := r.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	want := `10 sent, 8 answered, 2 lost, one every 1ms
  a            answered 4
  b            answered 4
longest outage 2.0 ms
  at    0.003 s  outage     2.0 ms      2 lost  a -> b
  at    0.007 s  a -> b
  at    0.005 s  two holders for 2.0 ms: b and a (2 requests)
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
}

func TestReportJSON(t *testing.T) {
	b, err := json.Marshal(Analyze(samplesOf("aaa..babbb"), interval))
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"interval_ms": 1.0, "from_boot_ns": 1e9, "to_boot_ns": 1.009e9,
		"sent": 10.0, "answered": 8.0, "lost": 2.0, "late": 0.0,
		"longest_outage_ms": 2.0, "longest_silence_ms": 2.0, "longest_latency_ms": 0.2, "dual_holders_ms": 2.0,
		"answers":      []any{map[string]any{"id": "a", "answers": 4.0}, map[string]any{"id": "b", "answers": 4.0}},
		"outages":      []any{map[string]any{"at_ms": 3.0, "ms": 2.0, "lost": 2.0, "from": "a", "to": "b"}},
		"changes":      []any{map[string]any{"at_ms": 7.0, "from": "a", "to": "b"}},
		"dual_holders": []any{map[string]any{"at_ms": 5.0, "ms": 2.0, "requests": 2.0, "servers": []any{"b", "a"}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
}

func TestSVGIsWellFormedAndHasARowForEachServer(t *testing.T) {
	samples := samplesOf("aaa..babbb")
	r := Analyze(samples, interval)
	timeline := r.SVG(samples)
	timeline.Marks = append(timeline.Marks, Mark{At: at(3), Text: "<cut>"})
	var b strings.Builder
	if err := timeline.WriteSVG(&b); err != nil {
		t.Fatal(err)
	}
	decoder := xml.NewDecoder(strings.NewReader(b.String()))
	texts := map[string]bool{}
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("not well-formed: %v\n%s", err, b.String())
		}
		if text, ok := token.(xml.CharData); ok {
			texts[string(text)] = true
		}
	}
	for _, want := range []string{"a", "b", "lost", "<cut>", "a → b", "0 ms"} {
		if !texts[want] {
			t.Errorf("no text %q in the drawing", want)
		}
	}
	if got := strings.Count(b.String(), "v16"); got != len(samples) {
		t.Errorf("%d strokes for %d requests", got, len(samples))
	}
}

func TestAxisStepGivesAtMostTenMarks(t *testing.T) {
	for span := 500 * time.Microsecond; span < time.Hour; span = span * 17 / 10 {
		step := axisStep(span)
		if marks := span / step; marks > 10 || marks < 2 {
			t.Errorf("span %v: step %v gives %d marks", span, step, marks)
		}
	}
}
