// Package original is the construction that the gate replaces, built from its
// description, so that both can be seen side by side.
//
// The site that runs truncates a file on the share and writes the time into it,
// as .NET ticks, every beat. The other one compares that time with its own clock
// and starts its workload when the difference exceeds flatline. The preferred site
// starts without a look, and no site looks any more once it has started.
package original

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Options are what a site of the construction has to know.
type Options struct {
	Folder    string
	This      string
	That      string
	Preferred bool
	Beat      time.Duration // how often the file is written, and how often it is read
	Flatline  time.Duration
	Command   []string // the workload
}

// ticksAtEpoch is 1970-01-01 in .NET ticks: units of 100 ns since the year 1.
const ticksAtEpoch = 621_355_968_000_000_000

func ticks(t time.Time) int64 { return t.UnixNano()/100 + ticksAtEpoch }

func heartbeat(folder, site string) string { return filepath.Join(folder, site, "heartbeat.txt") }

// Run is a site from its start to the end of its workload, or of ctx.
func Run(ctx context.Context, opt Options) error {
	if !opt.Preferred {
		if err := opt.watch(ctx); err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, opt.Command[0], opt.Command[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the workload: %w", err)
	}
	beating, stop := context.WithCancel(ctx)
	defer stop()
	go opt.beat(beating)
	return cmd.Wait()
}

// again is how soon a file that is missing or torn is read again. The
// construction does not wait at all; this machine has other work to do.
const again = time.Millisecond

// watch returns when the other site's heartbeat is old, by this site's clock.
func (opt *Options) watch(ctx context.Context) error {
	for ctx.Err() == nil {
		pause := opt.Beat
		text, err := os.ReadFile(heartbeat(opt.Folder, opt.That))
		last, parseErr := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		switch {
		case err != nil, parseErr != nil:
			pause = again
		case ticks(time.Now())-last > opt.Flatline.Nanoseconds()/100:
			fmt.Println("flatlined")
			return nil
		}
		wait(ctx, pause)
	}
	return ctx.Err()
}

// beat writes the heartbeat. What goes wrong has no consequence.
func (opt *Options) beat(ctx context.Context) {
	name := heartbeat(opt.Folder, opt.This)
	for ctx.Err() == nil {
		err := os.MkdirAll(filepath.Dir(name), 0o755)
		if err == nil {
			err = os.WriteFile(name, strconv.AppendInt(nil, ticks(time.Now()), 10), 0o644)
		}
		if err != nil {
			fmt.Println("heartbeat:", err)
		}
		wait(ctx, opt.Beat)
	}
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
