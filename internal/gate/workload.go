package gate

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"stead/internal/adapter/keeper"
	"stead/internal/core/clock"
	"stead/internal/core/gate"
)

// startWorkload starts the command, with its epoch.
func (g *Gate) startWorkload(epoch uint64) {
	text := strconv.FormatUint(epoch, 10)
	command := make([]string, len(g.set.Command))
	for i, word := range g.set.Command {
		command[i] = strings.ReplaceAll(word, "{epoch}", text)
	}
	opts := keeper.Options{
		Keeper: g.env.Keeper, Workload: command, User: g.set.User, Grace: g.set.Timing.Grace, Adopted: g.env.Adopted,
		Env: append(g.env.Environ[:len(g.env.Environ):len(g.env.Environ)], "STEAD_EPOCH="+text, "STEAD_SITE="+g.set.Site),
		End: g.end, Kill: g.kill, Now: g.env.Now, Say: g.say,
	}
	g.starting = true
	go func() {
		k, err := keeper.Begin(opts)
		if err == nil {
			g.post(func(Instant) {
				g.workload = k
				g.move() // the deadlines have gone on meanwhile
			})
			err = k.Ready()
		}
		g.post(func(now Instant) { g.started(now, k, err) })
	}()
}

// say tells people what a keeper says.
func (g *Gate) say(text string) {
	g.log.Info("workload", "site", g.set.Site, "detail", text)
}

// started takes in that the workload runs, or does not.
func (g *Gate) started(now Instant, k *keeper.Keeper, err error) {
	g.starting = false
	if err != nil {
		g.workload = nil
		g.set.Release = true // what cannot run here may run at the other site
		g.ended(now, keeper.Exit{Err: err})
		return
	}
	go func() {
		<-k.Done()
		g.post(func(now Instant) {
			g.workload = nil
			g.ended(now, k.Exit())
		})
	}()
}

// ended takes in that nothing of the workload is left.
func (g *Gate) ended(now Instant, exit keeper.Exit) {
	detail := fmt.Sprintf("the workload has ended with code %d", exit.Code)
	switch {
	case exit.Err != nil:
		detail = exit.Err.Error()
	case exit.Killed:
		detail += ", and was killed"
	case exit.Told:
		detail += " after it was told to"
	}
	if exit.Err != nil {
		g.log.Warn("workload", "site", g.set.Site, "detail", detail)
	} else {
		g.log.Info("workload", "site", g.set.Site, "code", exit.Code, "detail", detail)
	}
	g.metrics.exits.Inc()
	g.exit = &exit
	if g.state.Phase == gate.Open {
		// It has ended by itself, or its keeper has stopped it while this process hung.
		if exit.Told && !g.stopped {
			g.lostWhy = "stopped by its keeper"
		}
		if !g.set.Stay {
			g.stop(now)
		}
	}
	g.m.Ended(now)
}

// epoch is that of the present right.
func (g *Gate) epoch() uint64 { return g.state.Epoch }

// mayRun tells whether the workload may.
func (g *Gate) mayRun() bool {
	return g.state.Phase == gate.Open || g.state.Phase == gate.Resuming || g.state.Phase == gate.Ending
}

// move gives the keeper its deadlines.
func (g *Gate) move() {
	if g.workload == nil {
		return
	}
	end, kill := g.end, g.kill
	if len(g.set.Processes) > 0 && !g.mayRun() {
		end, kill = 0, 0 // nothing with these names runs while the gate is closed
	}
	if err := g.workload.Until(end, kill); err != nil {
		// The keeper does what it was told last.
		g.log.Warn("workload", "site", g.set.Site, "detail", err.Error())
	}
}

// watchProcesses starts the keeper of processes that others start.
func (g *Gate) watchProcesses() error {
	if len(g.set.Processes) == 0 {
		return nil
	}
	opts := keeper.Options{
		Keeper: g.env.Keeper, Processes: g.set.Processes, Grace: g.set.Timing.Grace, Now: g.env.Now, Say: g.say,
		Present: func(are bool) {
			g.post(func(now Instant) {
				g.present = are
				if !are && g.state.Phase == gate.Ending {
					g.m.Ended(now)
				}
			})
		},
	}
	if g.resumed {
		opts.End, opts.Kill = clock.Never, clock.Never // until the machine has its say
	}
	k, err := keeper.Start(opts)
	if err != nil {
		return err
	}
	g.workload, g.present = k, g.resumed
	go g.relieve(k, opts)
	return nil
}

// relieve puts another keeper of processes in the place of one that has died, or that
// was killed because it hung: what it was to end runs on without it.
func (g *Gate) relieve(k *keeper.Keeper, opts keeper.Options) {
	opts.End, opts.Kill = clock.Never, clock.Never // until move has its say
	for {
		<-k.Done()
		if g.leaving.Load() {
			return
		}
		g.post(func(Instant) {
			g.log.Warn("workload", "site", g.set.Site, "detail", "the keeper of the workload has died: another one takes its place")
			g.workload, g.starting, g.present = nil, true, true
		})
		for k = g.another(opts); k == nil; k = g.another(opts) {
			select {
			case <-g.over:
				return
			case <-time.After(wakeEvery):
			}
		}
	}
}

// another starts a keeper in the place of one that has died; nil: it could not.
func (g *Gate) another(opts keeper.Options) *keeper.Keeper {
	k, err := keeper.Begin(opts)
	if err == nil {
		g.post(func(Instant) {
			g.workload, g.starting = k, false
			g.move()
		})
		if err = k.Ready(); err == nil {
			return k
		}
	}
	g.post(func(Instant) {
		g.log.Error("workload", "site", g.set.Site, "detail", err.Error())
		g.workload, g.starting = nil, true
	})
	return nil
}

// leave lets go of the keeper of processes. It ends them, unless they may go on.
func (g *Gate) leave() {
	if k := g.workload; k != nil {
		g.workload = nil
		g.leaving.Store(true)
		k.Leave()
	}
}

// claim is what the epoch file and its claim say.
func (g *Gate) claim(epoch uint64) *claim {
	return &claim{Site: g.set.Site, Epoch: epoch, Session: g.session, Until: g.kill, Boot: g.env.Boot}
}

// keepClaim writes the epoch file.
func (g *Gate) keepClaim(epoch uint64) error {
	if g.set.EpochFile == "" {
		return nil
	}
	return writeEpoch(g.set.EpochFile, g.claim(epoch))
}

// renewClaim lets a gate that is started after this one know until when the
// workload may run.
func (g *Gate) renewClaim() {
	if g.set.EpochFile == "" || !g.set.Watch || g.claiming || g.state.Phase != gate.Open {
		return
	}
	g.claiming = true
	c := g.claim(g.epoch())
	go func() {
		err := writeClaim(g.set.EpochFile, c)
		g.post(func(Instant) {
			g.claiming = false
			if err != nil {
				g.log.Warn("epoch file", "site", g.set.Site, "detail", err.Error())
			}
		})
	}()
}

// dropClaim lets nobody guard on what has been stopped.
func (g *Gate) dropClaim() {
	if g.set.EpochFile != "" {
		removeClaim(g.set.EpochFile)
	}
}
