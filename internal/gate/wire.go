package gate

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"stead/internal/adapter/beacon"
	"stead/internal/core/gate"
)

// wire is the network as a page: what is written on it is there when the other
// site has said so.
type wire struct {
	beacon *beacon.Beacon

	mu    sync.Mutex
	acked uint64
	more  chan struct{} // closed when acked has grown
}

// errNotHeard is the end of a heartbeat that was sent in vain.
var errNotHeard = errors.New("network: the other site has not confirmed the heartbeat")

// Write implements page.
func (w *wire) Write(ctx context.Context, value []byte) error {
	number, err := w.beacon.Beat(value)
	if err != nil {
		return err
	}
	for {
		w.mu.Lock()
		acked, more := w.acked, w.more
		w.mu.Unlock()
		if acked >= number {
			return nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return errNotHeard
		}
	}
}

func (w *wire) heard(number uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if number > w.acked {
		w.acked = number
		close(w.more)
		w.more = make(chan struct{})
	}
}

// openWire opens the heartbeats over the network.
func (g *Gate) openWire() (err error) {
	n := &g.set.Network
	if !n.used() {
		return nil
	}
	w := &wire{more: make(chan struct{})}
	w.beacon, err = beacon.Open(beacon.Options{
		Self: g.set.Site, Other: g.set.Other, Keys: n.Keys, Listen: []string{n.Listen}, To: n.SendTo, Now: g.env.Now,
		Report: g.heardNetwork, Acked: w.heard,
		Trouble: func(to string, err error) {
			if err != nil {
				g.log.Warn("network", "site", g.set.Site, "other", g.set.Other, "detail", fmt.Sprintf("send to %s: %v", to, err))
				return
			}
			g.log.Info("network", "site", g.set.Site, "other", g.set.Other, "detail", "sending to "+to+" works again")
		},
	})
	if err != nil {
		return fmt.Errorf("network: %w", err)
	}
	g.wire = w
	g.pages = append(g.pages, w)
	return nil
}

// heardNetwork takes in a heartbeat of the other site. It is as new as it is
// authentic, whatever it says: only its epoch is taken from it.
func (g *Gate) heardNetwork(h beacon.Heard) {
	s := gate.Sample{Sight: gate.Beaten, Mark: fmt.Sprintf("%x/%d", h.Run, h.Number), Series: h.Run, Order: h.Number, Mute: true}
	if beat := gate.FormatAuto.Sight(g.set.Other, h.Payload); beat.Sight == gate.Beaten {
		s.Epoch, s.Mute, s.At = beat.Epoch, beat.Mute, beat.At
	}
	for i, source := range g.sources {
		if source == nil {
			s.Witness = i
			// The receiver waits for nothing, so that the end of this gate can wait for it.
			g.soon(func(now Instant) {
				g.noteSample(now, &s)
				g.m.Saw(now, &s)
			})
		}
	}
}
