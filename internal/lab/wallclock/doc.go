// Package wallclock gives programs another wall clock than the machine's, and steps
// it while they run. The machine's own clock is not touched, nor are those that
// count from boot.
//
// The kernel is told (seccomp, user notification) to ask this process what
// clock_gettime(CLOCK_REALTIME) returns in a program and in all that it starts.
// Go programs do not get that far: they read the clock from memory that the kernel
// shares with them (vDSO). So they are run from a copy in which the name of that
// function is another one; the runtime then finds it nowhere and asks the kernel.
// Nothing else in the copy differs.
package wallclock
