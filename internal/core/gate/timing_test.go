package gate

import (
	"strings"
	"testing"
	"time"
)

func TestDefaultTimingIsSafe(t *testing.T) {
	d := DefaultTiming()
	if err := d.Check(); err != nil {
		t.Fatal(err)
	}
	if want := 9*time.Second + 656*time.Millisecond + 250*time.Microsecond; d.Least() != want {
		t.Errorf("least flatline %s, want %s", d.Least(), want)
	}
	if got := d.Look(); got != 1250*time.Millisecond {
		t.Errorf("look %s", got)
	}
}

func TestTimingThatIsRefused(t *testing.T) {
	for want, change := range map[string]func(*Timing){
		"stop_after 6s + grace 5s + 156.25ms for clocks that differ (flatline / 64) + 1.5s for one operation of the store = 12.65625s": func(t *Timing) { t.Grace = 5 * time.Second },
		"flatline 9.65s: is not longer than":        func(t *Timing) { t.Flatline = 9650 * time.Millisecond },
		"stop_after 5s: is not longer than beat 5s": func(t *Timing) { t.StopAfter = 5 * time.Second },
		"whole milliseconds":                        func(t *Timing) { t.Flatline += time.Microsecond },
	} {
		d := DefaultTiming()
		change(&d)
		if err := d.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", d, err, want)
		}
	}
}

// TestEnough: what is advised is accepted, and a millisecond more than fits is not.
func TestEnough(t *testing.T) {
	for _, d := range []Timing{DefaultTiming(), {Flatline: time.Minute, Grace: 10 * time.Second, Timeout: 2 * time.Second}, {Flatline: 300 * time.Millisecond, Timeout: 200 * time.Millisecond}} {
		d.Beat, d.StopAfter = 0, d.Enough()
		if d.StopAfter <= 0 || d.Check() != nil {
			t.Errorf("%+v: %v", d, d.Check())
		}
		d.StopAfter += 101 * time.Millisecond
		if d.Safe() {
			t.Errorf("%+v is no tight bound", d)
		}
	}
	if d := (Timing{Flatline: time.Second, Grace: 2 * time.Second}); d.Enough() != 0 {
		t.Errorf("enough %s where there is no room", d.Enough())
	}
}

// TestLeaseOfATiming: the holder stops relying on its right before the others wait no longer.
func TestLeaseOfATiming(t *testing.T) {
	d := DefaultTiming()
	east, west := d.Lease("east", 1, true), d.Lease("west", 2, false)
	if east.Self != "east" || east.Session != 1 || east.Rank != 0 || west.Rank != 1 || east.Inherit {
		t.Errorf("%+v, %+v", east, west)
	}
	if east.TTL != 10*time.Second || east.Use != 8*time.Second || east.Renew != 1500*time.Millisecond || east.Look != d.Look() {
		t.Errorf("%+v", east)
	}
	d.StopAfter, d.Beat = 0, 0
	if c := d.Lease("east", 1, true); c.Use >= c.TTL-c.TTL/64 || c.Renew >= c.Use || c.Look != c.TTL/8 {
		t.Errorf("without stop_after: %+v", c)
	}
}
