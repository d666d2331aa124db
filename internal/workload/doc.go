// Package workload is what the trial measures with: a server that answers with
// its ID over HTTP and UDP, a client that asks it at a fixed rate, and a prober
// that asks the network who holds an address.
//
// The client asks by an absolute schedule and never waits for an answer before
// it asks again, so that an outage is seen at the resolution of its interval.
// What it saw is a list of Samples; Analyze turns that list into a Report. It is
// a pure function: the same samples give the same report.
//
// All times are nanoseconds since boot, as in the daemon's event log, so that
// what a client saw can be laid beside what the daemons did on the same machine.
package workload
