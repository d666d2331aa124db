// Package folder keeps rights and heartbeats in a folder: a local one, or a share
// over NFS or SMB such as Azure Files.
//
// # Registers
//
// The register "groups/web" is the directory groups/web.right. In it is a directory
// for each of its last versions, whose name is a number, and in that one a single
// empty directory, whose name is a nonce and the value:
//
//	groups/web.right/0000000041/93ab27c1d5e0f684-v1+epoch=7+holder=east.value
//	groups/web.right/0000000042/5d01f0c4b2a97e36-v1+epoch=8+holder=west.value
//
// The highest number is the register. To swap version 41, a writer makes its own
// directory within 0000000041 and renames it to 0000000042. A directory is never
// renamed onto one that has something in it: POSIX says so, the servers of NFS and
// SMB do, and they decide without asking a cache. So one of several writers wins, and
// what it wins appears with its value, at once. A writer that dies before the rename
// leaves something that nobody looks at.
//
// A few superseded versions are kept for slow readers. The others are removed from
// the oldest on, each as a whole: whoever still takes one for the newest finds either
// its successor in the way, or nowhere to put its own. The first version has
// 0000000000 as its predecessor, which becomes a file when that version goes.
//
// Renaming the file with the old name to one with a new name, which is simpler, is
// no compare and swap on SMB: a client opens the file by its name and then renames
// what it has opened, so two clients that have opened it both succeed. Hard links
// are not to be had there, and locks are lost when a connection is.
//
// # Blobs
//
// The blob "east/heartbeat.txt" is that file. A writer renames a new file, which is
// on disk, onto it. A reader opens it by its name, reads and closes it each time.
//
// # Caches
//
// The kernel's clients of NFS and SMB keep attributes, names and pages for seconds,
// up to a minute (actimeo, acdirmax). What they promise is close-to-open: an open
// asks the server. So it is opens that a value is found by, of each directory on the
// way and of the file itself; the attributes of a path are never asked for. NFS then
// throws away what it knew about a directory that has changed (also that a name is
// absent), and looks a file that was replaced up again. SMB lists directories and
// opens files on the server. On both, pages of a file are read with O_DIRECT, past
// the page cache, for the sake of writers that change a file in place. A cache that
// lies all the same makes a swap fail, and nothing else.
//
// inotify does not see what other clients do: there is no Watch.
//
// # Modes
//
// What is made in the folder has the permissions of the folder itself, whatever the
// umask is, but is never writable for all. Servers without modes, such as that of Azure Files,
// refuse to set them; that is no error.
//
// # What it is not for
//
// Object stores that are mounted through FUSE (blobfuse, s3fs, gcsfuse) copy where
// they rename: use azblob or s3. Keys that differ only in case are one on SMB.
package folder
