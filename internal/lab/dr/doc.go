// Package dr is the trial of the gate between two sites, on one machine: site a,
// which is preferred and runs its workload, and site b, which waits; a share that
// both have mounted; and a queue from which the workload pulls its events.
//
//	 site a ──── 10.0.1.10 ──┐                ┌── 10.0.1.20 ──── site b
//	 stead gate               ├──── fabric ────┤               stead gate
//	   └─ workload            │                │
//	                        queue 10.0.1.4: log, sinks
//
//	/run/stead/share ──── FUSE ──── one directory ──── FUSE ──── /run/stead/share
//
// Each site is a network and a mount namespace (see package lab) in which the real
// program runs, with the arguments a user would give it. What the share does
// wrong, it does to one site or to both. The lab knows from the queue when a
// workload began and from the kernel when it ended, and from the sinks what it
// has processed: it asks the gates nothing, and reads their logs only to show them.
//
// Beside it run pairs of the construction that the gate replaces, for comparison.
package dr
