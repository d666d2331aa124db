package s3

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"stead/internal/adapter/store"
	"stead/internal/adapter/store/object/objecttest"
	"stead/internal/adapter/store/storetest"
	"stead/test/stores"
)

var service = stores.Shared{Start: stores.S3}

func TestMain(m *testing.M) { os.Exit(service.Run(m)) }

const name = "rights"

// place is a bucket that exists, behind a proxy, and the file with the credentials.
type place struct {
	proxy       *stores.Proxy
	credentials string
	front       string // what stands before the proxy, if anything
}

func newPlace(t *testing.T) place {
	t.Helper()
	p := place{proxy: service.Get(t).Proxy(t), credentials: credentialsFile(t, stores.S3Access, stores.S3Secret)}
	created.Do(func() {
		if _, err := p.raw().CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(name)}); err != nil {
			t.Fatal(err)
		}
	})
	return p
}

var created sync.Once

// raw is Amazon's client as it is.
func (p place) raw() *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: aws.String("http://" + p.proxy.Address()), UsePathStyle: true, Region: "us-east-1",
		Credentials: credentials.NewStaticCredentialsProvider(stores.S3Access, stores.S3Secret, ""),
	})
}

func credentialsFile(t *testing.T, access, secret string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "credentials")
	text := fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", access, secret)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// url names the store in a bucket.
func (p place) url(bucket, file string) string {
	address := p.front
	if address == "" {
		address = p.proxy.Address()
	}
	return fmt.Sprintf("s3://%s/prefix?endpoint=%s&path-style=true&credentials-file=%s", bucket,
		url.PathEscape("http://"+address), url.PathEscape(file))
}

func open(t *testing.T, at string) store.Store {
	t.Helper()
	s, err := tryOpen(at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func tryOpen(at string) (store.Store, error) {
	spec, err := store.Parse(at)
	if err != nil {
		return nil, err
	}
	return Open(context.Background(), spec, store.Options{}.Complete())
}

func TestStore(t *testing.T) {
	p := newPlace(t)
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, p.url(name, p.credentials)) })
}

func TestFaults(t *testing.T) {
	p := newPlace(t)
	objecttest.Run(t, objecttest.Place{
		Proxy: p.proxy,
		Open:  func(t *testing.T) store.Store { return open(t, p.url(name, p.credentials)) },
		Busy:  answer(http.StatusServiceUnavailable, "SlowDown"),
	})
}

// answer is an error in the words of S3.
func answer(status int, code string) stores.Fault {
	text := fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>said the test</Message></Error>`, code)
	return stores.Answers(status, map[string]string{"Content-Type": "application/xml"}, text)
}
