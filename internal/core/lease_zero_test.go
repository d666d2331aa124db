package core

import (
	"testing"
	"time"

	"stead/internal/core/peer"
)

// A peer that says its promise lasts for no time at all must not make the active
// node renew its own lease without an end at one moment.
func TestAPromiseOfNoLengthDoesNotSpin(t *testing.T) {
	c := New(testConfig(0, 2, 0, false))
	now := benchStart
	c.Start(now)
	var told uint64
	packet := func(records ...peer.Record) {
		told++
		h := peer.Header{
			Sender: peer.NodeHash("n1"), Receiver: peer.NodeHash("n0"), Inc: 7, Seq: told,
			EchoInc: c.cfg.Incarnation, EchoSeq: told, Version: 1, Top: 1,
		}
		b := h.Append(nil)
		for i := range records {
			b = records[i].Append(b)
		}
		c.Step(now, &Packet{From: 1, Bytes: peer.NewSealer(c.cfg.Keys).Seal(b, 0)})
	}
	for range 10 {
		packet(peer.Record{Group: peer.GroupHash("web"), LeaseUS: 0, Priority: 100})
		now = now.Add(5 * time.Millisecond)
		c.Step(now, Tick{})
	}
	if c.groups[0].active == false {
		t.Fatal("the node is not active")
	}
	for range 10 {
		c.Step(now, Tick{})
	}
	if at := c.Deadline(); at <= now {
		t.Fatalf("after ten ticks at one moment the deadline is %s away", at.Sub(now))
	}
}
