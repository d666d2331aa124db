// Package api is the control API: HTTP over a unix socket, and its client.
//
// Everybody on the machine may read. Root, the daemon's own user and the users
// in control.users may also write; the kernel says who is at the other end
// (SO_PEERCRED), so nothing can be claimed and there is nothing to steal.
// Every request is bounded in size and time, and a client that does not read
// loses its connection, not the daemon's attention.
package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/report"
	"stead/internal/report/eventlog"
	"stead/internal/report/explain"
)

// DefaultSocket is where the daemon listens when the configuration does not say.
const DefaultSocket = "/run/stead/stead.sock"

// Limits of one request.
const (
	statusPatience = 2 * time.Second  // for the engine's status
	doPatience     = 10 * time.Second // for its reply to a command
	reloadPatience = 30 * time.Second
	writePatience  = 5 * time.Second // for a client to take what it asked for
	bodyLimit      = 16 << 10
)

// Server answers on the control socket.
type Server struct {
	Daemon  report.Daemon
	Log     *eventlog.Log
	Writers Writers
}

type credKey struct{}

// Serve answers on a listener of Listen until ctx ends, then lets requests under
// way finish for at most a second. It closes the listener.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		IdleTimeout:       30 * time.Second,
		MaxHeaderBytes:    8 << 10,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			if v, ok := c.(*visitor); ok {
				ctx = context.WithValue(ctx, credKey{}, v.cred)
			}
			return ctx
		},
	}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if server.Shutdown(bound) != nil {
			_ = server.Close()
		}
	})
	err := server.Serve(&gate{Listener: listener, writers: s.Writers})
	if !stop() {
		<-stopped
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("control socket: %w", err)
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", s.status)
	mux.HandleFunc("GET /v1/events", s.events)
	mux.HandleFunc("GET /v1/explain", s.explain)
	for _, verb := range []report.Verb{report.Switchover, report.Drain, report.Resume} {
		mux.HandleFunc("POST /v1/"+string(verb), s.writer(s.command(verb)))
	}
	mux.HandleFunc("POST /v1/reload", s.writer(s.reload))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fail(w, http.StatusNotFound, Error{What: r.Method + " " + r.URL.Path + ": no such request", Advice: "see docs/reference/http.md for the requests of this socket"})
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
		mux.ServeHTTP(w, r)
	})
}

// Error is the body of every answer that is not a success.
type Error struct {
	What   string         `json:"error"`
	Advice string         `json:"advice,omitempty"`
	Result *report.Result `json:"result,omitempty"` // where the engine refused
}

func fail(w http.ResponseWriter, code int, e Error) {
	answer(w, code, e)
}

func answer(w http.ResponseWriter, code int, body any) {
	patient(w, writePatience)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body)
}

// unhurried lifts the time limit on the request, which has been read: the server
// goes on listening for the client's end, and would take the limit for that.
func unhurried(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
}

// patient gives the client so long to take what is written next.
func patient(w http.ResponseWriter, d time.Duration) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(d))
}

func (s *Server) writer(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		cred, _ := r.Context().Value(credKey{}).(*unix.Ucred)
		if !s.Writers.allow(cred) {
			who := "an unknown user"
			if cred != nil {
				who = fmt.Sprintf("user %d", cred.Uid)
			}
			fail(w, http.StatusForbidden, Error{What: who + " may read but not change anything", Advice: "run it as root, or add the user to control.users in the configuration"})
			return
		}
		next(w, r)
	}
}

func (s *Server) status(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), statusPatience)
	defer cancel()
	status, err := s.Daemon.Status(ctx)
	if err != nil {
		fail(w, http.StatusServiceUnavailable, notAnswering("status", err))
		return
	}
	answer(w, http.StatusOK, status.Listed())
}

func notAnswering(what string, err error) Error {
	return Error{What: fmt.Sprintf("%s: the engine does not answer: %v", what, err), Advice: "look at the daemon's log; `stead doctor` finds what starves it"}
}

