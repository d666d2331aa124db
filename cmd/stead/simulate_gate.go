package main

import (
	"github.com/spf13/cobra"

	"stead/internal/sim"
)

// runGates runs worlds of two sites with a gate each.
func (s *simulation) runGates(cmd *cobra.Command) error {
	first, worlds := s.worlds()
	sum, failed := sim.RunGates(cmd.Context(), sim.GateRuns{From: first, Worlds: worlds, Length: s.duration, Trace: s.traceTo(cmd)})
	o := outcome{Summary: &sum, OK: failed == nil}
	if failed != nil {
		s.fail(&o, failed.Seed, failed.Violations, failed.Log)
	}
	return s.print(cmd.OutOrStdout(), &o)
}
