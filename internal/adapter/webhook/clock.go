package webhook

import "time"

// now is when a request is sent, as its recipient reads it.
func now() time.Time { return time.Now() }
