package mail

import "time"

// now is the date of a mail.
func now() time.Time { return time.Now() }
