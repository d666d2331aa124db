package config

import (
	"fmt"
	"slices"
	"strings"
)

// nearest is the candidate that is most like text, or "" when none is alike.
// Distance counts edits and swaps of neighbours; up to a third of the letters may differ.
func nearest(text string, candidates []string) string {
	if len(text) < 2 || len(text) > 64 {
		return ""
	}
	best, bestDistance := "", max(len(text)/3, 1)+1
	for _, c := range candidates {
		if strings.EqualFold(c, text) {
			return c
		}
		if d := distance(strings.ToLower(text), strings.ToLower(c)); d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best
}

// distance is the optimal string alignment distance of two short texts.
func distance(a, b string) int {
	if len(b) > 64 {
		return len(b)
	}
	before, prev, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, prev, row = prev, row, before
	}
	return prev[len(b)]
}

// didYouMean is advice for a text that is none of the candidates.
func didYouMean(text string, candidates []string) string {
	if near := nearest(text, candidates); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "known: " + listed(candidates)
}

// listed joins names for a sentence and leaves off what makes it unreadable.
func listed(names []string) string {
	const most = 20
	if len(names) == 0 {
		return "none"
	}
	names = slices.Clone(names)
	if over := len(names) - most; over > 0 {
		names = append(names[:most], fmt.Sprintf("and %d more", over))
	}
	return strings.Join(names, ", ")
}
