package doctor

//go:generate go test . -run TestPage -update

// Checks are all checks, in the order in which they run. The sample of the
// scheduler comes before what makes the network busy.
var Checks = []Check{
	configuration, running, elsewhere,
	capabilities, features, fenceKind,
	realtime, lateness, loop, quota, memory,
	interfaces, sysctls, listeners, managers,
	overlays, virtualRouters, bgpSessions, firewall, pathMTU, reachable, peers, rejected,
	groups, holders, caches, swallowed,
	stores, gates,
	files, programs,
}
