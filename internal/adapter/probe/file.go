package probe

import (
	"bytes"
	"errors"
	"io/fs"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// fileProbe looks whether a file is there, was changed within MaxAge, and holds
// Expect in its first answerLimit bytes.
type fileProbe struct {
	path   string
	expect []byte
	maxAge time.Duration
	age    ager
	buf    []byte
}

func newFile(t Target) (Probe, error) {
	p := &fileProbe{path: t.Check.Target, expect: []byte(t.Expect), maxAge: t.MaxAge}
	if p.path == "" {
		return Probe{}, errors.New("no file is named")
	}
	if len(p.expect) > 0 {
		p.buf = make([]byte, answerLimit)
	}
	late := func() Result { return timedOut("the file system did not answer within " + t.Timeout.String()) }
	return detach(p.look, func() {}, late), nil
}

func (p *fileProbe) look() Result {
	// Opened each time: a network file system answers a bare stat from its cache.
	// Without O_NONBLOCK a FIFO would hold us until it has a writer.
	fd, err := unix.Open(p.path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		return fileResult("open", p.path, err)
	}
	defer unix.Close(fd)
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return fileResult("stat", p.path, err)
	}
	if p.maxAge > 0 {
		age := p.age.look(&stat, now())
		if age > p.maxAge {
			return failed("unchanged for " + age.Round(time.Millisecond).String() + ", allowed are " + p.maxAge.String())
		}
	}
	if len(p.expect) == 0 {
		return passed()
	}
	return p.content(fd)
}

func (p *fileProbe) content(fd int) Result {
	have := 0
	for have < len(p.buf) {
		n, err := unix.Read(fd, p.buf[have:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fileResult("read", p.path, err)
		}
		if n == 0 {
			break
		}
		have += n
	}
	if !bytes.Contains(p.buf[:have], p.expect) {
		return failed(notExpected(p.buf[:have], "unexpected content of "+strconv.Itoa(have)+" bytes:"))
	}
	return passed()
}

// fileResult tells an answer of the file system (it is not there, it cannot be
// read) from a fault of ours.
func fileResult(op, path string, err error) Result {
	wrapped := &fs.PathError{Op: op, Path: path, Err: err}
	if isLocalFault(err) {
		return notRun(wrapped.Error())
	}
	return failed(wrapped.Error())
}

// ager tells how long ago a file changed. The wall clock is asked only when a
// change is first seen, and from then on the monotonic one counts, so that a
// step of the wall clock makes no file old.
type ager struct {
	seen    bool
	mtime   unix.Timespec
	inode   uint64
	size    int64
	changed time.Time // on the monotonic clock
	looked  time.Time
}

func (a *ager) look(stat *unix.Stat_t, at time.Time) time.Duration {
	same := a.seen && a.mtime == stat.Mtim && a.inode == stat.Ino && a.size == stat.Size
	if !same {
		// A file that changed did so since the last look.
		age := max(at.Round(0).Sub(time.Unix(stat.Mtim.Unix())), 0)
		if a.seen {
			age = min(age, at.Sub(a.looked))
		}
		a.seen, a.mtime, a.inode, a.size = true, stat.Mtim, stat.Ino, stat.Size
		a.changed = at.Add(-age)
	}
	a.looked = at
	return at.Sub(a.changed)
}
