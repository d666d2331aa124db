package lab

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stead/internal/config"
	"stead/internal/core/clock"
	"stead/internal/report"
	"stead/internal/workload"
)

const ms = time.Millisecond

func TestPercentileIsTheNearestRank(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[99-i] = time.Duration(i+1) * ms
	}
	tests := []struct {
		values  []time.Duration
		percent int
		want    time.Duration
	}{
		{nil, 50, 0},
		{[]time.Duration{7 * ms}, 99, 7 * ms},
		{[]time.Duration{3 * ms, 1 * ms, 2 * ms}, 50, 2 * ms},
		{[]time.Duration{4 * ms, 3 * ms, 1 * ms, 2 * ms}, 50, 2 * ms},
		{[]time.Duration{4 * ms, 3 * ms, 1 * ms, 2 * ms}, 99, 4 * ms},
		{hundred, 50, 50 * ms},
		{hundred, 99, 99 * ms},
		{hundred, 100, 100 * ms},
	}
	for _, test := range tests {
		if got := percentile(test.values, test.percent); got != test.want {
			t.Errorf("percentile %d of %d values: %v, want %v", test.percent, len(test.values), got, test.want)
		}
	}
}

func TestPromises(t *testing.T) {
	run := func(outage time.Duration, lost int) Run {
		return Run{Injected: 1, Detected: clock.Instant(outage), Outage: outage, Lost: lost, Sent: 200, Restored: 2, Undone: 3}
	}
	dual := run(10*ms, 9)
	dual.DualService = 3 * ms
	broken := run(0, 0)
	broken.Failed = "service not restored"
	late := run(0, 0)
	late.Settled = 61 * ms
	tests := []struct {
		fault  string
		quorum bool
		runs   []Run
		missed []string
	}{
		{"blackhole", true, []Run{run(15*ms, 14), run(16*ms, 15)}, nil},
		{"blackhole", true, []Run{run(17*ms, 14), run(26*ms, 15)}, []string{"outage p50 over by 1.0 ms", "outage p99 over by 6.0 ms"}},
		{"blackhole", true, []Run{dual}, []string{"two holders for 3.0 ms"}},
		{"blackhole", false, []Run{dual}, nil},
		{"switchover", true, []Run{run(0, 0)}, nil},
		{"switchover", true, []Run{run(1*ms, 1), run(0, 0)}, []string{"1 request lost"}},
		{"sigterm", true, []Run{run(4*ms, 4)}, []string{"outage p99 over by 1.0 ms"}},
		{"service", true, []Run{run(63*ms, 62)}, nil},
		{"heal", false, []Run{late}, []string{"settling over by 11.0 ms"}},
		{"recover", true, []Run{broken}, []string{"service not restored in 1 run"}},
	}
	for _, test := range tests {
		r := summarize(faultNamed(test.fault), test.runs, &Options{Timing: "fast"}, test.quorum)
		if diff := cmp.Diff(test.missed, r.Missed); diff != "" {
			t.Errorf("%s, quorum %v: missed (-want +got):\n%s", test.fault, test.quorum, diff)
		}
	}
}

// aTrial is two faults as they may come out.
func aTrial() *Results {
	samples := make([]workload.Sample, 60)
	for i := range samples {
		samples[i] = workload.Sample{Sent: clock.Instant(i+1) * clock.Instant(ms), ID: primary}
		if i >= 35 {
			samples[i].ID = secondary
		}
		if i < 20 || i >= 35 {
			samples[i].Received = samples[i].Sent.Add(ms / 5)
		} else {
			samples[i].ID = ""
		}
	}
	cut := Run{
		Fault: "cut", Number: 1, Injected: clock.Instant(20*ms) + 500, Detected: clock.Instant(35 * ms), Restored: clock.Instant(60 * ms), Undone: clock.Instant(90 * ms),
		Holder: secondary, Sent: 40, Lost: 15, Outage: 15 * ms, Silence: 15 * ms, Samples: samples,
		Events: []report.Event{{BootNS: int64(35 * ms), Kind: report.BecameActive, Epoch: 8, Reason: "peer-silent", Peer: primary}},
	}
	other := cut
	other.Outage, other.Lost, other.DualNetwork, other.RestoreLost, other.Late = 26*ms, 26, ms, 2, true
	heal := Run{Fault: "heal", Number: 1, Injected: 1000, Settled: 4 * ms, Holder: secondary, Sent: 120, Failed: "after <the> fault: not ready"}
	return &Results{
		Setup:  Setup{Version: "v1", Kernel: "6.18", CPUs: 2, User: "root", Timing: "fast", LeaseMS: 15, Family: "ipv4", Fence: "kernel", Realtime: true, Client: true},
		Faults: []FaultResult{summarize(faultNamed("cut"), []Run{cut, other}, &Options{Timing: "fast"}, true), summarize(faultNamed("heal"), []Run{heal}, &Options{Timing: "fast"}, false)},
	}
}

