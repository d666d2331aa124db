package health

import (
	"errors"
	"strings"
)

// maxDigits is how long a Count may be. The longest in use are the sequence
// numbers of Kinesis, with 56 digits.
const maxDigits = 80

// Count is a whole number of any size up to 80 digits, exact: offsets and sequence
// numbers outgrow both a float and 64 bits. Two that are the same number are ==.
type Count struct {
	negative bool
	digits   string // without zeros in front; empty: 0
}

// ParseCount reads a decimal number, with or without a sign and zeros in front.
func ParseCount(text string) (Count, error) {
	digits := text
	negative := strings.HasPrefix(digits, "-")
	if negative || strings.HasPrefix(digits, "+") {
		digits = digits[1:]
	}
	switch {
	case digits == "":
		return Count{}, errors.New("not a number: empty")
	case len(digits) > maxDigits:
		return Count{}, errors.New("not a number: too long")
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return Count{}, errors.New("not a whole number")
		}
	}
	digits = strings.TrimLeft(digits, "0")
	return Count{negative && digits != "", digits}, nil
}

// String returns the number in decimal.
func (c Count) String() string {
	switch {
	case c.digits == "":
		return "0"
	case c.negative:
		return "-" + c.digits
	default:
		return c.digits
	}
}

// Compare returns -1, 0 or +1: whether c is less than, equal to or more than o.
func (c Count) Compare(o Count) int {
	switch {
	case c == o:
		return 0
	case c.negative != o.negative:
		return sign(o.negative)
	case len(c.digits) != len(o.digits):
		return sign((len(c.digits) > len(o.digits)) != c.negative)
	default:
		return sign((c.digits > o.digits) != c.negative)
	}
}

func sign(more bool) int {
	if more {
		return 1
	}
	return -1
}
