package kubernetes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// The server keeps one watch open for watchFor. A connection that is open watchSlack
// longer is dead. The next watch begins where the last one has ended, watchPause later.
const (
	watchFor   = time.Minute
	watchSlack = 10 * time.Second
	watchPause = 100 * time.Millisecond
)

// change is one event of a watch.
type change struct {
	Type   string `json:"type"`
	Object struct {
		Metadata struct {
			ResourceVersion string `json:"resourceVersion"`
		} `json:"metadata"`
		failure
	} `json:"object"`
}

// errExpired says that the server does not remember as far back as it was asked for.
var errExpired = errors.New("the watch has expired")

// Watch calls changed after each change of the Lease until ctx ends, the
// connection is lost or the server refuses. A watch that the server ends in its
// time goes on where it ended; one that has expired (410 Gone) starts anew, which
// counts as a change.
func (r *register) Watch(ctx context.Context, changed func()) error {
	if r.wrong != nil {
		return r.wrong
	}
	version := ""
	for {
		err := r.watch(ctx, &version, changed)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, errExpired):
			version = ""
			changed()
		case err != nil:
			return r.wrap("watch", err)
		}
		select { // a server that ends every watch at once is not asked in a loop
		case <-ctx.Done():
		case <-time.After(watchPause):
		}
	}
}

// watch follows the Lease from version until the server ends it. Without a
// version it begins with the Lease as it is.
func (r *register) watch(ctx context.Context, version *string, changed func()) error {
	query := url.Values{
		"watch": {"true"}, "allowWatchBookmarks": {"true"},
		"fieldSelector":  {"metadata.name=" + r.name},
		"timeoutSeconds": {strconv.Itoa(int(watchFor / time.Second))},
	}
	if *version != "" {
		query.Set("resourceVersion", *version)
	}
	ctx, cancel := context.WithTimeout(ctx, watchFor+watchSlack)
	defer cancel()
	resp, err := r.store.send(ctx, http.MethodGet, r.store.path("", query), "", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusGone {
		return errExpired
	}
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
		return r.store.refused("watch", resp, text)
	}
	return follow(json.NewDecoder(resp.Body), version, changed)
}

// follow reads the events of a watch to its end.
func follow(events *json.Decoder, version *string, changed func()) error {
	for {
		var c change
		if err := events.Decode(&c); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("kubernetes: %w", err)
		}
		switch {
		case c.Type == "ERROR" && c.Object.Code == http.StatusGone:
			return errExpired
		case c.Type == "ERROR":
			return fmt.Errorf("kubernetes: %d %s: %s", c.Object.Code, c.Object.Reason, c.Object.Message)
		}
		*version = c.Object.Metadata.ResourceVersion
		if c.Type != "BOOKMARK" {
			changed()
		}
	}
}