func TestTable(t *testing.T) {
	var b strings.Builder
	if err := aTrial().WriteText(&b); err != nil {
		t.Fatal(err)
	}
	want := `
timing fast (a silent fault is found after 15 ms), ipv4, fence: kernel, real-time priority: yes, Linux 6.18, 2 CPUs, as root
one request every millisecond; times in milliseconds

  fault  runs  detected p50   p99  outage p50   p99   max  lost  two holders  promise
    cut     2          15.0  15.0        15.0  26.0  26.0    41          1.0  p50 ≤ 16ms, p99 ≤ 20ms, never two holders: missed, outage p99 over by 6.0 ms, two holders for 1.0 ms
   heal     1             -     -         0.0   0.0   0.0     0          0.0  settled ≤ 50ms: missed, service not restored in 1 run

cut: 2 requests lost while the world was put back as it was
cut: in 1 run the client itself was held up for more than 5 ms: this machine is too busy for exact figures
heal: all requests went to the winner, and the client's neighbour entry was right, 4.0 ms after the mend at most; two holders are counted from the mend on
heal: after <the> fault: not ready

` + trialsOwn + "\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

func TestJSONHasTheKeysThatScriptsRelyOn(t *testing.T) {
	var b bytes.Buffer
	if err := aTrial().WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	type triple struct{ P50, P99, Max float64 }
	var got struct {
		Faults []struct {
			Name, Timing     string
			Runs, Sent, Lost int
			OutageMS         triple   `json:"outage_ms"`
			DetectMS         triple   `json:"detect_ms"`
			DualActiveMS     *float64 `json:"dual_active_ms_max"`
			Met              bool
			Missed, Failed   []string
		}
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	f := got.Faults[0]
	if f.Name != "cut" || f.Timing != "fast" || f.Runs != 2 || f.Sent != 80 || f.Lost != 41 {
		t.Errorf("fault %+v", f)
	}
	if want := (triple{15, 26, 26}); f.OutageMS != want {
		t.Errorf("outage_ms %v, want %v", f.OutageMS, want)
	}
	if want := (triple{15, 15, 15}); f.DetectMS != want {
		t.Errorf("detect_ms %v, want %v", f.DetectMS, want)
	}
	if f.DualActiveMS == nil || *f.DualActiveMS != 1 || f.Met || len(f.Missed) != 2 || len(got.Faults[1].Failed) != 1 {
		t.Errorf("verdict of %+v", f)
	}
}

func TestHTMLIsWholeAndSelfContained(t *testing.T) {
	var b strings.Builder
	if err := aTrial().WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, foreign := range []string{"http://", "https://", "<script", "<link", "@import", "src="} {
		if strings.Contains(strings.ReplaceAll(text, "http://www.w3.org/2000/svg", ""), foreign) {
			t.Errorf("the report refers to something else: %q", foreign)
		}
	}
	for _, want := range []string{"became-active", "peer-silent", "15.00<", "two holders for 1.0 ms", "after &lt;the&gt; fault", "secondary active"} {
		if !strings.Contains(text, want) {
			t.Errorf("the report does not say %q", want)
		}
	}
	start, end := strings.Index(text, "<svg"), strings.Index(text, "</svg>")
	if start < 0 || end < 0 {
		t.Fatal("no drawing")
	}
	decoder := xml.NewDecoder(strings.NewReader(text[start : end+len("</svg>")]))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("the drawing is not well-formed: %v", err)
		}
	}
}

