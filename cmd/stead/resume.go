package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func newResumeCmd() *cobra.Command {
	return &cobra.Command{
		Use:  "resume",
		RunE: func(*cobra.Command, []string) error { return errors.New("resume: not in this build") },
	}
}
