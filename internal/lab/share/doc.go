// Package share is a shared folder that goes wrong on purpose: a directory that
// several sites mount, each through a mount of its own with faults of its own.
//
// It is a file system in user space (FUSE) that passes everything through to the
// directory, keeps no cache, and knows only files and directories. What one site
// does is what the others see with their next system call, as far as no fault
// says otherwise:
//
//   - Fail: every operation ends with an error, after a delay, as on a share that
//     was mounted soft.
//   - Hang: operations wait until the fault ends and then take place, however late,
//     as on a share that was mounted hard. Who is killed meanwhile does not wait.
//   - Stale: what is read is what was there when the fault began, names and
//     attributes included; what is written is written.
//   - Torn: of each write the first half is there at once, and the rest later or never.
//   - ReadOnly: what would change something is refused.
//
// A mount is part of the mount namespace of the thread that made it, and is gone
// with that namespace. It answers nothing any more when its program ends.
package share
