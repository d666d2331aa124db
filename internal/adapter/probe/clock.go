package probe

import "time"

// now is the time that intervals and timeouts of checks are measured by, and the
// wall time that a file's age is counted from. Nothing is decided by it but when
// a check runs and when it has had its time.
func now() time.Time { return time.Now() }
