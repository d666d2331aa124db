package sim

import (
	"bytes"

	"stead/internal/core"
	"stead/internal/core/peer"
)

// recording is a packet that the adversary has seen on the wire.
type recording struct {
	from, to, path int
	fromLife       uint32
	arrivedIn      uint32 // the run of the receiver that has taken it in; 0: none
	bytes          []byte
}

// adversary sees every packet and can send any, but has no key.
type adversary struct {
	draw   *random
	key    []byte // that it forges with
	forger *peer.Sealer
	kept   []recording
}

const recordings = 64

func newAdversary(draw *random, keys [][]byte) *adversary {
	wrong := make([]byte, 32)
	draw.bytes(wrong)
	return &adversary{draw: draw, key: wrong, forger: peer.NewSealer([][]byte{wrong}), kept: make([]recording, 0, recordings)}
}

// record keeps a copy of some packets, old ones and new ones.
func (v *adversary) record(h *host, s *core.Send) {
	if !v.draw.chance(20) {
		return
	}
	at := v.draw.intn(recordings)
	if len(v.kept) < recordings {
		at = len(v.kept)
		v.kept = append(v.kept, recording{})
	}
	r := &v.kept[at]
	r.from, r.to, r.path = h.id, int(s.To), s.Path
	r.fromLife, r.arrivedIn = h.life, 0
	r.bytes = append(r.bytes[:0], s.Bytes...)
}

// delivered marks the recordings of a packet that its receiver has taken in.
func (v *adversary) delivered(h *host, from int, b []byte) {
	for i := range v.kept {
		r := &v.kept[i]
		if r.to == h.id && r.from == from && r.arrivedIn == 0 && bytes.Equal(r.bytes, b) {
			r.arrivedIn = h.life
		}
	}
}

// plan queues the moments at which the adversary sends something.
func (v *adversary) plan(w *World) {
	for range v.draw.between(20, 60) {
		at := moment(v.draw.duration(0, w.setup.Length))
		w.queue.push(entry{at: at, what: atInject, a: -1})
	}
}

// inject is one act of the adversary. A packet that is garbled, forged or has
// already been taken in has to leave its receiver as it was: without actions,
// with the same deadline.
func (w *World) inject() {
	v := w.hostile
	if len(v.kept) == 0 {
		return
	}
	r := &v.kept[v.draw.intn(len(v.kept))]
	h := w.hosts[r.to]
	if !h.running() {
		return
	}
	b := bytes.Clone(r.bytes)
	inert := true
	how := "replayed packet"
	switch v.draw.intn(4) {
	case 0:
		b[v.draw.intn(len(b))] ^= 1 << v.draw.intn(8)
		how = "garbled packet"
	case 1:
		b = make([]byte, v.draw.intn(200))
		v.draw.bytes(b)
		how = "garbage"
	case 2:
		b = v.forge(b)
		how = "forged packet"
	default:
		inert = r.arrivedIn == h.life && r.fromLife == w.hosts[r.from].life
		if !inert && w.network.link(r.from, r.to, r.path).cuts > 0 {
			// It carries what the network does not: both have to be given time again.
			w.linkChanged(r.from, r.to)
		}
	}
	w.result.Injected++
	w.trace.add(w.now, h.id, how, -1, int64(r.from), 0)
	// A step that means nothing, so that whatever the machine had put off is done.
	w.step(h, core.LinkState{Interface: "", Up: true})
	before := h.machine.Deadline()
	now := w.hostNow(h)
	h.packet = core.Packet{From: core.NodeID(r.from), Path: r.path, Bytes: b}
	a := h.machine.Step(now, &h.packet)
	if inert && before > now && !empty(a) {
		w.violate(checkIntruder, h.id, -1, "an intruder's packet led to actions: "+how, int64(r.from))
	}
	if after := h.machine.Deadline(); inert && before > now && after != before {
		w.violate(checkIntruder, h.id, -1, "an intruder's packet moved the deadline: "+how, int64(after-before))
	}
	w.carryOut(h, a)
	if h.up {
		w.sleep(h)
	}
}

// forge changes what a packet says and signs it with a key of its own.
func (v *adversary) forge(b []byte) []byte {
	if len(b) < peer.HeartbeatSize {
		return b
	}
	body := b[:len(b)-16]
	for range 3 {
		body[1+v.draw.intn(len(body)-1)] ^= 1 << v.draw.intn(8)
	}
	return v.forger.Seal(body, 0)
}

// empty tells whether Actions ask for nothing.
func empty(a *core.Actions) bool {
	return a == nil || len(a.Fence)+len(a.Bind)+len(a.Send)+len(a.Want)+
		len(a.Announce)+len(a.Persist)+len(a.Reply)+len(a.Note) == 0
}
