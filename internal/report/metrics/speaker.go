package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"stead/internal/report"
)

// The states of sessions, as their RFCs name them.
var (
	bgpStates = []string{"Idle", "Connect", "Active", "OpenSent", "OpenConfirm", report.Established}
	bfdStates = []string{"AdminDown", "Down", "Init", report.BFDUp}
)

func (c *Collector) announced(out chan<- prometheus.Metric, g *report.Group) {
	if g.Announces == nil {
		return
	}
	c.put(out, &groupAnnounced, number(g.Announces.Role != ""), g.Name)
	if g.Announces.Role != "" {
		c.put(out, &groupPrepend, float64(g.Announces.Prepend), g.Name)
	}
}

func (c *Collector) sessions(out chan<- prometheus.Metric, s *report.Status) {
	for i := range s.BGP {
		p := &s.BGP[i]
		c.put(out, &bgpUp, number(p.Up()), p.Name)
		for _, state := range bgpStates {
			c.put(out, &bgpState, number(p.State == state), p.Name, state)
		}
		c.put(out, &bgpFlaps, float64(p.Flaps), p.Name)
		c.put(out, &bgpAttempts, float64(p.Attempts), p.Name)
		c.put(out, &bgpMessages, float64(p.Sent), p.Name, "sent")
		c.put(out, &bgpMessages, float64(p.Received), p.Name, "received")
		c.put(out, &bgpAnnounced, float64(len(p.Announced)), p.Name)
	}
	for i := range s.BFD {
		p := &s.BFD[i]
		c.put(out, &bfdUp, number(p.Up()), p.Name)
		for _, state := range bfdStates {
			c.put(out, &bfdState, number(p.State == state), p.Name, state)
		}
		c.put(out, &bfdDowns, float64(p.Downs), p.Name)
		c.put(out, &bfdPackets, float64(p.Sent), p.Name, "sent")
		c.put(out, &bfdPackets, float64(p.Received), p.Name, "received")
		c.put(out, &bfdRefused, float64(p.Refused), p.Name)
		if p.DetectionTime > 0 {
			c.put(out, &bfdDetection, float64(p.DetectionTime)/1e6, p.Name)
		}
		c.put(out, &bfdGap, float64(p.MaxGap)/1e6, p.Name)
	}
}
