package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// drFaults are those that the lab has to have gone through with two sites, and
// drTrials those of the construction that the gate replaces.
var (
	drFaults = []string{
		"dies", "isolated", "beat-dies", "share-a", "share-b", "share-both", "torn", "deleted", "frozen", "frozen-a", "stale-b",
		"clock", "clock-dies", "paused", "returns", "failback",
	}
	drTrials = []string{"dies", "share-a", "clock", "returns"}
)

// drReport is what is looked at in the output of `stead lab --network dr --json`.
type drReport struct {
	Faults []drFault `json:"faults"`
	Trial  []drFault `json:"trial"`
}

type drFault struct {
	Name   string   `json:"name"`
	Want   string   `json:"want"`
	Runs   int      `json:"runs"`
	Opened *float64 `json:"opened_ms"`
	Both   float64  `json:"both_ms"`
	Events struct {
		Processed     int `json:"processed"`
		StaleAccepted int `json:"stale_accepted"`
	} `json:"events"`
	Wrong []string `json:"wrong"`
}

// labDR lets two gates go through their faults.
func (r *run) labDR() tally {
	if device, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0); err == nil {
		_ = device.Close()
	} else if !r.root {
		fmt.Fprintf(r.out, "note: lab dr: not gone through: the share needs /dev/fuse: %v\n", err)
		return tally{}
	}
	output, err := r.command(nil, "bin/stead", "lab", "--network", "dr", "--runs", "1", "--json").Output()
	var report drReport
	if problem := json.Unmarshal(output, &report); problem != nil {
		fmt.Fprintf(r.out, "stead lab --network dr: %v, %v\n", err, problem)
		return one(false)
	}
	total := judgeDR(report, r.out)
	if err != nil && total.failed == 0 {
		fmt.Fprintf(r.out, "stead lab --network dr: %v\n", err)
		total.failed++
	}
	return total
}

func judgeDR(report drReport, out io.Writer) (total tally) {
	for _, name := range drFaults {
		total.add(one(judgeFault("dr "+name, report.Faults, name, true, out)))
	}
	// What goes wrong with the construction is what it is shown for.
	for _, name := range drTrials {
		total.add(one(judgeFault("dr, the construction, "+name, report.Trial, name, false, out)))
	}
	return total
}

// judgeFault tells whether a fault was gone through and, where that is asked for,
// ended as it has to.
func judgeFault(title string, list []drFault, name string, judged bool, out io.Writer) bool {
	i := slices.IndexFunc(list, func(f drFault) bool { return f.Name == name })
	if i < 0 {
		fmt.Fprintf(out, "FAIL lab %s: it was not gone through\n", title)
		return false
	}
	f := list[i]
	var wrong []string
	if f.Runs == 0 || f.Events.Processed == 0 {
		wrong = append(wrong, "nothing was measured")
	}
	if judged {
		wrong = append(wrong, f.Wrong...)
		if opens := strings.HasSuffix(f.Want, " opens"); opens != (f.Opened != nil) {
			wrong = append(wrong, fmt.Sprintf("the gate of %s: that it opened is %v", f.Want, f.Opened != nil))
		}
		if f.Events.StaleAccepted > 0 {
			wrong = append(wrong, "stale events were accepted")
		}
		if f.Both > 0 && name != "paused" {
			wrong = append(wrong, fmt.Sprintf("both sites ran for %v ms", f.Both))
		}
	}
	if len(wrong) > 0 {
		fmt.Fprintf(out, "FAIL lab %s: %s\n", title, strings.Join(wrong, "; "))
	}
	return len(wrong) == 0
}
