// Package queue is a log of events that two sites read, and what they write to:
// a small server over HTTP, for the lab.
//
// Events appear at a steady rate; a consumer has the offset of the next one, and
// commits it now and then. Each event that is processed is written to two sinks:
//
//   - The plain sink takes everything. After a failover it holds some events twice:
//     those since the last commit, and all that two consumers process at once.
//   - The fencing sink has seen the epoch of each consumer that has begun, refuses
//     those of lower ones, and keeps the consumer's position with its output: what
//     it already has it does not take again.
//
// The server also knows, from the kernel, when each consumer has ended.
package queue
