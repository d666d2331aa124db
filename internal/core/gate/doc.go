// Package gate decides whether the workload of this site may run: when the other
// site has flatlined and the right to run is this site's, and for as long as it is.
//
// Liveness is change, seen by the reader's own clock: no two wall clocks are
// compared. What cannot be read is no evidence of anything, and opens nothing.
//
// The machine has no clock, no store and no randomness of its own.
package gate
