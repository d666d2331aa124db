package kubernetes

import "time"

// stamp is the time as people read it in a Lease (a MicroTime). Nothing is decided by it.
func stamp() string { return time.Now().UTC().Format("2006-01-02T15:04:05.000000Z07:00") }
