package config

import "time"

// The bounds of a configuration.
const (
	MaxNodes      = 64 // in one configuration: core.MaxNodes
	MaxPaths      = 4  // addresses of one node
	MaxGroups     = 4096
	MaxOverlays   = 64
	maxAddresses  = 256 // of one group
	maxChecks     = 64  // of one group
	maxRemotes    = 1024
	maxArguments  = 256
	maxRecipients = 64
	maxWebhooks   = 64
	maxHeaders    = 64
	maxAdvertised = 255 // addresses in one advertisement
	maxPeers      = 255 // routers of one VRID
	MaxRouters    = 255 // groups decided by VRRP
)

// What names look like. Names of groups stand in URLs and metrics as they are.
var (
	plainName = pattern("letters, digits, '.', '_' and '-', at most 63, the first a letter or digit",
		`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`, "a name", 63)
	interfaceName = pattern("at most 15 characters without space, '/' and ':'",
		`^([^\s/:.]|[^\s/:]{2,15}|\.[^\s/:.])$`, "the name of an interface", 15)
	userName = pattern("a user's name or number",
		`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}\$?$`, "the name of a user", 64)
	processName = pattern("the name of a program without its path",
		`^[^\s/]+$`, "the name of a process", 255)
	headerName = pattern("the name of an HTTP header",
		"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", "the name of an HTTP header", 100)
	hostName = pattern("the name of a host, or [address]",
		`^([A-Za-z0-9]([A-Za-z0-9._-]{0,252})|\[[0-9A-Za-z:.]+\])$`, "the name of a host", 253)
	headerValue = text("text", 4096, printable)
	argument    = text("text", 4096, printable)
	payload     = text("text", 4096, func(string) *fault { return nil })
	port        = integer("UDP ports are 16 bits wide", 1, 65535)
	truth       = boolean()
)

func interfaceField() *shape { return one(interfaceName) }

// document shape: every key that the loader knows.
var keys = withLater(mapping(
	required("nodes", named("node", plainName, MaxNodes, nodeKeys)),
	optional("security", mapping(
		optional("key_file", one(absolutePath(4095)), ""),
		optional("previous_key_file", one(absolutePath(4095)), ""),
	), ""),
	optional("heartbeat", mapping(
		optional("port", one(port), "9176"),
	), ""),
	optional("overlays", named("overlay", interfaceName, MaxOverlays, overlayKeys), "none"),
	optional("groups", named("group", plainName, MaxGroups, groupKeys), "none"),
	optional("control", mapping(
		optional("socket", one(absolutePath(107)), defaultSocket),
		optional("users", list(64, one(userName)), "none"),
	), ""),
	optional("http", mapping(
		optional("listen", one(listen()), defaultListen),
	), ""),
	optional("state", mapping(
		optional("dir", one(absolutePath(4095)), defaultStateDir),
	), ""),
	optional("realtime", mapping(
		optional("mode", one(enum("auto", "required", "off")), "auto"),
		optional("priority", one(integer("priorities of SCHED_FIFO", 1, 99)), "50"),
	), ""),
	optional("bgp", bgpKeys, "none"),
	optional("stores", named("store", plainName, MaxStores, storeKeys), "none"),
	optional("gate", gateKeys, "none"),
	optional("fence", one(enum("auto", "kernel", "guard", "none")), "auto"),
	optional("notify", notifyKeys, "none"),
	optional("log", mapping(
		optional("target", one(enum(LogStderr, LogJournald, LogSyslog)), LogStderr),
		optional("format", one(enum("text", "json")), "text"),
		optional("level", one(enum("debug", "info", "warn", "error")), "info"),
		optional("syslog", one(syslogTarget()), defaultSyslog),
	), ""),
), map[string]string{
	"beat":  "use gate: { beat: … }",
	"lease": "use election: { type: lease, store: … } in a group",
	"sites": "use gate",
})

var nodeKeys = mapping(
	optional("address", one(address()), ""),
	optional("addresses", list(MaxPaths, one(address())), ""),
	optional("role", one(enum("member", "witness", "client")), "member"),
)

var overlayKeys = withTypes(mapping(
	required("type", one(enum("vxlan"))),
	required("vni", one(integer("a VNI is 24 bits wide", 0, 1<<24-1))),
	optional("port", one(port), "4789"),
	required("underlay", interfaceField()),
	optional("mtu", one(integer("IPv4 needs 576, IPv6 1280", 576, 65535)), "that of the underlay less 50 bytes, or 70 over IPv6"),
	optional("remotes", list(maxRemotes, one(address())), "none"),
	optional("addresses", named("node", plainName, MaxNodes, one(prefix())), "none"),
	optional("mac", named("node", plainName, MaxNodes, one(hardwareAddress())), "chosen by the kernel"),
), map[string]string{"geneve": "use type: vxlan"})

