package dr

import (
	"slices"
	"strings"
	"testing"
	"time"

	"stead/internal/core/clock"
	"stead/internal/lab/dr/queue"
)

const ms = Instant(time.Millisecond)

func TestWithout(t *testing.T) {
	others := []span{{10, 20}, {30, 40}}
	for _, c := range []struct {
		s    span
		want []span
	}{
		{span{0, 50}, []span{{0, 10}, {20, 30}, {40, 50}}},
		{span{0, 10}, []span{{0, 10}}},
		{span{12, 18}, nil},
		{span{15, 35}, []span{{20, 30}}},
		{span{40, 41}, []span{{40, 41}}},
	} {
		if got := without(c.s, others); !slices.Equal(got, c.want) {
			t.Errorf("%v: %v, want %v", c.s, got, c.want)
		}
	}
}

func TestOverlapAndUncovered(t *testing.T) {
	a, b := []span{{0, 10}, {20, 30}}, []span{{5, 25}}
	if got := overlap(a, b); got != 10 {
		t.Errorf("overlap %v, want 10", got)
	}
	if got := overlap(a, []span{{10, 20}}); got != 0 {
		t.Errorf("overlap %v of what touches, want 0", got)
	}
	for _, spans := range [][]span{nil, {{50, 300}}, {{0, 120}, {110, 150}, {160, 170}}, {{0, 500}}, {{0, 50}}, {{120, 130}, {100, 110}}} {
		if got, want := uncovered(span{100, 200}, spans), counted(spans); got != want {
			t.Errorf("%v: %v, want %v", spans, got, want)
		}
	}
}

// counted is what uncovered has to be, counted one by one.
func counted(spans []span) (n time.Duration) {
	for at := Instant(100); at < 200; at++ {
		if !slices.ContainsFunc(spans, func(s span) bool { return s.From <= at && at < s.To }) {
			n++
		}
	}
	return n
}

// run is a fault at 1000 ms, healed at 3000, looked at until 5000.
func run(workloads ...queue.Consumer) *Result {
	return &Result{Injected: 1000 * ms, Healed: 3000 * ms, To: 5000 * ms, Runs: workloads}
}

func workloadOf(site string, began, ended Instant) queue.Consumer {
	return queue.Consumer{Site: site, Began: began * ms, Ended: ended * ms}
}

func TestJudge(t *testing.T) {
	aDied, bRan := workloadOf(siteA, 100, 1001), workloadOf(siteB, 2200, 0)
	for _, c := range []struct {
		name  string
		fault fault
		run   *Result
		wrong string // empty: nothing
	}{
		{"takeover", fault{want: open}, run(aDied, bRan), ""},
		{"no takeover", fault{want: open}, run(aDied), "did not open"},
		{"both", fault{want: open}, run(workloadOf(siteA, 100, 2300), bRan), "both sites ran for 100 ms"},
		{"both before the fault", fault{want: open}, run(workloadOf(siteA, 100, 500), workloadOf(siteB, 400, 600), workloadOf(siteB, 2000, 0)), "both sites ran for 100 ms"},
		{"rightly closed", fault{want: stayClosed, goesOn: true}, run(workloadOf(siteA, 100, 0)), ""},
		{"wrongly open", fault{want: stayClosed}, run(aDied, bRan), "the gate of site b opened"},
		{"open when the fault was over", fault{want: stayClosed}, run(aDied, workloadOf(siteB, 3500, 0)), ""},
		{"wrongly stopped", fault{want: stayClosed, goesOn: true}, run(aDied), "workload of site a was stopped"},
		{"runs again", fault{want: stayClosed, again: true}, run(aDied, workloadOf(siteA, 3200, 0)), ""},
		{"nobody runs again", fault{want: stayClosed, again: true}, run(aDied), "no workload runs"},
		{"the other way round", fault{gate: siteA, want: open}, run(workloadOf(siteB, 100, 1100), workloadOf(siteA, 1200, 0)), ""},
	} {
		c.run.evaluate(&c.fault)
		c.run.judge(&c.fault, timings[TimingFast])
		got := strings.Join(c.run.Wrong, "; ")
		if unsafe := strings.Contains(c.wrong, "both"); unsafe != c.run.Unsafe {
			t.Errorf("%s: unsafe %v, want %v", c.name, c.run.Unsafe, unsafe)
		}
		if (c.wrong == "") != (got == "") || !strings.Contains(got, c.wrong) {
			t.Errorf("%s: %q, want %q", c.name, got, c.wrong)
		}
	}
}

