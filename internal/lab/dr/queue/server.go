package queue

import (
	"encoding/json"
	"net"
	"net/http"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/workload"
)

// Server serves a log over HTTP.
type Server struct {
	log  *Log
	http http.Server
	done chan struct{}
}

// most is how many events a consumer gets at once.
const most = 50

// What goes over the wire, by POST.
type (
	begun     struct{ Checkpoint int }
	fetch     struct{ From int }
	batch     struct{ From, To int } // the events from From to just before To
	processed struct{ Fenced Outcome }
	commit    struct {
		Epoch uint64
		Next  int
		Last  int // the process that processes nothing from now on; 0: it goes on
	}
	committed struct{ OK bool }
)

// Serve serves a log on a listener until Close.
func Serve(log *Log, listener net.Listener) *Server {
	s := &Server{log: log, done: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /begin", answer(s.begin))
	mux.HandleFunc("POST /fetch", answer(s.fetch))
	mux.HandleFunc("POST /process", answer(func(r Record) processed { return processed{log.Process(r)} }))
	mux.HandleFunc("POST /commit", answer(s.commit))
	s.http = http.Server{Handler: mux, ReadHeaderTimeout: time.Second}
	go func() {
		defer close(s.done)
		_ = s.http.Serve(listener)
	}()
	return s
}

// Close ends all connections.
func (s *Server) Close() {
	_ = s.http.Close()
	<-s.done
}

// answer makes a handler of a function.
func answer[Q, A any](f func(Q) A) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var question Q
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4096)).Decode(&question); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		_ = json.NewEncoder(w).Encode(f(question))
	}
}

func (s *Server) begin(c Consumer) begun {
	checkpoint := s.log.Began(c)
	go func() { s.log.Ended(c.PID, ended(c.PID)) }()
	return begun{checkpoint}
}

func (s *Server) commit(c commit) committed {
	if c.Last != 0 {
		s.log.Ended(c.Last, workload.Now())
	}
	return committed{s.log.Commit(c.Epoch, c.Next)}
}

func (s *Server) fetch(f fetch) batch {
	return batch{From: f.From, To: min(max(s.log.End(), f.From), f.From+most)}
}

// ended waits until a process has ended, and tells when.
func ended(pid int) Instant {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return workload.Now()
	}
	defer unix.Close(fd)
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1)
		if n == 1 || err != nil && err != unix.EINTR {
			return workload.Now()
		}
	}
}
