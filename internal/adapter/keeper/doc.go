// Package keeper runs a workload that may run until a moment, and no longer.
//
// The moment is enforced by a second process, the keeper: it starts the workload,
// has its two deadlines (asked to end by SIGTERM, killed by SIGKILL) and keeps
// them by itself. Whoever decides about the workload, the gate, moves the
// deadlines forward through a pipe. A gate that hangs moves nothing; a gate that
// dies closes the pipe, and the workload is ended at once; where the keeper dies,
// the kernel kills the command that it has started (PDEATHSIG) and the gate kills
// the rest.
//
// What the workload starts cannot get away while the keeper lives: it is the
// subreaper of all of it, also of what has left the process group and the
// session, and where the control group of version 2 is writable the workload has
// one of its own, which the kernel kills as a whole (cgroup.kill).
//
// The keeper can also watch over processes that somebody else has started, found
// by name: those of the other containers of a pod that share their process
// namespace.
package keeper
