package dr

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"stead/internal/core/clock"
	"stead/internal/lab"
	"stead/internal/lab/dr/queue"
	"stead/internal/lab/share"
	"stead/internal/lab/wallclock"
	"stead/internal/workload"
)

// Instant is nanoseconds since boot.
type Instant = clock.Instant

// The sites. Site a is preferred.
const (
	siteA = "a"
	siteB = "b"
)

// sites are both.
var sites = []string{siteA, siteB}

func otherSite(site string) string {
	if site == siteA {
		return siteB
	}
	return siteA
}

// eventEvery is how often an event is appended to the log.
const eventEvery = 5 * time.Millisecond

// mountPoint is where each site has the share, in a mount namespace of its own.
const mountPoint = lab.HostDir + "/share"

// pair is two sites, the share between them and their queue, for one trial.
type pair struct {
	opt      *Options
	times    Times
	name     string // of its logs
	fault    *fault
	original bool // the construction that the gate replaces runs here
	world    *lab.World
	hosts    map[string]*lab.Host
	dir      string // what is shared, where no fault touches it
	logs     string
	log      *queue.Log
	url      string // of the queue
	server   *queue.Server

	mounts   map[string]*share.Mount
	programs map[string][]*program
	clocks   map[string]*wallclock.Clock // of the sites, where a fault steps them
	copy     *os.File                    // of the program, for those
	paused   []span                      // of site a's processes
}

// span is from a moment to just before another.
type span struct{ From, To Instant }

// open mounts the share on both hosts and starts the queue on a host. Nothing
// runs on the sites yet.
func (p *pair) open(queueHost *lab.Host, port uint16) error {
	p.log, p.mounts, p.programs = queue.New(eventEvery), map[string]*share.Mount{}, map[string][]*program{}
	if p.fault.clocks {
		var err error
		if p.copy, err = wallclock.Copy("/proc/self/exe"); err != nil {
			return err
		}
		p.clocks = map[string]*wallclock.Clock{siteA: {}, siteB: {}}
	}
	if err := p.build(queueHost, netip.AddrPortFrom(queueHost.Address, port)); err != nil {
		return errors.Join(err, p.close())
	}
	return nil
}

func (p *pair) build(queueHost *lab.Host, at netip.AddrPort) error {
	var err error
	if p.dir, err = os.MkdirTemp(lab.SharedDir, "share-"); err != nil {
		return err
	}
	for site, h := range p.hosts {
		h.Do(func() { err = os.MkdirAll(mountPoint, 0o755) })
		if err != nil {
			return err
		}
		if p.mounts[site], err = share.New(p.dir, mountPoint, h.Do); err != nil {
			return err
		}
	}
	var listener net.Listener
	queueHost.Do(func() { listener, err = net.ListenTCP("tcp", net.TCPAddrFromAddrPort(at)) })
	if err != nil {
		return fmt.Errorf("serve the queue: %w", err)
	}
	p.url, p.server = "http://"+at.String(), queue.Serve(p.log, listener)
	return nil
}

// close ends everything on the sites, and takes the share away.
func (p *pair) close() (err error) {
	for _, site := range sites {
		if h := p.hosts[site]; h != nil && p.mounts[site] != nil {
			// Who hangs in the share can be killed, and what it kept running too.
			err = errors.Join(err, killAll(h), p.mounts[site].Close())
		}
	}
	if p.server != nil {
		p.server.Close()
	}
	if p.copy != nil {
		err = errors.Join(err, p.copy.Close())
	}
	if p.dir != "" {
		err = errors.Join(err, os.RemoveAll(p.dir))
	}
	return err
}

// run starts a program on a site.
func (p *pair) run(site, log string, args []string, env ...string) error {
	program := &program{
		host: p.hosts[site], args: append([]string{p.opt.Binary}, args...), env: env, clock: p.clocks[site], copy: p.copy,
		log: filepath.Join(p.logs, p.name+"-"+site+"-"+log+".log"),
	}
	p.programs[site] = append(p.programs[site], program)
	return program.start()
}

// consumer is what a site's workload is: a command line.
func (p *pair) consumer(site string) []string {
	return []string{"/proc/self/exe", "lab", "consume", "--url", p.url, "--site", site}
}

// has tells whether a workload runs on a site.
func has(list []queue.Consumer, site string) bool {
	for _, c := range list {
		if c.Site == site && c.Ended == 0 {
			return true
		}
	}
	return false
}

// patience is how long the trial waits for something that should come.
func (p *pair) patience() time.Duration { return 10*time.Second + 3*p.times.Flatline }

// await waits until the consumers are as done wants them, and tells whether they were.
func (p *pair) await(ctx context.Context, limit time.Duration, done func([]queue.Consumer) bool) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		list, changed := p.log.Consumers()
		if done(list) {
			return true
		}
		select {
		case <-changed:
		case <-timer.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// runs waits until the workload of a site runs.
func (p *pair) runs(ctx context.Context, site string, limit time.Duration) error {
	if p.await(ctx, limit, func(list []queue.Consumer) bool { return has(list, site) }) {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("the workload of site %s does not run after %v", site, limit)
}

// stays waits, and returns when ctx ends or the time has passed.
func stays(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// die ends everything on a site at once and cuts its cable.
func (p *pair) die(site string) error {
	return errors.Join(p.world.Cut(p.hosts[site]), killAll(p.hosts[site]))
}

// pause stops all processes of a site until resume.
func (p *pair) pause(site string, resume bool) {
	if resume {
		p.paused[len(p.paused)-1].To = workload.Now()
		signalAll(p.hosts[site], sigCont)
		return
	}
	signalAll(p.hosts[site], sigStop)
	p.paused = append(p.paused, span{From: workload.Now(), To: clock.Never})
}
