package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestJudgeDR(t *testing.T) {
	opens := `{"name":%q,"want":"b opens","runs":1,"opened_ms":1300,"both_ms":0,"events":{"processed":900,"stale_accepted":0},"wrong":[]}`
	for _, c := range []struct{ name, change, to, want string }{
		{"good", "", "", ""},
		{"both", `"both_ms":0`, `"both_ms":3`, "FAIL lab dr dies: both sites ran for 3 ms"},
		{"stale", `"stale_accepted":0`, `"stale_accepted":1`, "FAIL lab dr dies: stale events were accepted"},
		{"closed", `"opened_ms":1300`, `"opened_ms":null`, "FAIL lab dr dies: the gate of b opens: that it opened is false"},
		{"open", `"want":"b opens"`, `"want":"b stays closed"`, "FAIL lab dr dies: the gate of b stays closed: that it opened is true"},
		{"wrong", `"wrong":[]`, `"wrong":["something"]`, "FAIL lab dr dies: something"},
		{"nothing", `"processed":900`, `"processed":0`, "FAIL lab dr dies: nothing was measured"},
		{"missing", `"dies"`, `"lives"`, "FAIL lab dr dies: it was not gone through"},
	} {
		t.Run(c.name, func(t *testing.T) {
			list := func(names []string, change bool) string {
				var all []string
				for _, name := range names {
					fault := fmt.Sprintf(opens, name)
					if change && name == "dies" {
						fault = strings.Replace(fault, c.change, c.to, 1)
					}
					all = append(all, fault)
				}
				return "[" + strings.Join(all, ",") + "]"
			}
			var report drReport
			if err := json.Unmarshal([]byte(`{"faults":`+list(drFaults, true)+`,"trial":`+list(drTrials, false)+`}`), &report); err != nil {
				t.Fatal(err)
			}
			var shown strings.Builder
			total := judgeDR(report, &shown)
			if (total.failed > 0) != (c.want != "") || total.passed+total.failed != len(drFaults)+len(drTrials) {
				t.Errorf("counted %+v", total)
			}
			if !strings.Contains(shown.String(), c.want) {
				t.Errorf("shown %q, want %q in it", shown.String(), c.want)
			}
		})
	}
}
