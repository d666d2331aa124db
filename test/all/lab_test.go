package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestJudgeLab(t *testing.T) {
	good := `{"name":%q,"quorum":true,"runs":1,"sent":100,"dual_active_ms_max":0,"missed":["outage over by 5 ms"],"failed":[]}`
	cases := []struct{ name, change, to, want string }{
		{"good", "", "", ""},
		{"two holders", `"dual_active_ms_max":0`, `"dual_active_ms_max":1.5`, "FAIL lab bgp freeze: two holders for 1.5 ms"},
		{"not restored", `"failed":[]`, `"failed":["nobody serves"]`, "FAIL lab bgp freeze: nobody serves"},
		{"not run", `"runs":1`, `"runs":0`, "FAIL lab bgp freeze: nothing was measured"},
		{"missing", `"freeze"`, `"breeze"`, "FAIL lab bgp freeze: it was not gone through"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var faults []string
			for _, name := range labFaults["bgp"] {
				fault := fmt.Sprintf(good, name)
				if name == "freeze" {
					fault = strings.Replace(fault, c.change, c.to, 1)
				}
				faults = append(faults, fault)
			}
			var report labReport
			if err := json.Unmarshal([]byte(`{"setup":{"fence":"kernel"},"faults":[`+strings.Join(faults, ",")+`]}`), &report); err != nil {
				t.Fatal(err)
			}
			var shown strings.Builder
			total := judgeLab("bgp", report, &shown)
			if (total.failed > 0) != (c.want != "") || total.passed+total.failed != len(labFaults["bgp"]) {
				t.Errorf("counted %+v", total)
			}
			if !strings.Contains(shown.String(), c.want) {
				t.Errorf("shown %q, want %q in it", shown.String(), c.want)
			}
		})
	}
}