func TestJudgeEvents(t *testing.T) {
	for _, c := range []struct {
		counts queue.Counts
		fault  fault
		bad    bool
	}{
		{queue.Counts{Processed: 9, Twice: 3, ByBoth: 3, StaleRefused: 3}, fault{}, false},
		{queue.Counts{Twice: 3}, fault{exactly: true}, true},
		{queue.Counts{StaleAccepted: 1}, fault{}, true},
		{queue.Counts{FencedTwice: 1}, fault{}, true},
		{queue.Counts{Missing: 1}, fault{}, true},
	} {
		r := run(workloadOf(siteA, 100, 0))
		r.Counts = c.counts
		r.evaluate(&c.fault)
		r.judge(&c.fault, timings[TimingFast])
		if (len(r.Wrong) > 0) != c.bad {
			t.Errorf("%+v: %v", c.counts, r.Wrong)
		}
	}
}

// What stands still runs nowhere; what goes on has a moment to find out.
func TestPaused(t *testing.T) {
	f := fault{want: open, pauses: true}
	r := run(workloadOf(siteA, 100, 3050), workloadOf(siteB, 2200, 0))
	r.Paused = []span{{1000 * ms, 3000 * ms}}
	r.evaluate(&f)
	r.judge(&f, timings[TimingFast])
	if r.Both != 50*time.Millisecond || len(r.Wrong) > 0 {
		t.Errorf("both for %v, %v", r.Both, r.Wrong)
	}
	r.Paused[0].To = clock.Never // it never goes on
	r.evaluate(&f)
	if r.Both != 0 {
		t.Errorf("both for %v though one stands still", r.Both)
	}
}

func TestOneWrongRunIsEnough(t *testing.T) {
	var r Results
	r.add(Result{Fault: "dies", Original: true, Wrong: []string{"both"}})
	r.add(Result{Fault: "dies"})
	if !r.OK() || len(r.Faults) != 2 || r.Faults[0].Original {
		t.Fatalf("%+v", r.Faults)
	}
	r.add(Result{Fault: "dies", Wrong: []string{"both"}})
	if r.OK() || len(r.Faults) != 2 {
		t.Fatalf("%+v", r.Faults)
	}
	if (&Results{}).OK() {
		t.Error("nothing was run, and all is well")
	}
}

func TestReports(t *testing.T) {
	var r Results
	for _, original := range []bool{false, true} {
		run := run(workloadOf(siteA, 100, 1001), workloadOf(siteB, 2200, 0))
		run.Fault, run.Original = "dies", original
		run.Lines = []Line{{Site: siteB, At: 1900 * ms, Kind: kindVerdict, Verdict: "flatlined", Detail: "<b>"}}
		run.evaluate(faultNamed("dies"))
		r.add(*run)
	}
	for what, write := range map[string]func(*strings.Builder) error{
		"text": func(b *strings.Builder) error { return r.WriteText(b) },
		"json": func(b *strings.Builder) error { return r.WriteJSON(b) },
		"html": func(b *strings.Builder) error { return r.WriteHTML(b) },
	} {
		var b strings.Builder
		if err := write(&b); err != nil || !strings.Contains(b.String(), "1200") || strings.Contains(b.String(), "<b>") {
			t.Errorf("%s: %v\n%s", what, err, b.String())
		}
	}
}