var groupKeys = withLater(mapping(
	required("members", either(named("member", plainName, MaxNodes,
		one(integer("255 never yields to another priority; 1–254 are the usual ones", 1, 255))), list(MaxNodes, one(plainName)))),
	optional("election", electionKeys, ""),
	optional("preempt", mapping(
		optional("enabled", one(truth), "true"),
		optional("delay", one(duration(time.Millisecond, 24*time.Hour, true)), length(defaultPreemptDelay)+"; vrrp: 0"),
	), ""),
	optional("sync", one(plainName), "none"),
	optional("start_delay", one(duration(time.Millisecond, time.Hour, true)), "0: the lease"),
	optional("linger", one(duration(time.Millisecond, 5*time.Second, true)), length(defaultLinger)),
	optional("addresses", list(maxAddresses, mapping(
		required("address", one(prefix())),
		required("interface", interfaceField()),
		optional("advertised", one(truth), "true"),
	)), "none"),
	optional("checks", named("check", plainName, maxChecks, checkKeys), "none"),
	optional("hooks", mapping(
		optional("prepare", hookKeys, ""),
		optional("activate", hookKeys, ""),
		optional("standby", hookKeys, ""),
		optional("fault", hookKeys, ""),
		optional("stop", hookKeys, ""),
		optional("change", hookKeys, ""),
	), "none"),
	optional("announce", mapping(
		optional("refresh", one(duration(time.Second, 24*time.Hour, true)), length(defaultRefresh)+"; vrrp: "+length(defaultRouterRefresh)),
	), ""),
	optional("damping", mapping(
		optional("window", one(duration(time.Second, time.Hour, true)), "0; with bgp "+length(defaultDamping)+", but vrrp: 0"),
	), ""),
	optional("bgp", routesKeys, "none"),
), map[string]string{
	"azure": "use the hooks activate and standby",
	"aws":   "use the hooks activate and standby",
	"gcp":   "use the hooks activate and standby",
})

var electionKeys = withTypes(mapping(append([]field{
	optional("type", one(enum(electionTypes...)), "peer"),
	optional("timing", one(enum(timingNames()...)), TimingCloud),
	optional("interval", one(duration(time.Millisecond, mostIntervalV2, false)), "that of timing; vrrp: 1s"),
	optional("multiplier", one(integer("how many heartbeats may be lost", 2, 100)), "that of timing"),
	optional("quorum", one(truth), "true with three voters or more"),
	optional("on_quorum_loss", one(enum("release", "hold")), "release"),
	optional("vrid", one(integer("a VRID is 8 bits wide and not 0", 1, 255)), ""),
	optional("interface", interfaceField(), "that of the first address"),
	optional("version", one(integer("2 is for routers that do not know 3", 2, 3)), "3"),
	optional("family", one(enum("ipv4", "ipv6")), "that of the first address"),
	optional("unicast", one(truth), "false"),
	optional("peers", list(maxPeers, one(router())), "the members"),
	optional("source", perNode(one(router())), "the interface's primary address; unicast: the node's own of the peers"),
	optional("group", one(multicast()), "224.0.0.18 or ff02::12"),
	optional("ttl", one(liveFor()), "255; lease: "+length(defaultLeaseTTL)),
	optional("min_ttl", one(integer("the TTL is 8 bits wide", 1, 255)), "255"),
	optional("checksum", one(enum("auto", "message", "pseudo-header")), "auto"),
	optional("auth", mapping(
		required("type", one(enum(AuthHMAC, AuthPassword))),
		optional("key_id", one(integer("key IDs are 8 bits wide and not 0", 1, 255)), "1"),
		optional("key_file", one(absolutePath(4095)), ""),
		optional("previous_key_id", one(integer("key IDs are 8 bits wide and not 0", 1, 255)), ""),
		optional("previous_key_file", one(absolutePath(4095)), ""),
		optional("replay", one(enum("time", "monotonic")), "time"),
		optional("password_file", one(absolutePath(4095)), ""),
	), "none"),
	optional("accept", one(truth), "true"),
	optional("virtual_mac", one(truth), "false"),
	optional("detect", one(enum(DetectAdvertisement, DetectHeartbeat)), DetectAdvertisement),
	optional("down_adverts", one(integer("advertisements that may be missing", 1, 100)), "3"),
}, leaseFields...)...), map[string]string{
	"manual": "use type: peer with preempt: { enabled: false } and stead switchover",
})

