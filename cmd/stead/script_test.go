package main

import (
	"flag"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var updateScripts = flag.Bool("update", false, "rewrite the expected output in testdata/*.txtar")

// TestMain makes the command `stead` of the scripts be this binary.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"stead": func() { os.Exit(Main(os.Args[1:])) },
	})
}

// TestScripts runs the scripts as a user types them, and compares what is printed.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		UpdateScripts:       *updateScripts,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}
