package health

import "stead/internal/core/reason"

// Owner is the priority that no weight changes and that yields to no other.
const Owner = 255

// maxPriority is the highest priority that weights can lift a node to.
const maxPriority = 254

// AtLeast sets what weights leave of a priority at least, 0 in a new Set. With 1,
// as in VRRP and keepalived, weights alone never keep a node from serving: the
// last one serves with the lowest priority.
func (s *Set) AtLeast(priority int) { s.least = min(max(priority, 0), maxPriority) }

// Priority returns the priority of a member whose configured one is base:
// base plus every negative weight whose check is down, every positive weight
// whose check is up and every weight times its number, at most 254. It returns 0
// where the weights used the priority up and AtLeast says nothing else; such a
// node is not ready (reason.PriorityZero). Owner stays Owner.
//
// An unknown check adds nothing: a negative weight waits for a proof that
// something is down, a positive one for a proof that it is up.
func (s *Set) Priority(base int) int {
	if base >= Owner {
		return Owner
	}
	p := base
	for i := range s.entries {
		p = addClamped(p, s.entries[i].contribution())
	}
	return min(max(p, s.least), maxPriority)
}

// contribution is what the check adds to the priority at the moment.
func (e *entry) contribution() int {
	switch {
	case e.Number:
		return e.numbered()
	case e.Weight < 0 && e.state == Down:
		return e.Weight
	case e.Weight > 0 && e.state == Up:
		return e.Weight
	default:
		return 0
	}
}

// sumLimit bounds each step of the sum, so that no configuration overflows it.
// It is far above all that weights of -255 to 255 can add up to.
const sumLimit = 1 << 24

func addClamped(a, b int) int {
	b = min(max(b, -sumLimit), sumLimit)
	return min(max(a+b, -sumLimit), sumLimit)
}

// Standing is Priority and Ready in one: the priority, and whether a member
// with this base could serve. A node that is not ready because its priority is
// used up names the check that is down and takes most away.
func (s *Set) Standing(base int) (priority int, ready bool, why reason.Reason, detail string) {
	priority = s.Priority(base)
	if ready, why, detail = s.Ready(); !ready {
		return priority, false, why, detail
	}
	if priority > 0 {
		return priority, true, reason.None, ""
	}
	worst := 0
	for i := range s.entries {
		if c := s.entries[i].contribution(); c < worst {
			worst, detail = c, s.entries[i].Name
		}
	}
	return 0, false, reason.PriorityZero, detail
}