func TestConfigurationLoads(t *testing.T) {
	bgp := Options{Network: NetworkBGP, Timing: "fast", Router: "bird", Election: ElectionPeer, Hold: defaultHold}
	watched, none := bgp, bgp
	watched.BFD, watched.IPv6 = 10*time.Millisecond, true
	none.Election = ElectionNone
	for _, opt := range []Options{{Timing: "fast"}, {Timing: "wan", IPv6: true}, bgp, watched, none} {
		for _, v := range []variant{{quorum: true}, {}, {shared: true}} {
			if err := loads(&opt, v); err != nil && (opt.bgp() || !v.shared) {
				t.Errorf("%+v, %+v: %v", opt, v, err)
			}
		}
	}
}

func loads(opt *Options, v variant) error {
	text, err := configFor(opt, v)
	if err != nil {
		return err
	}
	cfg, err := config.Parse("stead.yaml", []byte(text))
	if err != nil {
		return err
	}
	if g := cfg.Groups[0]; v.everyone(opt) != (g.Election.Type == config.ElectionNone) || !v.everyone(opt) && g.Election.Quorum != v.quorum {
		return errors.New("the election is not as it was asked for")
	}
	if opt.bgp() && (cfg.BGP == nil || len(cfg.BGP.Peers) != 2) {
		return errors.New("no two peers")
	}
	for _, w := range cfg.Warnings {
		return fmt.Errorf("a warning: %v", w)
	}
	return nil
}

func TestSteadyWantsARowOfAnswers(t *testing.T) {
	row := func(ids ...string) (list []workload.Sample) {
		for i, id := range ids {
			for range inARow / 2 {
				s := workload.Sample{Sent: clock.Instant(i), ID: id}
				if id != "" {
					s.Received = 1
				}
				list = append(list, s)
			}
		}
		return list
	}
	tests := []struct {
		samples []workload.Sample
		holder  string
		id      string
		ok      bool
	}{
		{row("a", "a"), "a", "a", true},
		{row("a", "a"), "", "a", true},
		{row("", "a", "a"), "a", "a", true},
		{row("a", "b", "b"), "b", "b", true},
		{row("a"), "a", "", false},
		{row("a", "b"), "b", "", false},
		{row("a", "a", ""), "a", "", false},
		{row("a", "a"), "b", "a", false},
	}
	for i, test := range tests {
		if id, ok := steady(test.samples, test.holder); id != test.id || ok != test.ok {
			t.Errorf("case %d: %q, %v; want %q, %v", i, id, ok, test.id, test.ok)
		}
	}
}

func TestSettledIsTheLastWrongThing(t *testing.T) {
	mend, end := clock.Instant(100*ms), clock.Instant(300*ms)
	macs := map[string]string{"p": primary, "s": secondary}
	sample := func(at time.Duration, id string) workload.Sample {
		s := workload.Sample{Sent: clock.Instant(at), ID: id}
		if id != "" {
			s.Received = s.Sent + 1
		}
		return s
	}
	good := []workload.Sample{sample(101*ms, secondary), sample(250*ms, secondary)}
	tests := []struct {
		about   string
		samples []workload.Sample
		entries []entry
		want    time.Duration
	}{
		{"at once", good, []entry{{0, "s"}}, 0},
		{"the loser answered", append([]workload.Sample{sample(104*ms, primary)}, good...), nil, 4 * ms},
		{"a request was lost", append(good[:1:1], sample(107*ms, ""), good[1]), nil, 7 * ms},
		{"the entry was the loser's until 12 ms after", good, []entry{{0, "p"}, {clock.Instant(112 * ms), "s"}}, 12 * ms},
		{"it still is", good, []entry{{0, "p"}}, 200 * ms},
		{"it was before the mend only", good, []entry{{0, "p"}, {clock.Instant(90 * ms), "s"}}, 0},
		{"it was long after that", good, []entry{{0, "s"}, {clock.Instant(400 * ms), "p"}}, 0},
		{"an entry that is missing is asked for", good, []entry{{0, ""}}, 0},
	}
	for _, test := range tests {
		if got := settled(test.samples, test.entries, mend, end, secondary, macs); got != test.want {
			t.Errorf("%s: settled after %v, want %v", test.about, got, test.want)
		}
	}
}

