package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func newProbeCmd() *cobra.Command {
	return &cobra.Command{
		Use:  "probe",
		RunE: func(*cobra.Command, []string) error { return errors.New("probe: not in this build") },
	}
}
