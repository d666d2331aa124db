package draft

import (
	"fmt"
	"regexp"
)

var badInName = regexp.MustCompile(`[^A-Za-z0-9._-]`)

// PlainName makes a name that Stead takes: letters, digits, '.', '_' and '-'.
func PlainName(s string) string {
	s = badInName.ReplaceAllString(s, "-")
	if s == "" || !regexp.MustCompile(`^[A-Za-z0-9]`).MatchString(s) {
		s = "n" + s
	}
	if len(s) > 63 {
		s = s[:63]
	}
	return s
}

// Unique makes a plain name that is not taken.
func Unique(s string, taken func(string) bool) string {
	name := PlainName(s)
	for n := 2; taken(name); n++ {
		suffix := fmt.Sprintf("-%d", n)
		name = PlainName(s)
		if len(name)+len(suffix) > 63 {
			name = name[:63-len(suffix)]
		}
		name += suffix
	}
	return name
}