func TestOptions(t *testing.T) {
	good := Options{Runs: 1, Timing: "fast"}
	if err := good.Check(); err != nil || len(good.Faults) != 10 {
		t.Errorf("defaults: %v, faults %v", err, good.Faults)
	}
	routed := Options{Runs: 1, Timing: "fast", Network: NetworkBGP}
	if err := routed.Check(); err != nil || len(routed.Faults) != 11 || routed.Router != "bird" || routed.Hold != 9*time.Second {
		t.Errorf("defaults of BGP: %v, %+v", err, routed)
	}
	alone := Options{Runs: 1, Timing: "fast", Network: NetworkBGP, Election: ElectionNone, Faults: []string{"switchover"}, Hold: time.Second, BFD: 1, Router: "quagga"}
	for _, want := range []string{`fault "switchover"`, "hold-time 1s", "bfd 1ns", `router "quagga"`} {
		if err := alone.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("all mistakes in one run: %v lacks %q", err, want)
		}
	}
	if err := (&Options{Runs: 1, Timing: "fast", BFD: time.Second}).Check(); err == nil {
		t.Error("BFD in an overlay")
	}
	bad := Options{Runs: 0, Timing: "slow", Faults: []string{"cut", "fire"}}
	err := bad.Check()
	for _, want := range []string{`fault "fire"`, "runs 0", `timing "slow"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("all mistakes in one run: %v lacks %q", err, want)
		}
	}
}

// A trial before route servers has the original trial's figures beside its own,
// and who had which share of the load.
func TestReportsOfRouteServers(t *testing.T) {
	opt := &Options{Network: NetworkBGP, Timing: "fast", Router: "bird", Election: ElectionPeer, Hold: 9 * time.Second, BFD: 10 * ms}
	shared := Run{Fault: "sharing", Number: 1, Injected: 1000, Restored: 2000, Undone: 3000, Sent: 200,
		Shares: []workload.Count{{ID: primary, Answers: 60}, {ID: secondary, Answers: 40}}}
	killed := Run{Fault: "sigkill", Number: 1, Injected: 1000, Restored: 2000, Undone: 3000, Sent: 200, Lost: 12, Outage: 12 * ms}
	r := &Results{Setup: opt.setup(), Faults: []FaultResult{
		summarize(faultNamed("sharing"), []Run{shared}, opt, false), summarize(faultNamed("sigkill"), []Run{killed}, opt, true),
	}}
	var text, page, data bytes.Buffer
	if err := errors.Join(r.WriteText(&text), r.WriteHTML(&page), r.WriteJSON(&data)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"two route servers, BIRD, hold time 9 s, BFD 10 ms × 3", "1 to 5 s; ExaBGP 5 ms", "the primary answered 60 % of the requests, the secondary 40 %", trialsOwnBGP} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, text.String())
		}
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	var got struct {
		Setup  struct{ Network, Router string }
		Faults []struct{ Name, Trial, Shares string }
	}
	if err := json.Unmarshal(data.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Setup.Network != "bgp" || got.Setup.Router != "bird" || got.Faults[1].Trial != "1 to 5 s; ExaBGP 5 ms" || got.Faults[0].Shares == "" {
		t.Errorf("%+v", got)
	}
}

// Both servers answer in turn, all the time, and nothing is lost.
func TestBothAnswer(t *testing.T) {
	samples := make([]workload.Sample, inARow)
	for i := range samples {
		samples[i] = workload.Sample{Sent: clock.Instant(i+1) * clock.Instant(ms), Received: clock.Instant(i+2) * clock.Instant(ms), ID: []string{primary, secondary}[i%2]}
	}
	if !bothAnswer(samples) {
		t.Error("both answered")
	}
	lost := append([]workload.Sample(nil), samples...)
	lost[50].Received = 0
	alone := append([]workload.Sample(nil), samples...)
	for i := range alone {
		alone[i].ID = primary
	}
	if bothAnswer(lost) || bothAnswer(alone) || bothAnswer(samples[1:]) {
		t.Error("a loss, one server, too few requests: none of it is both")
	}
}
