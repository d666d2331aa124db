package gate

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

var sound = Heartbeat{
	Site: "west", Session: 0x4fd1c2a09be31177, Sequence: 1024, Epoch: 7, Age: 5120 * time.Second,
	At: time.Date(2026, 11, 21, 23, 50, 0, 123_000_000, time.UTC),
}

const soundText = "stead-heartbeat=1 site=west session=4fd1c2a09be31177 sequence=1024 epoch=7 age=5120000 at=2026-11-21T23:50:00.123Z sum=fbf9489d282b0be1\n"

func TestHeartbeatText(t *testing.T) {
	got := string(sound.Append([]byte("kept ")))
	if got != "kept "+soundText {
		t.Errorf("got  %q\nwant %q", got, "kept "+soundText)
	}
	if h, err := Parse([]byte(soundText)); err != nil || h != sound {
		t.Errorf("%+v, %v", h, err)
	}
}

// Whatever is left of a heartbeat that was torn is told from a whole one.
func TestEveryPrefixIsTorn(t *testing.T) {
	for n := range len(soundText) {
		s := FormatAuto.Sight("west", []byte(soundText[:n]))
		if s.Sight != Garbled {
			t.Errorf("%q: %v", soundText[:n], s)
		}
		if n > 0 && !strings.Contains(s.Detail, "torn") {
			t.Errorf("%q: %s", soundText[:n], s.Detail)
		}
	}
}

func TestEveryDamageIsSeen(t *testing.T) {
	for i := range len(soundText) {
		for _, bit := range []byte{1, 0x80} {
			b := []byte(soundText)
			b[i] ^= bit
			if s := FormatAuto.Sight("west", b); s.Sight != Garbled {
				t.Errorf("byte %d ^ %#x: %+v", i, bit, s)
			}
		}
	}
}

func TestSights(t *testing.T) {
	now := time.Date(2026, 11, 21, 23, 50, 0, 0, time.UTC)
	future := sound
	future.At = now.Add(1000 * 24 * time.Hour)
	ticks := string(AppendTicks(nil, now))
	for _, c := range []struct {
		name   string
		format Format
		text   string
		sight  Sight
		detail string // or the mark
	}{
		{"sound", FormatAuto, soundText, Beaten, "4fd1c2a09be31177/1024"},
		{"empty", FormatAuto, "", Garbled, "it is empty"},
		{"empty ticks", FormatTicks, "", Garbled, "it is empty"},
		{"blank ticks", FormatTicks, "\ufeff \r\n", Garbled, "it is empty"},
		{"huge", FormatAuto, strings.Repeat("x", 1<<16), Garbled, "it has 65536 bytes or more: a heartbeat has at most 256"},
		{"huge, digits", FormatAuto, strings.Repeat("6", 1<<16), Garbled, "it has 65536 bytes or more: ticks have 18 digits"},
		{"binary", FormatAuto, "\x00\x01\xff\xfe\x80", Garbled, `it begins with "\x00\x01\xff\xfe\x80": that is no heartbeat`},
		{"binary ticks", FormatTicks, "\x00\x01", Garbled, `it begins with "\x00\x01": ticks are digits only`},
		{"zeros of a file that was grown", FormatAuto, strings.Repeat("\x00", 100), Garbled, `it begins with "\x00\x00`},
		{"a line too many", FormatAuto, soundText + soundText, Garbled, "it has "},
		{"without its end", FormatAuto, strings.TrimSuffix(soundText, "\n"), Garbled, "it is torn: it ends after"},
		{"CRLF", FormatAuto, strings.Replace(soundText, "\n", "\r\n", 1), Garbled, "its checksum is wrong"},
		{"another version", FormatAuto, strings.Replace(soundText, "=1", "=9", 1), Garbled, `it has version "9": this program knows 1`},
		{"another site", FormatAuto, string((&Heartbeat{Site: "east"}).Append(nil)), Garbled, "it is the heartbeat of east"},
		{"a name that is none", FormatAuto, string((&Heartbeat{Site: "a/b"}).Append(nil)), Garbled, `site: "a/b" is no name`},
		{"the future", FormatAuto, string(future.Append(nil)), Beaten, "4fd1c2a09be31177/1024"},
		{"no clock", FormatAuto, string((&Heartbeat{Site: "west", Session: 1, Sequence: 2}).Append(nil)), Beaten, "1/2"},

		{"ticks", FormatAuto, ticks, Beaten, ticks},
		{"ticks as asked for", FormatTicks, ticks, Beaten, ticks},
		{"ticks of the future", FormatAuto, "999999999999999999", Beaten, "999999999999999999"},
		{"ticks and a new line", FormatAuto, ticks + "\r\n", Beaten, ticks},
		{"ticks and a mark", FormatAuto, "\ufeff" + ticks + "\n", Beaten, ticks},
		{"ticks and spaces", FormatAuto, " \t" + ticks + " ", Beaten, ticks},
		{"torn ticks", FormatAuto, ticks[:17], Garbled, "it has 17 digits, and ticks have 18: it is torn"},
		{"too many digits", FormatTicks, ticks + "0", Garbled, "it has 19 digits"},
		{"a leading zero", FormatTicks, "0" + ticks[1:], Garbled, "it has 18 digits"},
		{"a sign", FormatTicks, "-" + ticks[1:], Garbled, "ticks are digits only"},
		{"two numbers", FormatTicks, ticks + " " + ticks, Garbled, "ticks are digits only"},
		{"stead where ticks are expected", FormatTicks, soundText, Garbled, "ticks are digits only"},
		{"ticks where stead is expected", FormatStead, ticks, Garbled, "that is no heartbeat"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := c.format.Sight("west", []byte(c.text))
			got := s.Detail
			if s.Sight == Beaten {
				got = s.Mark
			}
			if s.Sight != c.sight || !strings.Contains(got, c.detail) {
				t.Errorf("%+v", s)
			}
		})
	}
}

