package s3

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"stead/internal/adapter/store"
)

// careless puts something before the place that writes without a condition, as a
// service does that does not know it.
func (p place) careless(t *testing.T, condition string) place {
	t.Helper()
	plain := p.raw()
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPut || r.Header.Get(condition) == "" {
			p.proxy.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		key := strings.TrimPrefix(r.URL.Path, "/"+name+"/")
		answer, err := plain.PutObject(r.Context(), &s3.PutObjectInput{Bucket: aws.String(name), Key: &key, Body: bytes.NewReader(body)})
		if err != nil {
			t.Error(err)
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("ETag", *answer.ETag)
	}))
	t.Cleanup(front.Close)
	p.front = strings.TrimPrefix(front.URL, "http://")
	return p
}

// A service that ignores conditions would give the same right to two nodes.
func TestServiceWithoutConditions(t *testing.T) {
	for _, condition := range []string{"If-Match", "If-None-Match"} {
		t.Run(condition, func(t *testing.T) {
			p := newPlace(t).careless(t, condition)
			s := open(t, p.url(name, p.credentials))
			for range 2 {
				mustFail(t, s, "does not keep to "+condition)
			}
			b := s.Blob("heartbeat.txt")
			if err := b.Write(t.Context(), []byte("1")); err != nil {
				t.Errorf("a heartbeat: %v", err)
			}
		})
	}
}

func mustFail(t *testing.T, s store.Store, message string) {
	t.Helper()
	r := s.Register("never" + rand.Text())
	_, err := r.Swap(t.Context(), "", []byte("turn=1"))
	if err == nil || errors.Is(err, store.ErrConflict) || !strings.Contains(err.Error(), message) {
		t.Errorf("swap: %v; want %q", err, message)
	}
	if _, _, err := r.Read(t.Context()); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("read: %v; want it absent", err)
	}
}

// The service is tried out once, with two requests where others have been before.
func TestTriedOnce(t *testing.T) {
	p := newPlace(t)
	for _, s := range []store.Store{open(t, p.url(name, p.credentials)), open(t, p.url(name, p.credentials))} {
		r := s.Register("once" + rand.Text())
		version, err := r.Swap(t.Context(), "", []byte("turn=1"))
		if err != nil {
			t.Fatal(err)
		}
		before := p.proxy.Requests(http.MethodPut)
		if _, err = r.Swap(t.Context(), version, []byte("turn=2")); err != nil {
			t.Fatal(err)
		}
		if n := p.proxy.Requests(http.MethodPut) - before; n != 1 {
			t.Errorf("the second swap took %d writes", n)
		}
	}
}

func TestMetadata(t *testing.T) {
	p := newPlace(t)
	_, err := p.raw().PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: aws.String(name), Key: aws.String("prefix/checkpoint"), Metadata: map[string]string{"Sequence-Number": "3462", "offset": "774464"},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, p.url(name, p.credentials))
	for named, want := range map[string]string{"sequence-number": "3462", "Offset": "774464"} {
		if got, err := s.Metadata(t.Context(), "checkpoint", named); err != nil || got != want {
			t.Errorf("metadata %s: %q, %v; want %q", named, got, err, want)
		}
	}
	if _, err := s.Metadata(t.Context(), "checkpoint", "epoch"); err == nil || errors.Is(err, store.ErrAbsent) {
		t.Errorf("a name that is not there: %v", err)
	}
	if _, err := s.Metadata(t.Context(), "none", "offset"); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("an object that is not there: %v", err)
	}
}

// Something else has written under the key of a right.
func TestForeignContent(t *testing.T) {
	p := newPlace(t)
	s := open(t, p.url(name, p.credentials))
	for _, text := range []string{"", "x", "x\n", "x\nnonce", "x\nnonce\nmore", "\nnonce\n", "x\n\n", strings.Repeat("x", 999) + "\nnonce\n", "ü\nnonce\n"} {
		if err := s.Blob("foreign").Write(t.Context(), []byte(text)); err != nil {
			t.Fatal(err)
		}
		value, _, err := s.Register("foreign").Read(t.Context())
		if err == nil || errors.Is(err, store.ErrAbsent) || !strings.Contains(err.Error(), "something else has written there") {
			t.Errorf("read of %q: %q, %v", text, value, err)
		}
		if _, err := s.Register("foreign").Swap(t.Context(), "", []byte("turn=1")); !errors.Is(err, store.ErrConflict) {
			t.Errorf("swap over %q: %v", text, err)
		}
	}
}

// A right that somebody has deleted is lost to whoever knew its version.
func TestDeleted(t *testing.T) {
	p := newPlace(t)
	key := "deleted" + rand.Text()
	r := open(t, p.url(name, p.credentials)).Register(key)
	version, err := r.Swap(t.Context(), "", []byte("turn=1"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.raw().DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(name), Key: aws.String("prefix/" + key)}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Swap(t.Context(), version, []byte("turn=2")); !errors.Is(err, store.ErrConflict) {
		t.Errorf("swap: %v", err)
	}
	if _, err := r.Swap(t.Context(), "", []byte("turn=1")); err != nil {
		t.Errorf("create it again: %v", err)
	}
}