// events streams the history as JSON lines.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	since, err := number(r, "since")
	if err != nil {
		fail(w, http.StatusBadRequest, Error{What: err.Error(), Advice: "give the number of the last event that you have seen"})
		return
	}
	follow := r.FormValue("follow") == "1"
	unhurried(w)
	w.Header().Set("Content-Type", "application/jsonl")
	cursor := s.Log.Follow(since)
	events := cursor.Ready()
	enc := json.NewEncoder(w)
	flush := http.NewResponseController(w).Flush
	for {
		patient(w, writePatience)
		for _, e := range events {
			if enc.Encode(e) != nil {
				return
			}
		}
		if flush() != nil {
			return
		}
		switch {
		case len(events) > 0 && !follow:
			events = cursor.Ready()
		case follow:
			if events, err = cursor.Next(r.Context()); err != nil {
				return
			}
		default:
			return
		}
	}
}

func number(r *http.Request, name string) (uint64, error) {
	text := r.FormValue(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s=%q is not a number", name, text)
	}
	return n, nil
}

func (s *Server) explain(w http.ResponseWriter, r *http.Request) {
	group := r.FormValue("group")
	explanations := explain.Groups(s.Log.Last(0), group)
	if explanations == nil {
		explanations = []explain.Explanation{}
	}
	answer(w, http.StatusOK, explanations)
}

func (s *Server) command(verb report.Verb) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := report.Command{Verb: verb}
		if err := json.NewDecoder(r.Body).Decode(&c); err != nil && !errors.Is(err, io.EOF) {
			fail(w, http.StatusBadRequest, Error{What: fmt.Sprintf("%s: the body is not a command: %v", verb, err), Advice: `send {"group": "…", "to": "…"}`})
			return
		}
		unhurried(w)
		c.Verb = verb
		if verb == report.Switchover && c.Group == "" && c.Site == "" {
			fail(w, http.StatusBadRequest, Error{What: "switchover: no group was named", Advice: "name the group that is to move"})
			return
		}
		if e := s.check(r.Context(), c); e != nil {
			fail(w, http.StatusNotFound, *e)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), doPatience)
		defer cancel()
		result, err := s.Daemon.Do(ctx, c)
		switch {
		case err != nil:
			fail(w, http.StatusServiceUnavailable, notAnswering(string(verb), err))
		case !result.OK:
			fail(w, http.StatusConflict, Error{What: fmt.Sprintf("%s refused: %s (%s)", verb, report.ReasonText(result.Reason), result.Reason), Advice: "`stead status` shows who is ready and who is not", Result: &result})
		default:
			answer(w, http.StatusOK, result)
		}
	}
}

// check refuses names that the daemon does not know, with those that it does.
func (s *Server) check(ctx context.Context, c report.Command) *Error {
	if c.Group == "" && c.Site == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, statusPatience)
	defer cancel()
	status, err := s.Daemon.Status(ctx)
	if err != nil {
		e := notAnswering(string(c.Verb), err)
		return &e
	}
	if c.Site != "" {
		return checkSite(&status, c)
	}
	g := status.Group(c.Group)
	if g == nil {
		return &Error{What: fmt.Sprintf("%s: no group %q", c.Verb, c.Group), Advice: "the groups are: " + groupNames(&status)}
	}
	for _, m := range g.Members {
		if c.To == "" || m.Name == c.To {
			return nil
		}
	}
	if c.To == "" {
		return nil
	}
	return &Error{What: fmt.Sprintf("%s: node %q is no member of group %q", c.Verb, c.To, c.Group), Advice: "the members are: " + memberNames(g)}
}

// checkSite refuses a switchover between sites where the node has no gate, or one
// of other sites.
func checkSite(s *report.Status, c report.Command) *Error {
	switch g := s.Gate; {
	case g == nil:
		return &Error{What: fmt.Sprintf("%s: this node has no gate", c.Verb), Advice: "ask a node whose configuration has one under gate"}
	case c.Site != g.Site && c.Site != g.Other:
		return &Error{What: fmt.Sprintf("%s: no site %q", c.Verb, c.Site), Advice: "the sites are: " + g.Site + ", " + g.Other}
	}
	return nil
}

func (s *Server) reload(w http.ResponseWriter, r *http.Request) {
	unhurried(w)
	ctx, cancel := context.WithTimeout(r.Context(), reloadPatience)
	defer cancel()
	changed, err := s.Daemon.Reload(ctx)
	if err != nil {
		fail(w, http.StatusUnprocessableEntity, Error{What: "reload: " + err.Error(), Advice: "nothing was changed; `stead check FILE` shows every mistake"})
		return
	}
	answer(w, http.StatusOK, Reloaded{Changed: changed})
}

// Reloaded is the answer to a reload.
type Reloaded struct {
	Changed string `json:"changed"`
}
