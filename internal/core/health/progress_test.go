package health_test

import (
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"stead/internal/core/clock"
	"stead/internal/core/health"
)

func count(t interface{ Fatal(...any) }, text string) *health.Count {
	if text == "-" {
		return nil
	}
	c, err := health.ParseCount(text)
	if err != nil {
		t.Fatal(err)
	}
	return &c
}

// progressTable is what comes of the looks at a checkpoint. Each line is a look: the
// second, the checkpoint, the end ("-" where it cannot be read), the outcome and a
// part of the detail.
var progressTable = map[string]struct {
	noEnd bool
	looks string
}{
	"it moves while there is work": {looks: `
			0 10 20 unrun not seen to move yet: the checkpoint has stood at 10 for 0s while the end is 20
			1 11 21 passed
			2 12 22 passed
			31 13 40 passed`},
	"nothing to do": {looks: `
			0 20 20 passed
			8 20 20 passed
			16 20 20 passed
			999 20 20 passed`},
	"stalled": {looks: `
			0 10 20 unrun not seen
			1 11 20 passed
			8 11 21 passed
			10.999 11 22 passed
			11 11 22 failed the checkpoint has stood at 11 for 10s while the end is 22
			12 12 22 passed`},
	"stalled from the start": {looks: `
			0 10 20 unrun
			9 10 20 unrun for 9s
			10 10 20 failed for 10s`},
	"work that comes after a rest has the full time": {looks: `
			0 20 20 passed
			9 20 20 passed
			11 20 21 passed
			20 20 21 passed
			21 20 22 failed`},
	"a rest in between": {looks: `
			0 19 20 unrun
			5 20 20 passed
			8 20 21 passed
			17 20 21 passed
			18 20 21 failed`},
	"without an end it always has to move": {noEnd: true, looks: `
			0 5 - unrun not seen to move yet: the checkpoint has stood at 5 for 0s
			9 5 - unrun
			10 5 - failed the checkpoint has stood at 5 for 10s
			11 6 - passed
			20 6 - passed
			21 6 - failed`},
	"an end that nobody asked for is not looked at": {noEnd: true, looks: `
			0 5 5 unrun
			10 5 5 failed`},
	"another epoch: the checkpoint goes backwards": {looks: `
			0 10 20 unrun
			1 11 20 passed
			10 3 20 unrun
			19 3 20 unrun
			20 3 20 failed
			21 2 20 unrun
			22 3 20 passed`},
	"the log was cut": {looks: `
			0 10 20 unrun
			1 11 20 passed
			10 11 15 unrun
			19 11 15 unrun
			20 11 15 failed
			21 11 14 unrun`},
	"nobody looked for long": {looks: `
			0 10 20 unrun
			1 11 20 passed
			16.001 11 20 unrun
			26 11 20 unrun
			26.001 11 20 failed
			99 11 20 unrun`},
	"moved while nobody looked": {looks: `
			0 10 20 unrun
			1000 11 20 passed`},
	"the checkpoint cannot be read": {looks: `
			0 - 20 unrun the checkpoint cannot be read
			100 - 20 unrun
			101 10 20 unrun not seen
			105 - 20 unrun cannot be read
			111 10 20 failed
			112 - 20 unrun
			127 10 20 unrun not seen`},
	"the end cannot be read": {looks: `
			0 10 - unrun the end cannot be read
			1 11 - passed
			2 11 - unrun
			3 11 20 passed
			5 11 - unrun
			13 11 20 failed`},
	"beyond the end": {looks: `
			0 101 100 passed
			9 101 100 passed
			18 102 101 passed
			27 102 101 passed`},
	"another log, which is worked on by nobody": {looks: `
			0 774464 3 passed
			9 774464 3 passed
			10 774464 4 passed
			15 774464 5 passed
			20 774464 5 failed beyond the end, which has moved from 3 to 5`},
	"the same, of which the end is read late": {looks: `
			0 774464 - unrun
			1 774464 3 passed
			5 774464 4 passed
			15 774464 4 failed beyond the end, which has moved from 3 to 4`},
	"numbers beyond a float and beyond 64 bits": {looks: `
			0 9007199254740992 9007199254740993 unrun
			1 18446744073709551615 18446744073709551615 passed
			2 18446744073709551615 18446744073709551616 passed
			3 49590338271490256608559692538361571095921575989136588898 49590338271490256608559692538361571095921575989136588899 passed
			13 49590338271490256608559692538361571095921575989136588898 49590338271490256608559692538361571095921575989136588899 failed
			14 -9223372036854775808 -9223372036854775807 unrun
			15 -9223372036854775807 -9223372036854775807 passed`},
}

func TestProgress(t *testing.T) {
	for name, c := range progressTable {
		t.Run(name, func(t *testing.T) {
			p := health.Progress{Stalled: 10 * time.Second, Late: 15 * time.Second, Ends: !c.noEnd}
			for _, line := range strings.Split(strings.TrimSpace(c.looks), "\n") {
				f := strings.SplitN(strings.TrimSpace(line)+" ", " ", 5)
				at, err := time.ParseDuration(f[0] + "s")
				if err != nil {
					t.Fatal(err)
				}
				outcome, detail := p.Look(clock.Instant(time.Hour+at), count(t, f[1]), count(t, f[2]))
				word := [...]string{"unrun", "passed", "failed"}[outcome]
				if word != f[3] || !strings.Contains(detail, strings.TrimSpace(f[4])) || (detail == "") != (word == "passed") {
					t.Errorf("%s: %s %q", strings.TrimSpace(line), word, detail)
				}
			}
		})
	}
}

// look is one look of a history, and whether it shows all that is configured.
type look struct {
	now     clock.Instant
	at, end *health.Count
}

