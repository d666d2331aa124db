package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"stead/internal/report"
)

// completions asks the daemon for words that fit: a shell that waits for them
// waits for a second at most.
func (c *control) completions(words func(*report.Status) []string) ([]string, cobra.ShellCompDirective) {
	client, err := c.client()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	s, err := client.Status(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return words(&s), cobra.ShellCompDirectiveNoFileComp
}

// completeGroup completes the first argument with the names of the groups.
func (c *control) completeGroup(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return c.completions(func(s *report.Status) (names []string) {
		for _, g := range s.Groups {
			names = append(names, g.Name)
		}
		return names
	})
}

// completeMember completes a flag with the members of the group that is the first argument.
func (c *control) completeMember(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return c.completions(func(s *report.Status) (names []string) {
		if g := s.Group(optional(args)); g != nil {
			for _, m := range g.Members {
				names = append(names, m.Name)
			}
		}
		return names
	})
}
