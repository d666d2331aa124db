package neighbour

import (
	"testing"

	"golang.org/x/sys/unix"
)

// What the kernel is made to do for the states that it shows in a row.
func TestDecide(t *testing.T) {
	const waits = unix.NUD_INCOMPLETE
	for _, c := range []struct {
		name  string
		looks []uint16
		asked []int // the looks, from 0, at which the kernel was to ask again
	}{
		{"known", []uint16{unix.NUD_REACHABLE, unix.NUD_STALE, unix.NUD_DELAY, unix.NUD_PROBE}, nil},
		{"permanent", []uint16{unix.NUD_PERMANENT, unix.NUD_PERMANENT, unix.NUD_PERMANENT}, nil},
		{"a device without ARP", []uint16{unix.NUD_NOARP, unix.NUD_NOARP, unix.NUD_NOARP}, nil},
		{"not there", []uint16{unix.NUD_NONE, unix.NUD_NONE, unix.NUD_NONE}, nil},
		{"failed: the next heartbeat asks", []uint16{unix.NUD_FAILED, unix.NUD_FAILED, unix.NUD_FAILED}, nil},
		{"one look is a request under way", []uint16{waits, unix.NUD_REACHABLE}, nil},
		{"two looks not in a row", []uint16{waits, unix.NUD_REACHABLE, waits, unix.NUD_FAILED, waits, unix.NUD_NONE, waits}, nil},
		{"every second look", []uint16{waits, waits, waits, waits, waits, waits}, []int{1, 3, 5}},
		{"until there is an answer", []uint16{waits, waits, waits, unix.NUD_REACHABLE, waits, waits}, []int{1, 5}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var h hop
			var asked []int
			for i, state := range c.looks {
				if next, again := h.decide(state); again {
					asked = append(asked, i)
					if next != unix.NUD_NONE {
						t.Errorf("look %d: the entry goes to state %#x", i, next)
					}
				}
			}
			if len(asked) != len(c.asked) {
				t.Fatalf("asked again at looks %v, want %v", asked, c.asked)
			}
			for i := range asked {
				if asked[i] != c.asked[i] {
					t.Fatalf("asked again at looks %v, want %v", asked, c.asked)
				}
			}
		})
	}
}

// A host that is gone for good costs ten requests a second for a minute and none
// of ours after it; programs hear of it every three seconds.
func TestDecideGoneForGood(t *testing.T) {
	var h hop
	asked, failed := 0, 0
	minutes := func(n int) {
		for range n * 60 * 20 {
			if next, again := h.decide(unix.NUD_INCOMPLETE); again {
				asked++
				if next == unix.NUD_FAILED {
					failed++
				}
			}
		}
	}
	minutes(1)
	if asked != 600 || failed != 20 {
		t.Errorf("in the first minute: %d requests, %d of them with a failure; want 600 and 20", asked, failed)
	}
	minutes(10)
	if asked != 600 {
		t.Errorf("%d requests after the first minute", asked-600)
	}
	// The kernel's own requests end in failure; that is no answer.
	h.decide(unix.NUD_FAILED)
	if minutes(1); asked != 600 {
		t.Errorf("%d requests after the kernel gave up", asked-600)
	}
	h.decide(unix.NUD_REACHABLE)
	if minutes(1); asked != 1200 {
		t.Errorf("%d requests after the host came back and went again, want 600", asked-600)
	}
}