// judged says what the last of these looks means, from the whole history.
func judged(looks []look, stalled, late time.Duration, ends bool) health.Outcome {
	var (
		at, end, mark *health.Count
		told          clock.Instant // the last look that told something
		outcome       health.Outcome
		proven        bool
		run           []clock.Instant // looks in a row with work left, since the last start
	)
	for _, l := range looks {
		outcome = health.CouldNotRun
		if l.at == nil {
			continue
		}
		seen := !ends || l.end != nil
		moved := at != nil && l.at.Compare(*at) > 0
		start := at == nil || l.at.Compare(*at) < 0 || moved || seen && l.now > told.Add(late)
		if ends && l.end != nil {
			start = start || end != nil && l.end.Compare(*end) < 0
			end = l.end
		}
		at = l.at
		if start {
			run, proven, mark = nil, moved, end
		}
		if mark == nil {
			mark = end
		}
		if start || seen {
			told = l.now
		}
		if !seen {
			if moved {
				outcome = health.Passed
			}
			continue
		}
		left := !ends || end.Compare(*at) > 0 || end.Compare(*at) < 0 && end.Compare(*mark) > 0
		if !left {
			run, proven, outcome = nil, true, health.Passed
			continue
		}
		run = append(run, l.now)
		if l.now >= run[0].Add(stalled) {
			outcome = health.Failed
		} else if proven {
			outcome = health.Passed
		}
	}
	return outcome
}

func TestProgressFollowsItsHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ends := rapid.Bool().Draw(t, "ends")
		const stalled, late = 10 * time.Second, 12 * time.Second
		p := health.Progress{Stalled: stalled, Late: late, Ends: ends}
		number := rapid.Custom(func(t *rapid.T) *health.Count {
			n := rapid.IntRange(-1, 6).Draw(t, "n")
			if n < 0 {
				return nil
			}
			return count(t, fmt.Sprint(n))
		})
		now := clock.Instant(rapid.SampledFrom([]time.Duration{0, time.Second, time.Hour}).Draw(t, "boot"))
		var looks []look
		for range rapid.IntRange(1, 30).Draw(t, "looks") {
			now = now.Add(time.Duration(rapid.SampledFrom([]int{1, 2, 5, 13}).Draw(t, "pause")) * time.Second)
			l := look{now, number.Draw(t, "at"), number.Draw(t, "end")}
			looks = append(looks, l)
			got, detail := p.Look(l.now, l.at, l.end)
			if want := judged(looks, stalled, late, ends); got != want {
				t.Fatalf("%d %q, want %d", got, detail, want)
			}
		}
	})
}

// A Failed says that nobody saw the checkpoint move, or with nothing to do, for
// the whole time: whatever else the history was.
func TestProgressFailsForAReasonOnly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := health.Progress{Stalled: 10 * time.Second, Late: 12 * time.Second, Ends: true}
		var looks []look
		now := clock.Instant(time.Minute)
		for range 40 {
			now = now.Add(time.Duration(rapid.IntRange(1, 15).Draw(t, "pause")) * time.Second)
			at, end := rapid.IntRange(0, 3).Draw(t, "at"), rapid.IntRange(0, 3).Draw(t, "end")
			looks = append(looks, look{now, count(t, fmt.Sprint(at)), count(t, fmt.Sprint(end))})
			if outcome, _ := p.Look(now, looks[len(looks)-1].at, looks[len(looks)-1].end); outcome != health.Failed {
				continue
			}
			newest := looks[len(looks)-1]
			for i := len(looks) - 1; ; i-- {
				if i < 0 {
					t.Fatal("failed within the first seconds")
				}
				if *looks[i].at != *newest.at || *looks[i].at == *looks[i].end {
					t.Fatalf("failed, and %v ago it was at %v of %v", now.Sub(looks[i].now), looks[i].at, looks[i].end)
				}
				if now.Sub(looks[i].now) >= 10*time.Second {
					break
				}
			}
		}
	})
}

func TestParseCount(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0", "-0": "0", "+0": "0", "000": "0", "774464": "774464", "0000774464": "774464", "-007": "-7", "+7": "7",
		strings.Repeat("9", 80): strings.Repeat("9", 80),
	} {
		if c := count(t, text); c.String() != want {
			t.Errorf("%q is %v", text, c)
		}
	}
	for _, text := range []string{"", "-", "+", "--1", "+-1", "1.0", "1e3", "0x1", "1_0", " 1", "1 ", "٣", "1\x00", strings.Repeat("9", 81), "-" + strings.Repeat("0", 81)} {
		if c, err := health.ParseCount(text); err == nil {
			t.Errorf("%q is taken for %v", text, c)
		}
	}
}

// A Count is the number that package big reads, and they compare alike.
func FuzzCount(f *testing.F) {
	f.Add("18446744073709551615", "18446744073709551616")
	f.Add("-9223372036854775808", "9223372036854775807")
	f.Add("0", "-0")
	f.Add("10", "9")
	f.Add("-10", "-9")
	f.Fuzz(func(t *testing.T, a, b string) {
		x, err := health.ParseCount(a)
		if err != nil {
			return
		}
		bigX, ok := new(big.Int).SetString(a, 10)
		if !ok || bigX.String() != x.String() {
			t.Fatalf("%q is %v, want %v", a, x, bigX)
		}
		y, err := health.ParseCount(b)
		if err != nil {
			return
		}
		bigY, _ := new(big.Int).SetString(b, 10)
		if got := x.Compare(y); got != bigX.Cmp(bigY) || (got == 0) != (x == y) {
			t.Errorf("%v, %v: %d", x, y, got)
		}
	})
}
