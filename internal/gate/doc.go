// Package gate runs the gate of a site: it gives the machine of internal/core/gate
// its looks at the other site's heartbeat, its operations on the right to run, its
// heartbeats to write, and the workload that it holds back and guards.
//
// One goroutine steps the machine. Whatever can take time, every access of a
// store, is done by a goroutine of its own that has a time limit, and comes back
// as an input: a share that hangs is one that cannot be read, and stops nothing.
package gate
