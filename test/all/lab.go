package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// labFaults are the faults that the lab has to have gone through in each network.
var labFaults = map[string][]string{
	"overlay": {"switchover", "service", "sigterm", "sigkill", "freeze", "cut", "blackhole", "oneway", "heal", "recover"},
	"bgp":     {"switchover", "drain", "sharing", "service", "sigterm", "sigkill", "freeze", "cut", "blackhole", "oneway", "recover"},
}

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
func (r *run) lab() (total tally) {
	for _, network := range []string{"overlay", "bgp"} {
		total.add(r.labIn(network))
	}
	total.add(r.labDR())
	return total
}

func (r *run) labIn(network string) tally {
	output, err := r.command(nil, "bin/stead", "lab", "--network", network, "--runs", "1", "--json").Output()
	var report labReport
	if problem := json.Unmarshal(output, &report); problem != nil {
		fmt.Fprintf(r.out, "stead lab --network %s: %v, %v\n", network, err, problem)
		return one(false)
	}
	total := judgeLab(network, report, r.out)
	if err != nil && total.failed == 0 {
		fmt.Fprintf(r.out, "stead lab --network %s: %v\n", network, err)
		total.failed++
	}
	return total
}

func judgeLab(network string, report labReport, out io.Writer) (total tally) {
	for _, fault := range labFaults[network] {
		name := network + " " + fault
		i := slices.IndexFunc(report.Faults, func(f labFault) bool { return f.Name == fault })
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
