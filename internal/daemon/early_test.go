package daemon

import (
	"slices"
	"testing"

	"stead/internal/core"
)

// What comes before there is an engine reaches it first, in order.
func TestEarly(t *testing.T) {
	var e early
	var got []string
	to := func(ev core.Event) { got = append(got, ev.(core.LinkState).Interface) }
	e.post(core.LinkState{Interface: "a"})
	e.post(core.LinkState{Interface: "b"})
	e.open(to)
	e.post(core.LinkState{Interface: "c"})
	if !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("%v", got)
	}
}
