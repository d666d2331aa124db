package interop

import (
	"testing"
	"time"
)

// What keepalived and FRR do among themselves is the measure of what can be asked
// of Stead, and shows that this package sees what happens.
func TestPeersAmongThemselves(t *testing.T) {
	t.Parallel()
	v3 := settings{version: 3, interval: 100 * time.Millisecond}
	v3over6 := settings{version: 3, interval: 100 * time.Millisecond, ipv6: true}
	for _, tt := range []struct {
		name            string
		settings        settings
		active, standby router
		faults          []fault
	}{
		{"keepalived and keepalived", v3, keepalived{}, keepalived{}, []fault{stop, sigkill, check, cut, blackHole}},
		{"keepalived and FRR", v3, keepalived{}, frr{}, []fault{stop}},
		{"FRR and keepalived", v3, frr{}, keepalived{}, []fault{cut}},
		{"FRR and keepalived over IPv6", v3over6, frr{}, keepalived{}, []fault{stop}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, f := range tt.faults {
				tt.settings.checked = tt.settings.checked || f.name == check.name
			}
			c := begin(t, tt.settings, tt.active, tt.standby)
			c.sufferEach(t, tt.faults...)
		})
	}
}
