package keepalived

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// flag reads an optional on, off, yes, no, true or false.
func (c *converter) flag(d *Directive) bool {
	d.use(0)
	switch d.Arg(1) {
	case "", "true", "on", "yes":
		d.use(1)
		return true
	case "false", "off", "no":
		d.use(1)
		return false
	}
	return true
}

// integer reads a whole number as keepalived does; what is not one is listed.
func (c *converter) integer(d *Directive, word, low, high int) (int, bool) {
	n, err := strconv.Atoi(d.Arg(word))
	if err != nil || n < low || n > high {
		c.find(d, Changed, fmt.Sprintf("%q is not a number from %d to %d: keepalived takes its default", d.Arg(word), low, high), "correct it")
		return 0, false
	}
	d.use(0, word)
	return n, true
}

// seconds reads a time in seconds, with a fraction.
func (c *converter) seconds(d *Directive, word int) (time.Duration, bool) {
	f, err := strconv.ParseFloat(d.Arg(word), 64)
	if err != nil || f < 0 || f > 1e9 || math.IsNaN(f) || strings.ContainsAny(d.Arg(word), "xXpP_") {
		c.find(d, Changed, fmt.Sprintf("%q is not a time in seconds: keepalived takes its default", d.Arg(word)), "correct it")
		return 0, false
	}
	d.use(0, word)
	return time.Duration(math.Round(f*1e6)) * time.Microsecond, true
}

// address reads an IP address.
func (c *converter) address(d *Directive, word int) (netip.Addr, bool) {
	a, err := netip.ParseAddr(d.Arg(word))
	if err != nil {
		c.find(d, Lost, fmt.Sprintf("%q is not an IP address", d.Arg(word)), "correct it")
		return a, false
	}
	d.use(0, word)
	return a.WithZone(""), true
}

// clamp holds a time within bounds and says so.
func (c *converter) clamp(d *Directive, v, low, high time.Duration, what string) time.Duration {
	if bounded := min(max(v, low), high); bounded != v {
		c.note(d, Changed, fmt.Sprintf("%s is %s to %s here: %s became %s", what, length(low), length(high), length(v), length(bounded)), "")
		return bounded
	}
	return v
}

// length writes a duration without the zeros that time.Duration prints.
func length(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return strings.ReplaceAll(s, "µs", "us")
}

func boolean(v bool) string { return strconv.FormatBool(v) }
