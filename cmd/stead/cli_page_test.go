package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"stead/internal/report/docpage"
)

//go:generate go test . -run TestCLIPage -update

// docs/reference/cli.md says what the verbs' own help says.
func TestCLIPage(t *testing.T) {
	root := &cobra.Command{Use: "stead"}
	for _, verb := range verbs {
		root.AddCommand(verb())
	}
	var b strings.Builder
	for _, verb := range root.Commands() {
		verbPage(&b, verb, "##")
	}
	docpage.Check(t, "../../docs/reference/cli.md", "verbs", b.String())
}

func verbPage(b *strings.Builder, cmd *cobra.Command, heading string) {
	if cmd.Hidden {
		return
	}
	about := cmd.Long
	if about == "" {
		about = capital(cmd.Short)
	}
	b.WriteString(heading + " " + cmd.CommandPath() + "\n\n" + strings.TrimSpace(about) + "\n\n```\n" + cmd.UseLine() + "\n```\n\n")
	if flags := cmd.NonInheritedFlags(); flags.HasAvailableFlags() {
		b.WriteString("```\n" + flags.FlagUsages() + "```\n\n")
	}
	if cmd.Example != "" {
		b.WriteString("For example:\n\n```sh\n" + strings.ReplaceAll(strings.TrimPrefix(cmd.Example, "  "), "\n  ", "\n") + "\n```\n\n")
	}
	for _, sub := range cmd.Commands() {
		verbPage(b, sub, heading+"#")
	}
}

func capital(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}
