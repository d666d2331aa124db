package config

import "time"

// The bounds of what is announced.
const (
	maxBGPPeers    = 64
	maxPrefixes    = 256 // of one group
	maxCommunities = 64  // of one group
	maxPrepend     = 100

	maxPathSessions = 512 // what asks for BFD sessions: peers and checks
	leastBFD        = 5 * time.Millisecond
	mostBFD         = time.Minute
)

var bgpKeys = mapping(
	required("local_as", one(asNumber())),
	optional("router_id", perNode(one(routerID())), "the first IPv4 address of the node"),
	optional("port", one(integer("TCP ports are 16 bits wide", 1, 65535)), "179 with a passive peer, else none"),
	required("peers", named("peer", plainName, maxBGPPeers, bgpPeerKeys)),
)

var bgpPeerKeys = mapping(
	required("address", one(address())),
	required("as", one(asNumber())),
	optional("port", one(integer("TCP ports are 16 bits wide", 1, 65535)), "179"),
	optional("hold_time", one(holdTime()), length(defaultHoldTime)),
	optional("connect_retry", one(duration(100*time.Millisecond, 5*time.Minute, false)), length(defaultBGPRetry)),
	optional("passive", one(truth), "false"),
	optional("multihop", one(integer("1 is a peer on a link of the node", 1, 255)), "1"),
	optional("ttl_security", one(truth), "false"),
	optional("password_file", one(absolutePath(4095)), "no password"),
	optional("source", perNode(one(address())), "the kernel's choice"),
	optional("families", list(2, one(enum("ipv4", "ipv6"))), "those of what is announced"),
	optional("extended_next_hop", one(truth), "false"),
	optional("graceful_shutdown", one(truth), "false"),
	optional("bfd", bfdKeys, "none"),
)

var bfdKeys = mapping(
	optional("interval", one(bfdInterval()), length(defaultBFDInterval)),
	optional("min_rx", one(bfdInterval()), "the interval"),
	optional("multiplier", one(integer("packets that may be missing, and one", 2, 255)), "3"),
	optional("multihop", one(integer("1 is a neighbour on a link of the node", 1, 255)), "that of the peer"),
	optional("source", perNode(one(address())), "that of the peer"),
	optional("passive", one(truth), "false"),
	optional("auth", bfdAuthKeys, "none"),
)

var bfdAuthKeys = mapping(
	required("type", one(enum(BFDAuthSHA1, BFDAuthMeticulousSHA1))),
	optional("key_id", one(integer("key IDs are 8 bits wide", 0, 255)), "1"),
	required("key_file", one(absolutePath(4095))),
	optional("previous_key_id", one(integer("key IDs are 8 bits wide", 0, 255)), ""),
	optional("previous_key_file", one(absolutePath(4095)), ""),
)

var routesKeys = mapping(
	optional("prefixes", list(maxPrefixes, one(network())), "the addresses as /32 and /128"),
	optional("peers", list(maxBGPPeers, one(plainName)), "all"),
	optional("next_hop", nextHops(), "the node's address on the session"),
	optional("communities", communities(), "none"),
	optional("med", one(number32("a MED is 32 bits wide")), "none"),
	optional("local_pref", one(number32("LOCAL_PREF is 32 bits wide")), "100, to internal peers"),
	optional("prepend", prepends(), ""),
	optional("room", one(integer("by how much the path of a node that takes over is shorter", 0, maxPrepend)), "2, or prepend.active; election none: 0"),
	optional("linger", one(duration(time.Millisecond, time.Minute, true)), length(defaultPathLinger)),
	optional("per_node", named("node", plainName, MaxNodes, mapping(
		optional("next_hop", nextHops(), "that of the group"),
		optional("communities", communities(), "those of the group"),
		optional("med", one(number32("a MED is 32 bits wide")), "that of the group"),
		optional("local_pref", one(number32("LOCAL_PREF is 32 bits wide")), "that of the group"),
		optional("prepend", prepends(), "that of the group"),
	)), "none"),
)

func nextHops() *shape { return either(one(address()), list(2, one(address()))) }

func communities() *shape { return list(maxCommunities, one(community())) }

var prependKeys = mapping(
	optional("active", one(prependCount()), "room"),
	optional("standby", one(prependCount()), withdrawnWord),
	optional("unhealthy", one(prependCount()), withdrawnWord),
	optional("drain", one(prependCount()), withdrawnWord),
)

// prepends is a mapping by role, or the one of the active node.
func prepends() *shape { return either(one(prependCount()), prependKeys) }
