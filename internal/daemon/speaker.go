package daemon

import (
	"errors"

	"stead/internal/adapter/bfd"
	"stead/internal/adapter/bgp"
	"stead/internal/assemble"
	"stead/internal/config"
	"stead/internal/core"
)

// speaker is what carries this node's BGP and BFD sessions.
type speaker struct {
	streams *bgp.Set
	paths   *bfd.Set
	index   map[string]int // of peers in the core, by name; the engine's
}

// openSpeaker opens what carries BGP and BFD, also where neither is configured
// yet: a reload may bring the first session, and the first group that this node is
// a member of.
func (d *Daemon) openSpeaker() (err error) {
	s := &d.speaker
	if s.paths, err = bfd.Open(bfd.Options{Sessions: assemble.Paths(d.cfg), Log: d.log}); err != nil {
		return err
	}
	peers, listen := assemble.Speakers(d.cfg)
	if s.streams, err = bgp.Open(bgp.Options{Peers: peers, Listen: listen, Post: d.streamed, Log: d.log}); err != nil {
		return err
	}
	s.number(peers)
	return nil
}

// number gives the peers the numbers that the core has for them.
func (s *speaker) number(peers []bgp.Peer) {
	s.index = map[string]int{}
	for i, p := range peers {
		s.index[p.Name] = i
	}
}

// streamed takes what a connection does. The number of the peer is that of the
// table by the time the engine takes the event.
func (d *Daemon) streamed(peer string, e *core.Stream) {
	d.engine.PostMade(func() core.Event {
		i, ok := d.speaker.index[peer]
		if !ok {
			i = -1 // a reload has taken it away
		}
		e.Peer = i
		return e
	})
}

// checkSpeaker tells what replaceSpeaker would refuse.
func (d *Daemon) checkSpeaker(cfg *config.Config) error {
	peers, _ := assemble.Speakers(cfg)
	return errors.Join(bfd.Check(assemble.Paths(cfg)), bgp.Check(peers))
}

// replaceSpeaker takes other sessions over. It is called between two steps.
func (d *Daemon) replaceSpeaker(cfg *config.Config) error {
	s := &d.speaker
	peers, listen := assemble.Speakers(cfg)
	s.number(peers)
	return errors.Join(s.paths.Replace(assemble.Paths(cfg)), s.streams.Replace(peers, listen))
}

func (s *speaker) close() {
	if s.streams != nil {
		s.streams.Close() // what was written is sent
	}
	if s.paths != nil {
		s.paths.Close()
	}
}
