package outbox

import "time"

// now is the time that patience is measured by. It decides nothing but when
// something is sent and when it is given up.
func now() time.Time { return time.Now() }