// Every torn number of ticks has fewer digits.
func TestEveryPrefixOfTicksIsTorn(t *testing.T) {
	ticks := AppendTicks(nil, sound.At)
	for n := range len(ticks) {
		if s := FormatAuto.Sight("west", ticks[:n]); s.Sight != Garbled {
			t.Errorf("%q: %+v", ticks[:n], s)
		}
	}
}

// The numbers are what .NET prints for these moments.
func TestTicks(t *testing.T) {
	for text, at := range map[string]time.Time{
		"621355968000000000": time.Unix(0, 0),
		"630822816000000000": time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC),
		"633979008000000000": time.Date(2010, 1, 1, 0, 0, 0, 0, time.UTC),
		"637134336000000001": time.Date(2020, 1, 1, 0, 0, 0, 100, time.UTC),
	} {
		if got := string(AppendTicks(nil, at)); got != text {
			t.Errorf("%v: %s, want %s", at, got, text)
		}
		if got, err := ParseTicks([]byte(text)); err != nil || !got.Equal(at) {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
}

// FuzzSight reads anything. It never fails, and what is read as a heartbeat is
// written the same again.
func FuzzSight(f *testing.F) {
	f.Add(uint8(0), []byte(soundText))
	f.Add(uint8(0), []byte(soundText[:40]))
	f.Add(uint8(2), AppendTicks([]byte("\ufeff"), sound.At))
	f.Add(uint8(1), []byte{})
	f.Fuzz(func(t *testing.T, format uint8, b []byte) {
		s := Format(format%3).Sight("west", b)
		switch s.Sight {
		case Garbled:
			if s.Detail == "" {
				t.Errorf("%q is garbled, and nothing says why", b)
			}
		case Beaten:
			if s.Mark == "" {
				t.Errorf("%q has no mark", b)
			}
		default:
			t.Errorf("%q: %v", b, s.Sight)
		}
		if h, err := Parse(b); err == nil && !bytes.Equal(h.Append(nil), b) {
			t.Errorf("%q becomes %q", b, h.Append(nil))
		}
		if at, err := ParseTicks(b); err == nil && !strings.Contains(string(b), string(AppendTicks(nil, at))) {
			t.Errorf("%q becomes %q", b, AppendTicks(nil, at))
		}
	})
}

// FuzzHeartbeat writes any heartbeat and reads it again.
func FuzzHeartbeat(f *testing.F) {
	f.Add(uint64(1), uint64(2), uint64(3), int64(4), int64(1_700_000_000_000))
	f.Fuzz(func(t *testing.T, session, sequence, epoch uint64, age, at int64) {
		h := Heartbeat{Site: "a.b-c_D9", Session: session, Sequence: sequence, Epoch: epoch}
		h.Age = time.Duration(uint64(age)%uint64(maxAge/time.Millisecond)) * time.Millisecond
		h.At = time.UnixMilli(at % 250_000_000_000_000).UTC()
		if h.At.Year() < 1 {
			h.At = time.Time{}
		}
		got, err := Parse(h.Append(nil))
		if err != nil || got != h {
			t.Errorf("%q: %+v, %v", h.Append(nil), got, err)
		}
	})
}
