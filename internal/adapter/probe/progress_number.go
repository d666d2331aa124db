package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/adapter/store"
	"stead/internal/config"
	"stead/internal/core"
	"stead/internal/core/health"
)

// documentLimit is how many bytes a document may have in which a number is.
const documentLimit = 64 << 10

// Stores returns the store that has this name in the configuration. It is asked at
// each look, so that a store that was opened again is found.
type Stores func(name string) (store.Store, bool)

// numberReader reads one number of a progress check.
type numberReader struct {
	where   string
	pointer pointer
	read    func(ctx context.Context, deadline time.Time) ([]byte, error)
	close   func()
}

// openNumber prepares to read a number. It reads nothing yet.
func openNumber(n config.Number, timeout time.Duration, stores Stores) (numberReader, error) {
	p, err := parsePointer(n.Pointer)
	if err != nil {
		return numberReader{}, err
	}
	r := numberReader{where: n.From, pointer: p, close: func() {}}
	switch {
	case filepath.IsAbs(n.From):
		r.read, r.close = fileReader(n.From, timeout)
	case strings.HasPrefix(n.From, "store:"):
		r.read, err = storeReader(n.From, stores)
	case strings.HasPrefix(n.From, "http:"), strings.HasPrefix(n.From, "https:"), strings.HasPrefix(n.From, "https+insecure:"):
		r.read, r.close, err = urlReader(n.From, timeout)
	default:
		err = fmt.Errorf("%q: want an absolute path, http://, https:// or store:NAME/KEY", n.From)
	}
	return r, err
}

func (r *numberReader) count(ctx context.Context, deadline time.Time) (*health.Count, error) {
	content, err := r.read(ctx, deadline)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.where, err)
	}
	c, err := countIn(content, r.pointer)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.where, err)
	}
	return &c, nil
}

var errTooLong = fmt.Errorf("longer than %d bytes", documentLimit)

// fileReader reads a file that may lie on a share that hangs.
func fileReader(path string, timeout time.Duration) (read func(context.Context, time.Time) ([]byte, error), closeFile func()) {
	// Who has the answer of a look has what it wrote: the two never touch it at once.
	var content []byte
	var fault error
	look := func() Result {
		content, fault = readDocument(path)
		return passed()
	}
	late := func() Result { return notRun("the file system did not answer within " + timeout.String()) }
	p := detach(look, func() {}, late)
	return func(ctx context.Context, deadline time.Time) ([]byte, error) {
		if result := p.Run(ctx, deadline); result.Outcome != core.Passed {
			return nil, errors.New(result.Detail)
		}
		return content, fault
	}, p.Close
}

// readDocument reads a file as a whole.
func readDocument(path string) ([]byte, error) {
	// Opened each time: a network file system may answer from its cache otherwise.
	// Without O_NONBLOCK a FIFO would hold us until it has a writer.
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return nil, err
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, errors.New("not a regular file")
	}
	content, err := io.ReadAll(io.LimitReader(descriptor(fd), documentLimit+1))
	if err != nil {
		return nil, err
	}
	if len(content) > documentLimit {
		return nil, errTooLong
	}
	return content, nil
}

// descriptor reads a file without the runtime's poller.
type descriptor int

// Read implements io.Reader.
func (d descriptor) Read(p []byte) (int, error) {
	for {
		n, err := unix.Read(int(d), p)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

// urlReader reads by HTTP with the rules of a check, but for the status: an answer
// that is not 200 is not the document.
func urlReader(url string, timeout time.Duration) (read func(context.Context, time.Time) ([]byte, error), closeConnection func(), err error) {
	p, err := httpOf(Target{Check: config.Check{Target: url, Status: []int{http.StatusOK}, Timeout: timeout}})
	if err != nil {
		return nil, nil, err
	}
	p.body = make([]byte, documentLimit+1)
	return func(ctx context.Context, deadline time.Time) ([]byte, error) {
		if result := p.run(ctx, deadline); result.Outcome != core.Passed {
			return nil, errors.New(result.Detail)
		}
		if p.got > documentLimit {
			return nil, errTooLong
		}
		return p.body[:p.got], nil
	}, p.drop, nil
}

// storeReader reads a blob, or a value of its metadata: store:NAME/KEY, store:NAME/KEY#METADATA.
func storeReader(from string, stores Stores) (func(context.Context, time.Time) ([]byte, error), error) {
	name, key, _ := strings.Cut(strings.TrimPrefix(from, "store:"), "/")
	key, metadata, hasMetadata := strings.Cut(key, "#")
	if name == "" || key == "" || hasMetadata && metadata == "" {
		return nil, fmt.Errorf("%q: want store:NAME/KEY or store:NAME/KEY#METADATA", from)
	}
	if stores == nil {
		return nil, fmt.Errorf("%q: there are no stores here", from)
	}
	return func(ctx context.Context, deadline time.Time) ([]byte, error) {
		s, ok := stores(name)
		if !ok {
			return nil, fmt.Errorf("there is no store %q", name)
		}
		ctx, cancel := context.WithDeadline(ctx, deadline)
		defer cancel()
		if hasMetadata {
			value, err := s.Metadata(ctx, key, metadata)
			return []byte(value), err
		}
		content, err := s.Blob(key).Read(ctx)
		if err == nil && len(content) > documentLimit {
			err = errTooLong
		}
		return content, err
	}, nil
}
