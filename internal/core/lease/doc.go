// Package lease decides who has a right of which there is one: it is kept in a
// register of a shared store that is read and replaced as a whole, and only if
// nobody else has replaced it meanwhile (compare and swap).
//
// # What keeps it true
//
//   - The holder counts its right from the moment at which it asked for the write
//     that renewed it, for Config.Use. The others wait from the moment at which
//     they saw the last change, for the TTL that the holder has written, which is
//     longer. No wall clock is read or compared.
//   - A claim replaces the very version that was seen unchanged for so long. A
//     cache that hides a renewal makes the claim fail, and nothing else.
//   - The epoch grows with each claim and never goes back: a workload that shows
//     it to what it writes to is refused when it is late.
//   - A write whose outcome is not known may still take effect later. It renews
//     nothing until the register was read again, and then only from the moment at
//     which it was asked for.
//
// The machine has no clock, no store and no randomness of its own.
package lease
