// Command figures writes what `stead lab --json` measured, read from standard
// input, into a Markdown file, between two comments that mark the place.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// The comments between which the table stands.
const (
	begin = "<!-- lab: begin -->"
	end   = "<!-- lab: end -->"
)

type spread struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

func (s spread) String() string { return fmt.Sprintf("%.1f / %.1f / %.1f", s.P50, s.P99, s.Max) }

type report struct {
	Setup struct {
		Kernel string `json:"kernel"`
		CPUs   int    `json:"cpus"`
		Fence  string `json:"fence"`
	} `json:"setup"`
	Faults []struct {
		Name   string   `json:"name"`
		Quorum bool     `json:"quorum"`
		Runs   int      `json:"runs"`
		Lost   int      `json:"lost"`
		Outage spread   `json:"outage_ms"`
		Dual   float64  `json:"dual_active_ms_max"`
		Budget string   `json:"budget"`
		Missed []string `json:"missed"`
	} `json:"faults"`
}

// what says in words what each fault is.
var what = map[string]string{
	"switchover": "planned switchover", "service": "the service fails (fatal check)", "sigterm": "SIGTERM of the daemon",
	"sigkill": "SIGKILL of the daemon", "freeze": "the daemon is frozen", "cut": "the cable is cut",
	"blackhole": "silent black hole", "oneway": "loss in one direction", "recover": "the preferred node returns",
	"heal": "a partition heals, without quorum",
}

func main() {
	if err := run(os.Stdin, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "figures:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, args []string) error {
	if len(args) != 1 {
		return errors.New("name the Markdown file")
	}
	var r report
	if err := json.NewDecoder(in).Decode(&r); err != nil {
		return fmt.Errorf("read the report of the lab: %w", err)
	}
	page, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	changed, err := insert(string(page), table(r))
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	return os.WriteFile(args[0], []byte(changed), 0o644)
}

// insert replaces what stands between the marks.
func insert(page, text string) (string, error) {
	before, rest, ok := strings.Cut(page, begin)
	_, after, also := strings.Cut(rest, end)
	if !ok || !also {
		return "", fmt.Errorf("no %s … %s", begin, end)
	}
	return before + begin + "\n" + text + end + after, nil
}

func table(r report) string {
	var b strings.Builder
	fmt.Fprintln(&b, "| Fault | runs | outage p50 / p99 / max, ms | lost | two holders, ms | promised |")
	fmt.Fprintln(&b, "|---|---|---|---|---|---|")
	for _, f := range r.Faults {
		name := what[f.Name]
		if name == "" {
			name = f.Name
		}
		verdict := f.Budget
		if len(f.Missed) > 0 {
			verdict += ": **missed**, " + strings.Join(f.Missed, "; ")
		}
		fmt.Fprintf(&b, "| %s | %d | %s | %d | %.1f | %s |\n", name, f.Runs, f.Outage, f.Lost, f.Dual, verdict)
	}
	fmt.Fprintf(&b, "\nMeasured by `make figures` in network namespaces on a virtual machine with %d processors (Linux %s, fence: %s).\n",
		r.Setup.CPUs, r.Setup.Kernel, r.Setup.Fence)
	return b.String()
}
