package gate

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ticksDigits is how many digits the ticks of the years 318 to 3169 have: a number
// that was torn while it was written has fewer.
const ticksDigits = 18

const (
	ticksPerSecond = 10_000_000
	nanosPerTick   = 100
	unixEpochTicks = 621_355_968_000_000_000 // 1970-01-01 as .NET counts it
	byteOrderMark  = "\ufeff"
)

// AppendTicks appends a moment as .NET's DateTime.UtcNow.Ticks prints it: intervals
// of 100 ns since the begin of the year 1, in decimal.
func AppendTicks(b []byte, at time.Time) []byte {
	ticks := unixEpochTicks + at.Unix()*ticksPerSecond + int64(at.Nanosecond())/nanosPerTick
	return strconv.AppendInt(b, ticks, 10)
}

// ParseTicks reads ticks. A byte order mark before them and white space around
// them are left out, since programs that write text add them.
func ParseTicks(b []byte) (time.Time, error) {
	text, err := ticksText(b)
	if err != nil {
		return time.Time{}, err
	}
	ticks, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is no number of ticks", text)
	}
	ticks -= unixEpochTicks
	return time.Unix(ticks/ticksPerSecond, ticks%ticksPerSecond*nanosPerTick).UTC(), nil
}

// ticksText returns the digits.
func ticksText(b []byte) (string, error) {
	if len(b) > MaxHeartbeat {
		return "", fmt.Errorf("it has %d bytes or more: ticks have %d digits", len(b), ticksDigits)
	}
	text := strings.Trim(strings.TrimPrefix(string(b), byteOrderMark), " \t\r\n")
	if text == "" {
		return "", errors.New("it is empty")
	}
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return "", fmt.Errorf("it begins with %.20q: ticks are digits only", text)
		}
	}
	if len(text) != ticksDigits || text[0] == '0' {
		return "", fmt.Errorf("it has %d digits, and ticks have %d: it is torn or something else", len(text), ticksDigits)
	}
	return text, nil
}
