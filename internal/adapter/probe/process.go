package probe

import (
	"bytes"
	"errors"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// scanShare bounds the cost of looking for a process that is not there: a scan
// of all processes is followed by a pause of so many times its own length.
const scanShare = 20

// processProbe looks whether a process of the given name is running. Once it
// has found one, it looks only at that one until it goes: a single small file.
type processProbe struct {
	proc string // where proc is mounted
	name []byte
	stat statFile // of the process that was found
	buf  []byte

	scanned time.Time // end of the last scan that found nothing
	pause   time.Duration
	missing Result // what that scan found
}

func newProcess(t Target) (Probe, error) {
	if t.Check.Target == "" {
		return Probe{}, errors.New("no process is named")
	}
	p := &processProbe{proc: "/proc", name: []byte(t.Check.Target), buf: make([]byte, 4096)}
	late := func() Result { return notRun("could not look at the processes within " + t.Timeout.String()) }
	return detach(p.look, func() {}, late), nil
}

// statFile names a process for as long as it lives: its number may be given to
// another, which then has another start time.
type statFile struct {
	path  string
	start string
	comm  string
}

func (p *processProbe) look() Result {
	if p.stat.path != "" && p.same() {
		return passed()
	}
	p.stat = statFile{}
	if p.pause > 0 && now().Sub(p.scanned) < p.pause {
		return p.missing
	}
	began := now()
	result := p.scan()
	p.scanned = now()
	p.pause, p.missing = scanShare*p.scanned.Sub(began), result
	if p.stat.path != "" {
		p.pause = 0
	}
	return result
}

// same reports whether the process that was found last is still there, alive,
// and the same program.
func (p *processProbe) same() bool {
	content, err := p.read(p.stat.path)
	if err != nil {
		return false
	}
	s, ok := parseStat(content)
	return ok && s.alive() && string(s.start) == p.stat.start && string(s.comm) == p.stat.comm
}

func (p *processProbe) scan() Result {
	fd, err := unix.Open(p.proc, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return notRun("open " + p.proc + ": " + err.Error())
	}
	defer unix.Close(fd)
	entries := make([]byte, 32<<10)
	for {
		n, err := unix.ReadDirent(fd, entries)
		if err != nil {
			return notRun("read " + p.proc + ": " + err.Error())
		}
		if n == 0 {
			return p.notFound()
		}
		_, _, names := unix.ParseDirent(entries[:n], -1, nil)
		for _, name := range names {
			if name[0] < '1' || name[0] > '9' {
				continue
			}
			if found, err := p.match(name); err != nil && isLocalFault(err) && !errors.Is(err, unix.EACCES) && !errors.Is(err, unix.EPERM) {
				return notRun("read " + p.proc + ": " + err.Error())
			} else if found {
				return passed()
			}
		}
	}
}

// notFound tells that there is no such process from that we may not see it: the
// first process is always there, unless those of others are hidden.
func (p *processProbe) notFound() Result {
	if _, err := p.read(p.proc + "/1/stat"); err != nil {
		return notRun("the processes of others are hidden (hidepid), or " + p.proc + " is not mounted")
	}
	return failed("no process " + string(p.name))
}

// match looks at one process, and remembers it when it is the one.
func (p *processProbe) match(pid string) (bool, error) {
	path := p.proc + "/" + pid + "/stat"
	content, err := p.read(path)
	if err != nil {
		return false, err
	}
	s, ok := parseStat(content)
	if !ok || !s.alive() {
		return false, nil
	}
	found := statFile{path: path, start: string(s.start), comm: string(s.comm)}
	if !bytes.Equal(s.comm, p.name) {
		content, err := p.read(p.proc + "/" + pid + "/cmdline")
		if err != nil || !p.isArgv0(content) {
			return false, err
		}
	}
	p.stat = found
	return true, nil
}

// isArgv0 compares the name with the first argument and with its last element.
func (p *processProbe) isArgv0(cmdline []byte) bool {
	argv0, _, _ := bytes.Cut(cmdline, []byte{0})
	return len(argv0) > 0 && (bytes.Equal(argv0, p.name) || filepath.Base(string(argv0)) == string(p.name))
}

// read returns the first bytes of a file, valid until the next read.
func (p *processProbe) read(path string) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	n, err := unix.Read(fd, p.buf)
	_ = unix.Close(fd)
	if err != nil {
		return nil, err
	}
	return p.buf[:n], nil
}

// procStat is what is needed of /proc/PID/stat (proc_pid_stat(5)).
type procStat struct {
	comm  []byte
	state byte
	start []byte
}

func (s *procStat) alive() bool { return s.state != 'Z' && s.state != 'X' && s.state != 'x' }

// startTimeField is the place of starttime behind the state, counted from 0.
const startTimeField = 19

// parseStat takes a line of /proc/PID/stat apart. The name stands in parentheses
// and may itself hold any character, so its end is the last parenthesis.
func parseStat(line []byte) (s procStat, ok bool) {
	open, end := bytes.IndexByte(line, '('), bytes.LastIndexByte(line, ')')
	if open < 0 || end < open || end+2 >= len(line) {
		return procStat{}, false
	}
	s.comm = line[open+1 : end]
	rest := line[end+2:]
	s.state = rest[0]
	for range startTimeField {
		_, after, found := bytes.Cut(rest, []byte{' '})
		if !found {
			return procStat{}, false
		}
		rest = after
	}
	s.start, _, _ = bytes.Cut(rest, []byte{' '})
	_, err := strconv.ParseUint(string(s.start), 10, 64)
	return s, err == nil
}
