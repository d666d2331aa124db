// Package sim runs whole clusters of cores in a world of its own: a virtual
// clock, network, hosts, kernels, actuators, clients and an adversary, all driven by
// one seed. The same seed gives the same world, event by event, so that a seed
// is a bug report.
//
// Every host runs the same state machine that the daemon runs, in the order in
// which the engine runs it: queued input before a deadline, the fence before
// everything else. The kernel of a host is a model of what the fence promises:
// it answers for an address while the address is present and the deadline of
// its slot, in the boot clock of that host, has not passed. Pausing or
// killing the daemon does not stop its kernel.
//
// While a world runs, checkers compare it with what Stead promises; each states
// its bound where it is defined. They know the truth (which links carry, which
// daemon runs, which service is sick) and never ask the core what it believes.
package sim
