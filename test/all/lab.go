package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// labFaults are the faults that the lab has to have gone through.
var labFaults = []string{"switchover", "service", "sigterm", "sigkill", "freeze", "cut", "blackhole", "oneway", "heal", "recover"}

// labReport is what is looked at in the output of `stead lab --json`.
type labReport struct {
	Setup struct {
		Fence string `json:"fence"`
	} `json:"setup"`
	Faults []labFault `json:"faults"`
}

type labFault struct {
	Name   string   `json:"name"`
	Quorum bool     `json:"quorum"`
	Runs   int      `json:"runs"`
	Sent   int      `json:"sent"`
	Dual   float64  `json:"dual_active_ms_max"`
	Missed []string `json:"missed"`
	Failed []string `json:"failed"`
}

// lab lets the binary go through its faults on this machine. How long an outage
// was is told and not judged: this machine may be busy. That the service came
// back, and that with quorum and the kernel's fence there were never two holders,
// has to be so on any machine.
func (r *run) lab() tally {
	output, err := r.command(nil, "bin/stead", "lab", "--runs", "1", "--json").Output()
	var report labReport
	if problem := json.Unmarshal(output, &report); problem != nil {
		fmt.Fprintf(r.out, "stead lab: %v, %v\n", err, problem)
		return one(false)
	}
	total := judgeLab(report, r.out)
	if err != nil && total.failed == 0 {
		fmt.Fprintln(r.out, "stead lab:", err)
		total.failed++
	}
	return total
}

func judgeLab(report labReport, out io.Writer) (total tally) {
	for _, name := range labFaults {
		i := slices.IndexFunc(report.Faults, func(f labFault) bool { return f.Name == name })
		if i < 0 {
			fmt.Fprintf(out, "FAIL lab %s: it was not gone through\n", name)
			total.failed++
			continue
		}
		f := report.Faults[i]
		wrong := slices.Clone(f.Failed)
		if f.Runs == 0 || f.Sent == 0 {
			wrong = append(wrong, "nothing was measured")
		}
		if f.Quorum && report.Setup.Fence == "kernel" && f.Dual > 0 {
			wrong = append(wrong, fmt.Sprintf("two holders for %v ms", f.Dual))
		}
		if len(wrong) > 0 {
			fmt.Fprintf(out, "FAIL lab %s: %s\n", name, strings.Join(wrong, "; "))
		} else if len(f.Missed) > 0 {
			fmt.Fprintf(out, "note: lab %s: %s\n", name, strings.Join(f.Missed, "; "))
		}
		total.add(one(len(wrong) == 0))
	}
	return total
}
