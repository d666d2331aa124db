package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"stead/internal/report"
)

func (c *Collector) lease(out chan<- prometheus.Metric, g *report.Group) {
	l := g.Lease
	c.put(out, &leaseHeld, number(l.Held), g.Name)
	remaining := 0.0
	if l.Held {
		remaining = g.LeaseRemainingMS / 1000
	}
	c.put(out, &leaseRemaining, remaining, g.Name)
	if l.State != "" {
		c.put(out, &leaseEpoch, float64(l.Epoch), g.Name)
		c.put(out, &leaseChanged, l.ChangedMSAgo/1000, g.Name)
	}
	c.store(out, l.Store, g.Name, l.Problem == "", !l.Unreadable, &l.Operations)
}

// store puts how the operations on one record of a store go.
func (c *Collector) store(out chan<- prometheus.Metric, store, group string, up, readable bool, n *report.Operations) {
	c.put(out, &storeUp, number(up), store, group)
	c.put(out, &storeReadable, number(readable), store, group)
	writeFailures := n.Failures - n.ReadFailures
	c.put(out, &storeDone, float64(n.Reads-n.ReadFailures), store, group, "read", "done")
	c.put(out, &storeDone, float64(n.ReadFailures), store, group, "read", "failed")
	c.put(out, &storeDone, float64(n.Writes-n.Conflicts-writeFailures), store, group, "write", "done")
	c.put(out, &storeDone, float64(n.Conflicts), store, group, "write", "conflict")
	c.put(out, &storeDone, float64(writeFailures), store, group, "write", "failed")
	if n.LastMS > 0 {
		c.put(out, &storeLast, n.LastMS/1000, store, group)
		c.put(out, &storeMax, n.LongestMS/1000, store, group)
	}
}
