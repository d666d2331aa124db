package dr

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// start starts what there is on a site, as a user would.
func (p *pair) start(site string) error {
	if p.original {
		return p.startOriginal(site)
	}
	times := p.times
	if p.fault.split {
		if err := p.run(site, "beat", p.beatArgs(site)); err != nil {
			return err
		}
		times.Beat = 0
	}
	return p.run(site, "gate", p.gateArgs(site, times))
}

// startOriginal starts the construction that the gate replaces.
func (p *pair) startOriginal(site string) error {
	args := []string{
		"lab", "original", "--folder", mountPoint, "--this", site, "--that", otherSite(site),
		"--beat", p.times.Beat.String(), "--flatline", p.times.Flatline.String(),
	}
	if site == siteA {
		args = append(args, "--preferred")
	}
	return p.run(site, "original", append(append(args, "--"), p.consumer(site)...))
}

func (p *pair) common(site string) []string {
	return append([]string{"--site", site}, p.store()...)
}

func (p *pair) store() []string {
	return []string{"--store", "folder:" + mountPoint, "--timeout", p.times.Timeout.String()}
}

func (p *pair) beatArgs(site string) []string {
	return append([]string{"beat", "--json", "--gated", "--period", p.times.Beat.String(), "--stop-after", p.times.StopAfter.String()}, p.common(site)...)
}

func (p *pair) gateArgs(site string, t Times) []string {
	args := append([]string{"gate", "--json", "--other", otherSite(site)}, p.common(site)...)
	args = append(args, "--beat", t.Beat.String(), "--flatline", t.Flatline.String(), "--stop-after", t.StopAfter.String(), "--grace", t.Grace.String())
	if site == siteA {
		args = append(args, "--preferred")
	}
	return append(append(args, "--exec", "--"), p.consumer(site)...)
}

// switchover moves the right to run to a site, as its operator does.
func (p *pair) switchover(ctx context.Context, to string) error {
	h := p.hosts[to]
	var said strings.Builder
	cmd := h.Command(p.opt.Binary, append([]string{"gate", "switchover", "--to", to, "--wait", p.patience().String()}, p.store()...)...)
	cmd.Args[0] = "stead"
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := h.Start(cmd); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	defer stop()
	err := cmd.Wait()
	if exit := (&exec.ExitError{}); errors.As(err, &exit) {
		return fmt.Errorf("stead gate switchover on site %s: %w: %s", to, err, strings.TrimSpace(said.String()))
	}
	return err
}

// waits waits until the gate of a site has seen that the other one is alive.
func (p *pair) waits(ctx context.Context, site string) error {
	if p.original {
		stays(ctx, p.times.Beat/5) // it has read the file once
		return ctx.Err()
	}
	for end := time.Now().Add(p.patience()); ctx.Err() == nil; stays(ctx, 10*time.Millisecond) {
		for _, line := range p.lines(site) {
			if line.Kind == kindVerdict && line.Verdict == verdictAlive {
				return nil
			}
		}
		if time.Now().After(end) {
			return fmt.Errorf("the gate of site %s has not seen the other one after %v", site, p.patience())
		}
	}
	return ctx.Err()
}
