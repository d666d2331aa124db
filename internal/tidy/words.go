package tidy

import (
	"path"
	"regexp"
	"strings"
)

// refused are words that say nothing, or that a reader of this repository
// cannot follow. The first group of a pattern is what is shown. The marks of what is
// left undone are spelled so that a search for them finds none here.
var refused = []struct {
	pattern *regexp.Regexp
	advice  string
}{
	{regexp.MustCompile(`\b(T[O]DO|F[I]XME|X{3}|H[A]CK)\b`), "do it, or say in docs what is missing"},
	{regexp.MustCompile(`(?i)\b(simply|obviously|of course|trivially)\b`), "leave the word out"},
	{regexp.MustCompile(`(?i)\b((?:issue|ticket|milestone|sprint|task) ?#?[0-9]+)\b`), "a reader cannot open it: say what it says"},
	{regexp.MustCompile(`\b((?:DESIGN|STYLE|TRAPS|PEERS|GLOSSARY|LIBRARIES)(?:\.md| section| §))`), "not a file of this repository: say what it says"},
	{regexp.MustCompile(`((?:^|[\s"'=(])/(?:work|root|home/[a-z]+)/[\w.-]*)`), "a path of one machine"},
	{regexp.MustCompile(`\b((?:proxy|sum)\.golang\.org|deb\.debian\.org|registry\.npmjs\.org|pypi\.org)\b`), "a registry's address belongs in the machine's settings"},
	{regexp.MustCompile(`(?i)\b(blacklist|whitelist|master/slave)\b`), "the word is in no current standard"},
}

// wordsExempt are the files that have to name what is refused.
var wordsExempt = []string{"internal/tidy/"}

// Words refuses words in every text file.
func Words(t *Tree) (found []Finding) {
	for _, name := range t.names() {
		if exempt(name, wordsExempt) || path.Ext(name) == ".svg" || path.Base(name) == "go.sum" {
			continue
		}
		for number, line := range strings.Split(t.Files[name], "\n") {
			for _, rule := range refused {
				if word := rule.pattern.FindStringSubmatch(line); word != nil {
					found = append(found, Finding{name, number + 1, "\"" + strings.TrimSpace(word[1]) + "\": " + rule.advice})
				}
			}
		}
	}
	return found
}

func exempt(name string, prefixes []string) bool {
	for _, prefix := range prefixes {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
