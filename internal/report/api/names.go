package api

import (
	"strings"

	"stead/internal/report"
)

func groupNames(s *report.Status) string {
	var names []string
	for _, g := range s.Groups {
		names = append(names, g.Name)
	}
	return strings.Join(names, ", ")
}

func memberNames(g *report.Group) string {
	var names []string
	for _, m := range g.Members {
		names = append(names, m.Name)
	}
	return strings.Join(names, ", ")
}
