package health

// The bounds of what one number adds to a priority, as in keepalived (its manual,
// "Track files", and vrrp_track_file in its source): below the lower one it is a
// fault, above the upper one it counts as that.
const (
	leastNumber = -253
	mostNumber  = 253
)

// Read takes in the number that a check with Number has read. It returns true
// when that changes what the check adds to the priority or whether it is a
// fault. For a check without Number, and for one that the set does not have, it
// changes nothing.
//
// The number stays as last read: a file that cannot be read, or that holds no
// number while somebody writes it, takes nothing back. Before the first one it is
// 0, as in keepalived.
func (s *Set) Read(check, value int) (changed bool) {
	if check < 0 || check >= len(s.entries) || !s.entries[check].Number {
		return false
	}
	e := &s.entries[check]
	before, fault := e.numbered(), e.fault()
	e.value = value
	return e.numbered() != before || e.fault() != fault
}

// numbered is what the number adds to the priority: nothing while it is a fault.
func (e *entry) numbered() int {
	if e.fault() {
		return 0
	}
	return min(e.product(), mostNumber)
}

// fault tells whether the number keeps the node from being ready: with a weight
// when it takes 254 or more away, and without one, where the check is fatal, when
// it is not 0.
func (e *entry) fault() bool {
	switch {
	case !e.Number:
		return false
	case e.Weight == 0:
		return e.Fatal && e.value != 0
	default:
		return e.product() < leastNumber
	}
}

// factorLimit bounds both factors of a product, so that no configuration and no
// file overflows it. What is beyond it is beyond the bounds of the product as well.
const factorLimit = 1 << 14

func (e *entry) product() int {
	weight := min(max(e.Weight, -factorLimit), factorLimit)
	return weight * min(max(e.value, -factorLimit), factorLimit)
}
