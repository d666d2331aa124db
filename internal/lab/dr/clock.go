package dr

import (
	"context"
	"time"
)

// clockAhead happens to the construction alone: it is the one that decides by
// the wall clock.
var clockAhead = &fault{
	name: "clock", about: "the clock of site b is stepped one hour ahead",
	inject: func(_ context.Context, p *pair) error {
		p.programs[siteB][0].signal(sigKill)
		p.programs[siteB][0].wait(p.patience())
		return p.startOriginal(siteB, time.Hour)
	},
}
