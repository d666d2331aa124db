package kubernetes

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"stead/internal/adapter/store"
)

const (
	annotation = "stead.dev/record"        // the value, where it is text
	encoded    = "stead.dev/record-base64" // the value, where it is not
	mergePatch = "application/merge-patch+json"
)

// object is what is read of a Lease.
type object struct {
	Kind     string `json:"kind"`
	Metadata struct {
		UID             string            `json:"uid"`
		ResourceVersion string            `json:"resourceVersion"`
		Annotations     map[string]string `json:"annotations"`
	} `json:"metadata"`
}

// version is what a register's version consists of: an object that was deleted
// and made again is another one.
func (o *object) version() string { return o.Metadata.UID + " " + o.Metadata.ResourceVersion }

// value returns what the annotation holds; a Lease without one is an empty value.
func (o *object) value() ([]byte, error) {
	if text, ok := o.Metadata.Annotations[annotation]; ok {
		return []byte(text), nil
	}
	value, err := base64.StdEncoding.DecodeString(o.Metadata.Annotations[encoded])
	if err != nil {
		return nil, fmt.Errorf("kubernetes: annotation %s: %w", encoded, err)
	}
	return value, nil
}

// fields is a part of an object as it is sent; a nil value removes a field.
type fields map[string]any

// annotations returns a value as annotations.
func annotations(value []byte) fields {
	if utf8.Valid(value) {
		return fields{annotation: string(value), encoded: nil}
	}
	return fields{annotation: nil, encoded: base64.StdEncoding.EncodeToString(value)}
}

// spec returns the fields of a Lease's spec that a record fills, for people. What
// it does not understand it leaves out: the record is what counts.
func spec(value []byte) fields {
	record := map[string]string{}
	for _, word := range strings.Fields(string(value)) {
		if name, text, ok := strings.Cut(word, "="); ok {
			record[name] = text
		}
	}
	s := fields{"renewTime": stamp(), "holderIdentity": nil, "leaseDurationSeconds": nil, "leaseTransitions": nil}
	if holder := record["holder"]; holder != "" && record["state"] != "free" {
		s["holderIdentity"] = holder
	}
	if ms, err := strconv.ParseInt(record["ttl"], 10, 64); err == nil && ms > 0 && ms < 1<<40 {
		s["leaseDurationSeconds"] = (ms + 999) / 1000
	}
	if epoch, err := strconv.ParseUint(record["epoch"], 10, 64); err == nil {
		s["leaseTransitions"] = min(epoch, 1<<31-1)
	}
	return s
}

// lease is one object of a store.
type lease struct {
	store *Store
	name  string
	wrong error // with the key that it was made from
}

func (l lease) wrap(what string, err error) error {
	return fmt.Errorf("%s lease %s/%s: %w", what, l.store.access.namespace, l.name, err)
}

func (l lease) get(ctx context.Context) (*object, error) {
	if l.wrong != nil {
		return nil, l.wrong
	}
	o, err := l.store.object(ctx, http.MethodGet, l.store.path(l.name, nil), "", nil)
	if err != nil {
		return nil, l.wrap("read", err)
	}
	return o, nil
}

// create makes the Lease; ErrConflict where there is one.
func (l lease) create(ctx context.Context, value []byte, spec fields) (*object, error) {
	metadata := fields{
		"name": l.name, "namespace": l.store.access.namespace, "annotations": present(annotations(value)),
		"labels": fields{"app.kubernetes.io/managed-by": "stead"},
	}
	o, err := l.write(ctx, http.MethodPost, "", "application/json", fields{
		"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": present(spec),
	})
	if err != nil {
		return nil, l.wrap("create", err)
	}
	return o, nil
}

// patch replaces the value. With a version, what it does not fit is not changed.
func (l lease) patch(ctx context.Context, version string, value []byte, spec fields) (*object, error) {
	metadata := fields{"annotations": annotations(value)}
	if version != "" {
		uid, number, ok := strings.Cut(version, " ")
		if !ok || uid == "" || number == "" {
			return nil, l.wrap("write", fmt.Errorf("version %q is none of this store", version))
		}
		metadata["uid"], metadata["resourceVersion"] = uid, number
	}
	o, err := l.write(ctx, http.MethodPatch, l.name, mergePatch, fields{"metadata": metadata, "spec": spec})
	if err != nil {
		return nil, l.wrap("write", err)
	}
	return o, nil
}

func (l lease) write(ctx context.Context, method, name, kind string, body fields) (*object, error) {
	if l.wrong != nil {
		return nil, l.wrong
	}
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	return l.store.object(ctx, method, l.store.path(name, url.Values{"fieldManager": {"stead"}}), kind, text)
}

// present leaves out what would be removed: a new object has nothing to remove.
func present(f fields) fields {
	set := fields{}
	for name, value := range f {
		if value != nil {
			set[name] = value
		}
	}
	return set
}

var (
	_ store.Store   = (*Store)(nil)
	_ store.Watcher = (*register)(nil)
	_ store.Blob    = (*blob)(nil)
)
