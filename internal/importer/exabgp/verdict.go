package exabgp

import "stead/internal/importer/draft"

// verdict is what to say of a directive that is not converted.
type verdict struct {
	kind draft.Kind
	why  string
	do   string
}

func lost(why, do string) verdict    { return verdict{draft.Lost, why, do} }
func unneeded(why string) verdict    { return verdict{draft.Unneeded, why, ""} }
func changed(why, do string) verdict { return verdict{draft.Changed, why, do} }

// neighborVerdicts are of what stands in a neighbor.
var neighborVerdicts = map[string]verdict{
	"host-name":     unneeded("Stead tells no peer the name of its host"),
	"domain-name":   unneeded("Stead tells no peer the name of its host"),
	"rate-limit":    unneeded("Stead reads what a peer sends and keeps nothing of it"),
	"group-updates": unneeded("Stead puts prefixes with the same attributes into one message"),
	"auto-flush":    unneeded("Stead sends what it announces at once"),
	"adj-rib-out":   unneeded("Stead announces all again to a peer that comes back or asks for it"),
	"adj-rib-in":    unneeded("Stead keeps nothing of what a peer announces"),
	"manual-eor":    unneeded("Stead sends End-of-RIB by itself"),
	"add-path":      lost("Stead announces one path for each prefix", "announce the others from other nodes"),
	"flow":          lost("Stead announces no flow specifications", "leave them to a program of their own"),
	"l2vpn":         lost("Stead announces unicast prefixes only", "leave it to a program of its own"),
	"operational":   lost("Stead sends no operational messages", ""),
}

// capabilityVerdicts are of what stands in a capability block, where it is on.
var capabilityVerdicts = map[string]verdict{
	"asn4":             unneeded("Stead offers 4-byte AS numbers, and takes a peer that knows 2 bytes only"),
	"route-refresh":    unneeded("Stead offers route refresh"),
	"graceful-restart": changed("Stead wants its paths to go when the session does: a path to a dead node must not stay", "nothing, unless a restart of the daemon is to leave the path where it is"),
	"add-path":         lost("Stead announces one path for each prefix", "announce the others from other nodes"),
	"multi-session":    unneeded("Stead has all families in one session, which every peer takes"),
	"operational":      unneeded("Stead sends no operational messages"),
	"aigp":             lost("Stead sends no AIGP", "use med"),
	"extended-message": unneeded("Stead sends no message that would need it"),
}

// attributeVerdicts are of attributes without a counterpart, by what follows them.
var attributeVerdicts = map[string]verdict{
	"extended-community":  lost("Stead sends no extended communities", "use communities or large ones, if the peers know such"),
	"aggregator":          lost("Stead aggregates nothing", ""),
	"atomic-aggregate":    lost("Stead aggregates nothing", ""),
	"originator-id":       lost("Stead reflects nothing", ""),
	"cluster-list":        lost("Stead reflects nothing", ""),
	"label":               lost("Stead announces unicast prefixes only: this one was left out", ""),
	"rd":                  lost("Stead announces unicast prefixes only: this one was left out", ""),
	"route-distinguisher": lost("Stead announces unicast prefixes only: this one was left out", ""),
	"path-information":    lost("Stead announces one path for each prefix", ""),
	"bgp-prefix-sid":      lost("Stead announces unicast prefixes only", ""),
	"bgp-prefix-sid-srv6": lost("Stead announces unicast prefixes only", ""),
	"aigp":                lost("Stead sends no AIGP", "use med"),
	"attribute":           lost("Stead sends no attribute by its number", "name it, if it is a community, a large community or med"),
	"watchdog":            lost("Stead takes no commands of a watchdog", "make a check of what it watches"),
	"withdraw":            lost("Stead has no prefix that waits to be announced: the prefix was left out", "make a check of what would have it announced"),
}

// healthVerdicts are of options of `exabgp healthcheck` that need no counterpart.
var healthVerdicts = map[string]verdict{
	"silent":           unneeded("Stead has a log of its own"),
	"syslog-facility":  unneeded("Stead has a log of its own"),
	"no-syslog":        unneeded("Stead has a log of its own"),
	"debug":            unneeded("Stead has a log of its own"),
	"no-ack":           unneeded("Stead talks to no other program"),
	"sudo":             unneeded("Stead adds addresses itself"),
	"pid":              unneeded("the service knows the process"),
	"dynamic-ip-setup": unneeded("Stead holds the addresses only while they are announced"),
	"group":            changed("a check gets the groups of its user", "nothing, if those are enough"),
	"path-id":          lost("Stead announces one path for each prefix", "announce the others from other nodes"),
}
