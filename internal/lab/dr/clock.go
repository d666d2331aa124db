package dr

import (
	"context"
	"fmt"
	"time"
)

// stepClocks steps the wall clock of one site and then that of the other one, and
// waits after each step for longer than a gate needs to open.
func stepClocks(ctx context.Context, p *pair) error {
	if p.original { // one step is enough
		p.clocks[siteB].Step(time.Hour)
		return nil
	}
	for _, site := range sites {
		for _, ahead := range []time.Duration{time.Hour, -time.Hour} {
			if err := p.step(ctx, site, ahead); err != nil {
				return err
			}
		}
	}
	return nil
}

// step sets by how much the wall clock of a site is ahead of the machine's, and
// waits for longer than a gate needs to open. Whoever does not ask for the time has
// not noticed.
func (p *pair) step(ctx context.Context, site string, ahead time.Duration) error {
	clock := p.clocks[site]
	clock.Step(ahead)
	stays(ctx, p.times.Flatline*6/5)
	if ctx.Err() == nil && clock.Asked() == 0 {
		return fmt.Errorf("no program on site %s has asked for the time since its clock was stepped", site)
	}
	return ctx.Err()
}
