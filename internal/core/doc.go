// Package core decides. It is a state machine without a clock, a socket, a
// file, a goroutine or a lock: the same state, time and event always give the
// same actions. The engine, the simulator and the fuzzers drive the same one.
//
// A driver calls Start once, then Step for every event and, no later than
// Deadline, Step with a Tick. It carries out the Actions of each Step before it
// calls the next.
//
// The election of the active node is in package peer, what the checks say about
// this node in package health. This package joins them: it turns a change of
// role into the order in which the fence, the addresses and the announcements
// have to move.
package core
