package main

import (
	"github.com/spf13/cobra"

	"stead/internal/sim"
)

// runBFD runs worlds of BFD sessions.
func (s *simulation) runBFD(cmd *cobra.Command) error {
	first, worlds := s.worlds()
	sum, failed := sim.RunBFD(cmd.Context(), sim.BFDRuns{From: first, Worlds: worlds, Length: s.duration, Trace: s.traceTo(cmd)})
	o := outcome{Summary: &sum, OK: failed == nil}
	if failed != nil {
		s.fail(&o, failed.Seed, failed.Violations, failed.Log)
	}
	return s.print(cmd.OutOrStdout(), &o)
}
