package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/report"
	"stead/internal/report/explain"
)

// Client asks a daemon over its control socket.
type Client struct {
	socket string
	http   http.Client
}

// NewClient makes a client of the daemon whose control socket is at this path.
func NewClient(socket string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{Timeout: 2 * time.Second}).DialContext(ctx, "unix", socket)
	}
	return &Client{socket: socket, http: http.Client{Transport: &http.Transport{
		DialContext:           dial,
		ResponseHeaderTimeout: reloadPatience + time.Second,
		DisableCompression:    true,
	}}}
}

// UnreachableError says that no daemon answers on the socket.
type UnreachableError struct {
	Socket string
	Err    error
}

// Error says what was tried and what to do.
func (e *UnreachableError) Error() string {
	advice := "is stead running? start it, or name its socket with --socket or -c"
	switch {
	case errors.Is(e.Err, unix.EACCES):
		advice = "the directories above the socket are closed to this user"
	case errors.Is(e.Err, unix.ECONNREFUSED):
		advice = "the daemon that made the socket is gone: start stead"
	case isTimeout(e.Err):
		advice = "the daemon is there but does not answer: look at its log"
	}
	return fmt.Sprintf("control socket %s: %v: %s", e.Socket, cause(e.Err), advice)
}

func (e *UnreachableError) Unwrap() error { return e.Err }

// RefusedError says that the daemon answered and did not do what it was asked for.
type RefusedError struct {
	Status int // of HTTP
	Body   Error
}

func (e *RefusedError) Error() string {
	if e.Body.Advice == "" {
		return e.Body.What
	}
	return e.Body.What + ": " + e.Body.Advice
}

func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}

// cause strips what the HTTP client adds: the address it shows is made up.
func cause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

func (c *Client) do(ctx context.Context, method, path string, body any) (*http.Response, error) {
	var content io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://stead"+path, content)
	if err != nil {
		return nil, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		if ctxErr := context.Cause(ctx); errors.Is(ctxErr, context.Canceled) {
			return nil, ctxErr
		}
		return nil, &UnreachableError{c.socket, err}
	}
	if response.StatusCode == http.StatusOK {
		return response, nil
	}
	defer response.Body.Close()
	refused := &RefusedError{Status: response.StatusCode}
	if err := json.NewDecoder(io.LimitReader(response.Body, bodyLimit)).Decode(&refused.Body); err != nil || refused.Body.What == "" {
		refused.Body.What = "control socket: " + response.Status
	}
	return nil, refused
}

func (c *Client) exchange(ctx context.Context, method, path string, body, into any) error {
	response, err := c.do(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		return fmt.Errorf("control socket %s: answer to %s: %w", c.socket, path, err)
	}
	return nil
}

// Status asks for a fresh status.
func (c *Client) Status(ctx context.Context) (report.Status, error) {
	var s report.Status
	err := c.exchange(ctx, http.MethodGet, "/v1/status", nil, &s)
	return s, err
}

// Explain asks for the last change of a group, or of every group when it is empty.
func (c *Client) Explain(ctx context.Context, group string) ([]explain.Explanation, error) {
	var x []explain.Explanation
	err := c.exchange(ctx, http.MethodGet, "/v1/explain?group="+url.QueryEscape(group), nil, &x)
	return x, err
}

// Do asks for a command. A refusal is a *RefusedError.
func (c *Client) Do(ctx context.Context, command report.Command) (report.Result, error) {
	var r report.Result
	err := c.exchange(ctx, http.MethodPost, "/v1/"+string(command.Verb), command, &r)
	return r, err
}

// Reload asks the daemon to apply its configuration file and returns what changed.
func (c *Client) Reload(ctx context.Context) (string, error) {
	var r Reloaded
	err := c.exchange(ctx, http.MethodPost, "/v1/reload", nil, &r)
	return r.Changed, err
}

// Events calls each with the events after the one with number since, as they come
// when follow is set, until ctx ends, the daemon does, or each returns an error.
func (c *Client) Events(ctx context.Context, since uint64, follow bool, each func(report.Event) error) error {
	query := url.Values{"since": {strconv.FormatUint(since, 10)}}
	if follow {
		query.Set("follow", "1")
	}
	response, err := c.do(ctx, http.MethodGet, "/v1/events?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	for lines := json.NewDecoder(response.Body); ; {
		var e report.Event
		switch err := lines.Decode(&e); {
		case errors.Is(err, io.EOF) && !follow:
			return nil
		case err != nil && ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return &UnreachableError{c.socket, fmt.Errorf("the daemon ended the stream: %w", err)}
		}
		if err := each(e); err != nil {
			return err
		}
	}
}
