package kubernetes

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"stead/internal/adapter/store"
)

// maxAnswer bounds what is read of an answer: an object has at most 1.5 MiB.
const maxAnswer = 2 << 20

// rule is what a Role has to allow.
const rule = `the Role needs apiGroups ["coordination.k8s.io"], resources ["leases"], verbs ["get", "create", "patch", "watch"]`

// failure is the Status that an API server answers with when it refuses
// (k8s.io/apimachinery, meta/v1).
type failure struct {
	Code    int    `json:"code"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
	Details struct {
		Kind string `json:"kind"`
	} `json:"details"`
}

// path returns the address of the Leases of the namespace, or of one.
func (s *Store) path(name string, query url.Values) string {
	path := s.access.server + "/apis/coordination.k8s.io/v1/namespaces/" + s.access.namespace + "/leases"
	if name != "" {
		path += "/" + name
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return path
}

// send sends one request and returns its answer, whatever its status is. The
// token is read anew each time.
func (s *Store) send(ctx context.Context, method, address, kind string, body []byte) (*http.Response, error) {
	token, err := s.access.token()
	if err != nil {
		return nil, fmt.Errorf("kubernetes: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("kubernetes: %w", err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "stead")
	if body != nil {
		req.Header.Set("Content-Type", kind)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("kubernetes: %w", bare(err))
	}
	return resp, nil
}

// bare takes the method and the address off an error of the client: the caller
// says which Lease it is about.
func bare(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

// object sends a request and returns the Lease that is answered.
func (s *Store) object(ctx context.Context, method, address, kind string, body []byte) (*object, error) {
	resp, err := s.send(ctx, method, address, kind, body)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("kubernetes: %s: the answer: %w", resp.Status, err)
	}
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusCreated {
		return nil, s.refused(method, resp, text)
	}
	var o object
	if err := json.Unmarshal(text, &o); err != nil {
		return nil, fmt.Errorf("kubernetes: the answer is no Lease: %w", err)
	}
	if o.Kind != "Lease" || o.Metadata.ResourceVersion == "" || o.Metadata.UID == "" {
		return nil, fmt.Errorf("kubernetes: the answer is no Lease of an API server, but kind %q", o.Kind)
	}
	return &o, nil
}

// refused makes an error of an answer. Only what the API server itself says with
// its reason is certain; a page that a proxy shows is not.
func (s *Store) refused(method string, resp *http.Response, text []byte) error {
	var f failure
	if json.Unmarshal(text, &f) != nil || f.Code != resp.StatusCode {
		return fmt.Errorf("kubernetes: %s from %s: this is no answer of an API server", resp.Status, s.access.server)
	}
	said := strings.TrimSpace(f.Message)
	switch {
	case f.Reason == "Conflict" || f.Reason == "AlreadyExists":
		return fmt.Errorf("kubernetes: %w", store.ErrConflict)
	case f.Reason == "NotFound" && f.Details.Kind == "leases":
		return fmt.Errorf("kubernetes: %w", store.ErrAbsent)
	case f.Reason == "NotFound":
		return fmt.Errorf("kubernetes: %s: create the namespace %s first", said, s.access.namespace)
	case resp.StatusCode == http.StatusForbidden:
		return fmt.Errorf("kubernetes: %s (%s in namespace %s)", said, rule, s.access.namespace)
	case resp.StatusCode == http.StatusUnauthorized:
		return fmt.Errorf("kubernetes: %s does not accept the credentials in %s: they have ended, or belong to another cluster", s.access.server, s.access.tokenFile+s.access.certFile)
	}
	return fmt.Errorf("kubernetes: %s %s: %s", method, resp.Status, said)
}
