// Command stead keeps a service address served by exactly one healthy node.
package main

import (
	"os"

	"github.com/spf13/cobra"
)

// verbs is the table of contents: one file per verb.
var verbs = []func() *cobra.Command{
	newRunCmd,
	newCheckCmd,
	newStatusCmd,
	newEventsCmd,
	newExplainCmd,
	newSwitchoverCmd,
	newDrainCmd,
	newResumeCmd,
	newReloadCmd,
	newDoctorCmd,
	newProbeCmd,
	newLabCmd,
	newSimulateCmd,
	newBeatCmd,
	newGateCmd,
	newImportCmd,
	newVersionCmd,
	newGuardCmd,
	newKeeperCmd,
	newCopyCmd,
}

func main() { os.Exit(Main(os.Args[1:])) }

// Main runs the command line and returns the exit code.
func Main(args []string) int {
	root := &cobra.Command{
		Use:           "stead",
		Short:         "keep a service address served by exactly one healthy node",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	for _, verb := range verbs {
		root.AddCommand(verb())
	}
	root.SetArgs(args)
	return exitCode(root.Execute())
}
