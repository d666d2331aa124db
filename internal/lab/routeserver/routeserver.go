package routeserver

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// The routers that are known, by the names that the command line has for them.
const (
	BIRD = "bird"
	FRR  = "frr"
)

// Kinds are the routers that are known.
var Kinds = []string{BIRD, FRR}

// Config is what a route server is to do.
type Config struct {
	Address netip.Addr // its own
	ID      string     // of the router: an IPv4 address
	AS      uint32
	NodeAS  uint32
	Nodes   []netip.Addr  // that announce
	Hold    time.Duration // 3 s or more, whole seconds
	BFD     BFD
	// Realtime runs it at real-time priority where that is permitted, for a router of
	// its own would have no other programs beside it.
	Realtime bool
}

// BFD is how the path to each node is watched. The zero value: it is not.
type BFD struct {
	Interval   time.Duration
	Multiplier int
}

// On tells whether the path is watched.
func (b BFD) On() bool { return b.Interval > 0 }

// Program is one that has to run, started after those before it.
type Program struct {
	Name string
	Args []string // the program's file first
	// Awaited is a file that is there when those after it may be started; empty: at once.
	Awaited string
}

// patience is how long a program may take until those after it may be started.
const patience = 10 * time.Second

// Wait waits, after the program was started, until those after it may be.
func (p *Program) Wait() error {
	for end := time.Now().Add(patience); p.Awaited != ""; time.Sleep(time.Millisecond) {
		if _, err := os.Stat(p.Awaited); err == nil {
			break
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s has not made %s within %v", p.Name, p.Awaited, patience)
		}
	}
	return nil
}

// missing says what to install where a router is not there.
var missing = map[string]struct{ file, advice string }{
	BIRD: {"bird", "bird is not installed: apt-get install bird2, or choose --router frr"},
	FRR:  {frrDir + "bgpd", "FRR is not installed: apt-get install frr, or choose --router bird"},
}

// Installed is nil, or says what to install.
func Installed(kind string) error {
	m, ok := missing[kind]
	if !ok {
		return fmt.Errorf("router %q: choose from %s", kind, strings.Join(Kinds, " "))
	}
	if _, err := find(m.file); err != nil {
		return errors.New(m.advice)
	}
	return nil
}

// find looks for a program also where daemons are, which is not in the path of
// ordinary users.
func find(program string) (string, error) {
	if filepath.IsAbs(program) {
		_, err := os.Stat(program)
		return program, err
	}
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/sbin") {
		file := filepath.Join(dir, program)
		if info, err := os.Stat(file); err == nil && !info.IsDir() {
			return file, nil
		}
	}
	return "", os.ErrNotExist
}

// Prepare writes the files of a route server into dir, which has to exist, and
// tells what is to be started.
func Prepare(kind, dir string, c *Config) ([]Program, error) {
	if err := Installed(kind); err != nil {
		return nil, err
	}
	prepare := prepareBIRD
	if kind == FRR {
		prepare = prepareFRR
	}
	programs, err := prepare(dir, c)
	if err == nil && c.Realtime {
		Hurry(programs)
	}
	return programs, err
}

// Hurry has programs run at real-time priority, where that is permitted.
func Hurry(programs []Program) {
	chrt, err := find("chrt")
	if err == nil {
		err = exec.Command(chrt, "-r", priority, chrt, "--version").Run()
	}
	if err != nil {
		return
	}
	for i := range programs {
		programs[i].Args = append([]string{chrt, "-r", priority}, programs[i].Args...)
	}
}

// priority is lower than those of the nodes' daemons and of the client.
const priority = "5"

func write(name, text string) error { return os.WriteFile(name, []byte(text), 0o644) }
