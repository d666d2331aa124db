package workload

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stead/internal/core/clock"
)

const interval = time.Millisecond

// samplesOf reads a drawing: a request a letter, one every millisecond from 1 s
// on, each answered after 200 µs by the server of that letter, . for none and x
// for one that both a and b answered.
func samplesOf(drawing string) []Sample {
	var list []Sample
	for i, r := range drawing {
		s := Sample{Sent: clock.Instant(time.Second) + clock.Instant(i)*clock.Instant(interval)}
		switch r {
		case '.':
		case 'x':
			s.Received, s.ID, s.Second = s.Sent.Add(200*time.Microsecond), "a", "b"
		default:
			s.Received, s.ID = s.Sent.Add(200*time.Microsecond), string(r)
		}
		list = append(list, s)
	}
	return list
}

func at(i int) clock.Instant {
	return clock.Instant(time.Second) + clock.Instant(i)*clock.Instant(interval)
}

func TestOutages(t *testing.T) {
	tests := []struct {
		about   string
		drawing string
		want    []Outage
	}{
		{"calm", "aaaaaa", nil},
		{"one lost request is an outage of one interval", "aaa.aa", []Outage{{at(3), 1 * interval, 1, "a", "a"}}},
		{"a takeover", "aaa.....bbb", []Outage{{at(3), 5 * interval, 5, "a", "b"}}},
		{"two of them", "aa..bb.aa", []Outage{{at(2), 2 * interval, 2, "a", "b"}, {at(6), interval, 1, "b", "a"}}},
		{"nobody before", "..aa", []Outage{{at(0), 2 * interval, 2, "", "a"}}},
		{"nobody after", "aa..", []Outage{{at(2), 2 * interval, 2, "a", ""}}},
		{"nobody at all", "...", []Outage{{at(0), 2 * interval, 3, "", ""}}},
	}
	for _, test := range tests {
		t.Run(test.about, func(t *testing.T) {
			r := Analyze(samplesOf(test.drawing), interval)
			if diff := cmp.Diff(test.want, r.Outages); diff != "" {
				t.Errorf("outages (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOutageCountsTheTimeThatPassedNotTheRequests(t *testing.T) {
	samples := samplesOf("aa..bb")
	for i := 3; i < len(samples); i++ { // the client was held up for 40 ms
		samples[i].Sent += clock.Instant(40 * time.Millisecond)
	}
	r := Analyze(samples, interval)
	if want := 42 * time.Millisecond; r.Longest != want {
		t.Errorf("longest outage %v, want %v", r.Longest, want)
	}
	if r.Late != 1 {
		t.Errorf("late requests %d, want 1", r.Late)
	}
}

func TestChangesAndTwoHolders(t *testing.T) {
	tests := []struct {
		about   string
		drawing string
		changes []Change
		dual    []Dual
	}{
		{"a clean change", "aaabbb", []Change{{at(3), "a", "b"}}, nil},
		{"with losses between", "aaa...bbb", []Change{{at(6), "a", "b"}}, nil},
		{"the old holder answers once more", "aaababbb", []Change{{at(5), "a", "b"}}, []Dual{{at(3), at(4), 2, "b", "a"}}},
		{"one stray answer", "aaabaaaa", nil, []Dual{{at(3), at(3), 1, "b", "a"}}},
		{"both answer one request", "aaxxbb", []Change{{at(4), "a", "b"}}, []Dual{{at(2), at(3), 2, "a", "b"}}},
		{"losses do not split it", "aab.abb", []Change{{at(5), "a", "b"}}, []Dual{{at(2), at(4), 2, "b", "a"}}},
	}
	for _, test := range tests {
		t.Run(test.about, func(t *testing.T) {
			r := Analyze(samplesOf(test.drawing), interval)
			if diff := cmp.Diff(test.changes, r.Changes); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.dual, r.Dual); diff != "" {
				t.Errorf("two holders (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnAnswerUnderWayIsNotASecondHolder(t *testing.T) {
	// Request 2 waited for 3 ms and was answered by the new holder at last; the
	// requests behind it overtook it and were answered by the old one.
	samples := samplesOf("aabaabbb")
	samples[2].Received = samples[2].Sent.Add(3 * time.Millisecond)
	if r := Analyze(samples, interval); len(r.Dual) != 0 {
		t.Errorf("two holders %+v, want none", r.Dual)
	}
	// Answered at once, the same is two holders.
	if r := Analyze(samplesOf("aabaabbb"), interval); len(r.Dual) != 1 {
		t.Errorf("two holders %+v, want one time", r.Dual)
	}
}

func TestAReturnAfterSettleIsAChange(t *testing.T) {
	for _, test := range []struct {
		drawing       string
		changes, dual int
	}{
		{"aaaaa" + strings.Repeat("b", 22) + "aaaaa", 2, 0},
		{"aaaaa" + strings.Repeat("b", 15) + "aaaaa", 0, 1},
		{"aaaaabbbb" + strings.Repeat(".", 15) + "bbbaaa", 2, 0},
	} {
		r := Analyze(samplesOf(test.drawing), interval)
		if len(r.Changes) != test.changes || len(r.Dual) != test.dual {
			t.Errorf("%s: changes %+v, two holders %+v; want %d and %d", test.drawing, r.Changes, r.Dual, test.changes, test.dual)
		}
	}
}

func TestCountsSilenceAndLatency(t *testing.T) {
	samples := samplesOf("aab.bb")
	samples[4].Received = samples[4].Sent.Add(700 * time.Microsecond)
	r := Analyze(samples, interval)
	if r.Sent != 6 || r.Answered != 5 || r.Lost != 1 {
		t.Errorf("sent %d, answered %d, lost %d; want 6, 5, 1", r.Sent, r.Answered, r.Lost)
	}
	if want := []Count{{"a", 2}, {"b", 3}}; !cmp.Equal(r.ByID, want) {
		t.Errorf("answers %v, want %v", r.ByID, want)
	}
	if want := 700 * time.Microsecond; r.Latency != want {
		t.Errorf("latency %v, want %v", r.Latency, want)
	}
	if want := 1500 * time.Microsecond; r.Silence != want {
		t.Errorf("silence %v, want %v", r.Silence, want)
	}
	if empty := Analyze(nil, interval); empty.Sent != 0 || empty.Outages != nil {
		t.Errorf("report of nothing: %+v", empty)
	}
}

func TestOutagesOfFlowsAreJoined(t *testing.T) {
	at := func(start, length, lost int) Outage {
		return Outage{Start: clock.Instant(start) * clock.Instant(time.Millisecond), Length: time.Duration(length) * time.Millisecond, Lost: lost, From: "a", To: "b"}
	}
	got := Together([]Outage{at(10, 1, 1), at(13, 2, 2), at(30, 1, 1), at(100, 4, 4)}, 16*time.Millisecond)
	want := []Outage{at(10, 21, 4), at(100, 4, 4)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("joined (-want +got):\n%s", diff)
	}
	if Together(nil, time.Second) != nil {
		t.Error("an outage out of none")
	}
}
