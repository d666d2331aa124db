package report

import (
	"fmt"
	"slices"
)

// VRRP is a virtual router (RFC 9568): the election of a group with the type vrrp.
// Who is Backup says nothing, so that the Active Router is all one knows of the others.
type VRRP struct {
	VRID     int    `json:"vrid"`
	Version  int    `json:"version"`
	State    string `json:"state"`             // initialize, backup or active
	Source   string `json:"source,omitempty"`  // where this node's advertisements come from
	Problem  string `json:"problem,omitempty"` // why there is no source, and what to do
	Priority int    `json:"priority"`          // that they carry: with the weights of the checks

	Device        string `json:"device,omitempty"` // of the virtual MAC
	DeviceRepairs uint64 `json:"device_repairs"`   // times it was put right after others had changed it

	IntervalMS       float64 `json:"interval_ms"`               // of this node's advertisements
	ActiveAddress    string  `json:"active_address,omitempty"`  // where the Active Router's come from; this node's own included
	ActivePriority   int     `json:"active_priority,omitempty"` // what it advertises
	ActiveIntervalMS float64 `json:"active_interval_ms"`        // what it advertises, and this node has adopted
	HandingOver      bool    `json:"handing_over"`              // advertises priority 0 and serves until another router does
	HoldsBack        bool    `json:"holds_back"`                // does not preempt, after a switchover

	Sent                 uint64            `json:"advertisements_sent"`
	Received             uint64            `json:"advertisements_received"` // and believed
	Refused              map[string]uint64 `json:"refused"`                 // by what was wrong with them
	PriorityZeroSent     uint64            `json:"priority_zero_sent"`
	PriorityZeroReceived uint64            `json:"priority_zero_received"`
	OtherChecksum        uint64            `json:"other_checksum"`  // believed, with the other form of the checksum over IPv4
	OtherAddresses       uint64            `json:"other_addresses"` // believed, with other addresses than the configured ones
	OtherInterval        uint64            `json:"other_interval"`  // believed, with another interval than the configured one
	Recent               []string          `json:"recent"`          // what of refused, other-addresses and device-repairs has happened within the last minute
	Transitions          uint64            `json:"transitions"`
	Late                 uint64            `json:"late"` // times this node found itself paused or starved
}

// What VRRP.Recent names beside the causes of refusals.
const (
	OtherAddresses = "other-addresses"
	DeviceRepairs  = "device-repairs"
)

// Holder names who is active: a node, or the address of a router that the
// configuration does not name; empty when nobody is known to be.
func (g *Group) Holder() string {
	switch {
	case g.ActiveNode != "":
		return g.ActiveNode
	case g.VRRP != nil:
		return g.VRRP.ActiveAddress
	}
	return ""
}

// routerProblems says what a person should look at in a virtual router.
func (g *Group) routerProblems(say func(format string, args ...any)) {
	v := g.VRRP
	if v == nil {
		return
	}
	recent := func(what string) bool { return slices.Contains(v.Recent, what) }
	if recent(DeviceRepairs) {
		say("another program changes %s, the device of the virtual MAC: it was put right %d times", v.Device, v.DeviceRepairs)
	}
	if recent(OtherAddresses) {
		say("another router advertises other addresses (%d times): compare the configurations", v.OtherAddresses)
	}
	for _, cause := range []string{"bad-auth", "no-auth", "unknown-key", "other-auth"} {
		if n := v.Refused[cause]; recent(cause) {
			say("%d advertisements refused (%s): the routers do not share the key", n, cause)
		}
	}
	for _, cause := range []string{"bad-version", "bad-checksum", "other-interval"} {
		if n := v.Refused[cause]; recent(cause) {
			say("%d advertisements of virtual router %d refused (%s)", n, v.VRID, cause)
		}
	}
}

// sendProblems says which advertisements did not leave for a reason that does not
// pass by itself. Where an interface is away or down, its group says so.
func (c *Counters) sendProblems() (out []string) {
	for _, cause := range []struct{ name, advice string }{
		{"refused", "a packet filter or a security module forbids them, let protocol 112 out"},
		{"other", "`stead doctor` looks for the cause"},
	} {
		if n := c.VRRPSendFailures[cause.name]; n > 0 {
			out = append(out, fmt.Sprintf("%d advertisements could not be sent since the daemon has started (%s): %s", n, cause.name, cause.advice))
		}
	}
	return out
}