var checkKeys = withLater(withOneOf(mapping(
	optional("http", one(webURL()), ""),
	optional("tcp", one(hostPort()), ""),
	optional("udp", one(hostPort()), ""),
	optional("process", one(processName), ""),
	optional("exec", &shape{kind: commandShape}, ""),
	optional("file", one(absolutePath(4095)), ""),
	optional("interface", interfaceField(), ""),
	optional("bfd", one(address()), ""),
	optional("progress", progressKeys, ""),
	optional("interval", one(duration(leastBFD, time.Hour, false)), length(defaultCheckInterval)+"; bfd: "+length(defaultBFDInterval)+"; progress: "+length(defaultProgressInterval)),
	optional("timeout", one(duration(time.Millisecond, time.Hour, false)), "the interval, at most "+length(defaultCheckTimeout)),
	optional("rise", one(integer("successes in a row", 1, 100)), "2"),
	optional("fall", one(integer("failures in a row", 1, 100)), "2"),
	optional("weight", one(integer("added to the priority", -254, 254)), "0"),
	optional("fatal", one(truth), "true without a weight, else false"),
	optional("user", one(userName), "the daemon's"),
	optional("shell", one(truth), "false"),
	optional("send", one(payload), "nothing"),
	optional("expect", one(payload), "any answer"),
	optional("status", list(100, one(integer("HTTP status codes", 100, 599))), "200–399"),
	optional("number", one(truth), "false"),
	optional("max_age", one(duration(time.Millisecond, 8760*time.Hour, false)), "any age"),
	optional("min_rx", one(bfdInterval()), "the interval"),
	optional("multiplier", one(integer("packets that may be missing, and one", 2, 255)), "3"),
	optional("multihop", one(integer("1 is a neighbour on a link of the node", 1, 255)), "1"),
	optional("source", perNode(one(address())), "any"),
	optional("passive", one(truth), "false"),
	optional("auth", bfdAuthKeys, "none"),
), "http", "tcp", "udp", "process", "exec", "file", "interface", "bfd", "progress"), map[string]string{
	"grpc": "use tcp or exec",
})

var hookKeys = mapping(
	required("exec", &shape{kind: commandShape}),
	optional("timeout", one(duration(10*time.Millisecond, time.Hour, false)), length(defaultHookTimeout)),
	optional("user", one(userName), "the daemon's"),
	optional("shell", one(truth), "false"),
	optional("arguments", one(enum(ArgumentsKeepalived, ArgumentsKeepalivedGroup)), "none"),
)

var notifyKeys = mapping(
	optional("email", mapping(
		required("server", one(hostPort())),
		optional("tls", one(enum(TLSStart, TLSFromStart, TLSNone)), TLSStart),
		optional("hello", one(hostName), "the host's name"),
		optional("user", one(argument), "no authentication"),
		optional("password_file", one(absolutePath(4095)), ""),
		required("from", one(mailbox())),
		required("to", list(maxRecipients, one(mailbox()))),
		optional("timeout", one(duration(100*time.Millisecond, 10*time.Minute, false)), length(defaultMailTimeout)),
		optional("retry", one(duration(time.Second, 24*time.Hour, true)), length(defaultRetry)),
		optional("events", eventNames(), "all four"),
		optional("groups", list(MaxGroups, one(plainName)), "all"),
	), "none"),
	optional("webhooks", named("webhook", plainName, maxWebhooks, mapping(
		required("url", one(webURL())),
		optional("token_file", one(absolutePath(4095)), "no token"),
		optional("headers", named("header", headerName, maxHeaders, one(headerValue)), "none"),
		optional("timeout", one(duration(10*time.Millisecond, 10*time.Minute, false)), length(defaultWebTimeout)),
		optional("retry", one(duration(time.Second, 24*time.Hour, true)), length(defaultRetry)),
		optional("events", eventNames(), "all four"),
		optional("groups", list(MaxGroups, one(plainName)), "all"),
	)), "none"),
)

func eventNames() *shape {
	names := make([]string, len(roleHooks))
	for i, kind := range roleHooks {
		names[i] = string(kind)
	}
	return list(len(names), one(enum(names...)))
}

func withLater(s *shape, later map[string]string) *shape { s.later = later; return s }
func withTypes(s *shape, types map[string]string) *shape { s.types = types; return s }
func withOneOf(s *shape, keys ...string) *shape          { s.oneOf = keys; return s }
