package sim

import "time"

// gateSink is what the workload writes to: it has taken every event up to one, and
// refuses who shows an older epoch than it has seen.
type gateSink struct {
	world   *gateWorld
	taken   uint64
	highest uint64
	owner   uint64 // the run of the workload that has shown it
	sent    []gateSubmission
}

// gateSubmission is an event on its way to the sink.
type gateSubmission struct {
	site              int
	event, epoch, run uint64
}

// workEvery is how often a workload takes an event from the queue.
const workEvery = 500 * time.Millisecond

// send puts the event that is next on its way.
func (k *gateSink) send(site int, epoch, run uint64) {
	w := k.world
	k.sent = append(k.sent, gateSubmission{site: site, event: k.taken + 1, epoch: epoch, run: run})
	late := w.net.duration(time.Millisecond, 50*time.Millisecond)
	if w.net.chance(50) {
		late = w.net.duration(0, 20*time.Second) // stuck in some buffer
	}
	w.queue.push(entry{at: w.now.add(late), what: gateSubmit, a: int32(site), number: uint64(len(k.sent) - 1)})
}

func (k *gateSink) submit(number *uint64) {
	w, s := k.world, &k.sent[*number]
	if w.setup.Right != nil {
		switch {
		case s.epoch < k.highest:
			w.result.Refused++
			return
		case s.epoch == k.highest && k.owner != s.run && !w.truth.loose:
			w.violate(checkGateEpoch, s.site, "a second workload shows the epoch", time.Duration(s.epoch))
		}
		k.highest, k.owner = s.epoch, s.run
	}
	w.result.Events++
	if s.event <= k.taken {
		w.result.Twice++
	}
	k.taken = max(k.taken, s.event)
}
