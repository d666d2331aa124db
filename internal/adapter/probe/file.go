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
// Expect in its first answerLimit bytes, or a number.
type fileProbe struct {
	path   string
	expect []byte
	number bool
	maxAge time.Duration
	age    ager
	buf    []byte
}

func newFile(t Target) (Probe, error) {
	p := &fileProbe{path: t.Check.Target, expect: []byte(t.Expect), number: t.Number, maxAge: t.MaxAge}
	if p.path == "" {
		return Probe{}, errors.New("no file is named")
	}
	switch {
	case p.number && len(p.expect) > 0:
		return Probe{}, errors.New("a file is read as a number or for its text, not both")
	case p.number:
		p.buf = make([]byte, numberLimit+1)
	case len(p.expect) > 0:
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
		return p.result("open", err)
	}
	defer unix.Close(fd)
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return p.result("stat", err)
	}
	if p.maxAge > 0 {
		age := p.age.look(&stat, now())
		if age > p.maxAge {
			return failed("unchanged for " + age.Round(time.Millisecond).String() + ", allowed are " + p.maxAge.String())
		}
	}
	if p.buf == nil {
		return passed()
	}
	content, err := p.read(fd)
	switch {
	case err != nil:
		return p.result("read", err)
	case p.number:
		return numberResult(p.path, content)
	case !bytes.Contains(content, p.expect):
		return failed(notExpected(content, "unexpected content of "+strconv.Itoa(len(content))+" bytes:"))
	}
	return passed()
}

// read returns the first bytes of the file, as many as there is room for.
func (p *fileProbe) read(fd int) ([]byte, error) {
	have := 0
	for have < len(p.buf) {
		n, err := unix.Read(fd, p.buf[have:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, err
		}
		if n == 0 {
			break
		}
		have += n
	}
	return p.buf[:have], nil
}

// result tells an answer of the file system (it is not there, it cannot be read)
// from a fault of ours. Where no number can be read, none has changed.
func (p *fileProbe) result(op string, err error) Result {
	wrapped := &fs.PathError{Op: op, Path: p.path, Err: err}
	if p.number || isLocalFault(err) {
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
