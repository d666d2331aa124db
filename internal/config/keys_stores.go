package config

import (
	"time"

	"stead/internal/core/gate"
)

// The bounds of what is in stores.
const (
	MaxStores    = 64
	maxWitnesses = 8 // ways to know of the other site
	maxPathsAway = 8 // addresses of its gate
	leastTTL     = 500 * time.Millisecond
	mostTTL      = time.Hour
	leastRenew   = 20 * time.Millisecond
)

// siteName is what a site is called: it has to fit into a record.
var siteName = pattern("letters, digits, '.', '_' and '-', at most 32, the first a letter or digit",
	`^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$`, "the name of a site", 32)

// storeKeys is a place that several nodes or sites reach.
var storeKeys = mapping(
	required("url", one(storeURL())),
	optional("timeout", one(duration(10*time.Millisecond, time.Minute, false)), length(defaultStoreTimeout)),
)

// leaseFields are the keys of an election that is decided in a store.
var leaseFields = []field{
	optional("store", one(plainName), ""),
	optional("renew", one(duration(leastRenew, mostTTL/3, false)), "a fifth of ttl"),
	optional("on_store_loss", one(enum(StoreLossRelease, StoreLossPeer, StoreLossHold)), StoreLossRelease),
	optional("witness", mapping(
		required("store", one(plainName)),
	), "none"),
}

// gateKeys is what holds a workload back until this site may run it.
var gateKeys = mapping(
	required("site", perNode(one(siteName))),
	optional("other", one(siteName), "the other one of site"),
	optional("preferred", one(siteName), "neither site"),
	optional("store", one(plainName), ""),
	optional("right", one(truth), "true"),
	optional("format", one(enum(FormatStead, FormatTicks)), FormatStead),
	optional("witnesses", named("witness", plainName, maxWitnesses, withOneOf(mapping(
		optional("store", one(plainName), ""),
		optional("network", one(truth), ""),
	), "store", "network")), "the heartbeat in store"),
	optional("require", one(enum("all", "any")), "all"),
	optional("beat", one(duration(20*time.Millisecond, time.Hour, true)), length(gate.DefaultBeat)),
	optional("flatline", one(duration(200*time.Millisecond, mostTTL, false)), length(gate.DefaultFlatline)),
	optional("stop_after", one(duration(50*time.Millisecond, time.Hour, false)), length(gate.DefaultStopAfter)),
	optional("grace", one(duration(time.Millisecond, 10*time.Minute, true)), length(gate.DefaultGrace)),
	optional("never", one(enum(NeverAuto, NeverWait, NeverFlatlined)), NeverAuto),
	optional("open_after", one(duration(time.Second, 24*time.Hour, true)), "0"),
	optional("on_stop", one(enum(OnStopPark, OnStopRelease)), OnStopPark),
	optional("exec", &shape{kind: commandShape}, ""),
	optional("shell", one(truth), "false"),
	optional("user", one(userName), "the daemon's"),
	optional("epoch_file", one(absolutePath(4095)), "none"),
	optional("progress", gateProgressKeys, "none"),
	optional("listen", perNode(one(udpListen())), "none"),
	optional("send_to", either(list(maxPathsAway, one(hostPort())), named("node", plainName, MaxNodes, list(maxPathsAway, one(hostPort())))), "nobody"),
)

// numberKeys is where a number is read.
var numberKeys = either(one(numberSource()), mapping(
	required("from", one(numberSource())),
	optional("pointer", one(jsonPointer()), "the document is the number"),
))

// gateProgressKeys is the work that a gate judges.
var gateProgressKeys = either(one(numberSource()), mapping(
	required("at", numberKeys),
	optional("end", numberKeys, "none"),
	optional("stalled", one(duration(100*time.Millisecond, 24*time.Hour, false)), length(defaultGateStalled)),
	optional("interval", one(duration(20*time.Millisecond, time.Hour, false)), length(defaultProgressInterval)),
	optional("pause", one(duration(100*time.Millisecond, 30*24*time.Hour, false)), "ten times stalled, at least 10m"),
))

// progressKeys is what has to move.
var progressKeys = either(one(numberSource()), mapping(
	required("at", numberKeys),
	optional("end", numberKeys, "none"),
	optional("stalled", one(duration(100*time.Millisecond, 24*time.Hour, false)), length(defaultStalled)),
))
