package spawn

import (
	"bytes"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// outputPipe returns the two ends of the pipe that takes the program's output.
func (p *Program) outputPipe() (readEnd, writeEnd *os.File, err error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return nil, nil, os.NewSyscallError("pipe2", err)
	}
	// Only our end: a program does not expect that a write would block.
	if err := unix.SetNonblock(fds[0], true); err != nil {
		_, _ = unix.Close(fds[0]), unix.Close(fds[1])
		return nil, nil, os.NewSyscallError("fcntl", err)
	}
	if p.credential != nil {
		// A program may open /dev/stdout by name, and then the owner counts.
		_ = unix.Fchown(fds[1], int(p.credential.Uid), int(p.credential.Gid))
	}
	return os.NewFile(uintptr(fds[0]), "output"), os.NewFile(uintptr(fds[1]), "output"), nil
}

// stdin returns a file from which the program reads these bytes. It lies in
// memory and holds all of them, so nobody has to feed a program that does not read.
func (p *Program) stdin(content []byte) (*os.File, error) {
	if len(content) == 0 {
		return os.Open(os.DevNull)
	}
	fd, err := unix.MemfdCreate("stdin", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	file := os.NewFile(uintptr(fd), "stdin")
	if _, err = file.Write(content); err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err == nil && p.credential != nil {
		err = file.Chown(int(p.credential.Uid), int(p.credential.Gid))
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// collector reads a program's output while it runs.
type collector struct {
	pipe *os.File
	kept tail
	done chan struct{}
}

func collect(pipe *os.File) *collector {
	c := &collector{pipe: pipe, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		_, _ = io.Copy(&c.kept, pipe)
	}()
	return c
}

// finish returns what was written until now. A process that the program left
// behind may hold the other end for ever, so the end of the file is not waited for.
func (c *collector) finish() []byte {
	_ = c.pipe.SetReadDeadline(time.Unix(1, 0))
	<-c.done
	c.drain()
	return c.kept.bytes
}

// drain takes what lies in the pipe already. A pipe holds a bounded amount; so
// many reads are enough, also where somebody goes on writing.
func (c *collector) drain() {
	raw, err := c.pipe.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		var buf [OutputLimit]byte
		for range 64 {
			n, err := unix.Read(int(fd), buf[:])
			if err == unix.EINTR {
				continue
			}
			if n <= 0 {
				return
			}
			_, _ = c.kept.Write(buf[:n])
		}
	})
}

// tail keeps the last OutputLimit bytes that were written to it.
type tail struct{ bytes []byte }

// Write implements io.Writer. It never fails.
func (t *tail) Write(p []byte) (int, error) {
	n := len(p)
	if n >= OutputLimit {
		t.bytes = append(t.bytes[:0], p[n-OutputLimit:]...)
		return n, nil
	}
	if over := len(t.bytes) + n - OutputLimit; over > 0 {
		t.bytes = t.bytes[:copy(t.bytes, t.bytes[over:])]
	}
	t.bytes = append(t.bytes, p...)
	return n, nil
}

// LastLine returns the last line of output that is not blank, made fit to show
// on a terminal and at most 200 bytes long.
func LastLine(output []byte) string {
	output = bytes.TrimRight(output, " \t\r\n\x00")
	if i := bytes.LastIndexByte(output, '\n'); i >= 0 {
		output = output[i+1:]
	}
	if len(output) > 200 {
		output = output[:200]
	}
	line := bytes.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return ' '
		}
		return r
	}, bytes.ToValidUTF8(output, []byte("?")))
	return string(bytes.TrimSpace(line))
}
