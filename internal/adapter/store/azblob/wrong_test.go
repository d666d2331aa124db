package azblob

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"stead/internal/adapter/store"
	"stead/test/stores"
)

// mustSay calls everything, and wants errors that have no meaning to a program and
// say what to do, on one line and without a secret.
func mustSay(t *testing.T, s store.Store, advice string) {
	t.Helper()
	_, swapErr := s.Register("right").Swap(t.Context(), "", []byte("turn=1"))
	_, _, readErr := s.Register("right").Read(t.Context())
	writeErr := s.Blob("east/heartbeat.txt").Write(t.Context(), []byte("x"))
	for _, err := range []error{swapErr, readErr, writeErr} {
		switch {
		case err == nil || errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrAbsent):
			t.Errorf("%v; want another error", err)
		case !strings.Contains(err.Error(), advice):
			t.Errorf("%v; want it to say %q", err, advice)
		case strings.ContainsAny(err.Error(), "\n") || strings.Contains(err.Error(), "sig="):
			t.Errorf("%q: has several lines or a signature", err)
		}
	}
}

func TestAdvice(t *testing.T) {
	p := newPlace(t)
	wrongKey := base64.StdEncoding.EncodeToString([]byte("not the key of this account, but as long as one"))
	for name, test := range map[string]struct{ container, parameter, secret, advice string }{
		"no container":      {"nobody-made-it", "key-file", stores.AzureKey, "404 ContainerNotFound: create the container"},
		"wrong key":         {container, "key-file", wrongKey, "403 AuthorizationFailure: not allowed: the credentials are wrong or have expired"},
		"expired signature": {container, "sas-file", signature(t, -time.Hour), "403 AuthorizationFailure: not allowed: the credentials are wrong or have expired"},
	} {
		t.Run(name, func(t *testing.T) {
			mustSay(t, p.open(t, p.url(test.container, test.parameter+"="+url.PathEscape(secretFile(t, test.secret)))), test.advice)
		})
	}
}

// TestAnswers gives answers that Azure has and Azurite has not.
func TestAnswers(t *testing.T) {
	p := newPlace(t)
	for code, test := range map[string]struct {
		status int
		advice string
	}{
		"AuthenticationFailed":            {403, "has expired"},
		"AuthorizationPermissionMismatch": {403, "Storage Blob Data Contributor"},
		"LeaseIdMissing":                  {412, "somebody holds a lease on the blob"},
		"BlobImmutableDueToPolicy":        {409, "immutability"},
		"InvalidBlobType":                 {409, "another type"},
		"ContainerBeingDeleted":           {409, "being deleted"},
		"TooManyRequests":                 {429, "fewer requests"},
		"SomethingNew":                    {418, "418 SomethingNew"},
	} {
		answer := stores.Answers(test.status, map[string]string{"x-ms-error-code": code}, "")
		p.proxy.Next(http.MethodPut, answer)
		p.proxy.Next(http.MethodGet, answer)
		p.proxy.Next(http.MethodPut, answer)
		mustSay(t, p.byKey(t), test.advice)
	}
}

// A lease that somebody holds is respected, and is no lost race.
func TestLease(t *testing.T) {
	p := newPlace(t)
	key := "leased" + rand.Text()
	r := p.byKey(t).Register(key)
	version, err := r.Swap(t.Context(), "", []byte("turn=1"))
	if err != nil {
		t.Fatal(err)
	}
	lease := map[string]string{"x-ms-lease-action": "acquire", "x-ms-lease-duration": "15"}
	if status := p.request(t, http.MethodPut, "/"+container+"/prefix/"+key+"?comp=lease", lease); status != http.StatusCreated {
		t.Fatalf("acquire a lease: %d", status)
	}
	_, err = r.Swap(t.Context(), version, []byte("turn=2"))
	if err == nil || errors.Is(err, store.ErrConflict) || !strings.Contains(err.Error(), "somebody holds a lease") {
		t.Errorf("swap: %v", err)
	}
}

func TestCredentials(t *testing.T) {
	p := newPlace(t)
	connection := "DefaultEndpointsProtocol=http;AccountName=" + stores.AzureAccount + ";AccountKey=" + stores.AzureKey
	for name, credential := range map[string]string{
		"a signature":                          "sas-file=" + secretFile(t, signature(t, time.Hour)),
		"a signature with a question mark":     "sas-file=" + secretFile(t, "?"+signature(t, time.Hour)),
		"a connection string":                  "connection-string-file=" + secretFile(t, connection),
		"a connection string with a signature": "connection-string-file=" + secretFile(t, "SharedAccessSignature="+signature(t, time.Hour)),
	} {
		t.Run(name, func(t *testing.T) {
			b := p.open(t, p.url(container, credential)).Blob("credential.txt")
			if err := b.Write(t.Context(), []byte(name)); err != nil {
				t.Fatal(err)
			}
			if value, err := b.Read(t.Context()); err != nil || string(value) != name {
				t.Fatalf("read %q, %v", value, err)
			}
		})
	}
}

func TestMistakes(t *testing.T) {
	readable := secretFile(t, stores.AzureKey)
	if err := os.Chmod(readable, 0o644); err != nil {
		t.Fatal(err)
	}
	p := place{proxy: stores.Nowhere(t)}
	for _, test := range []struct{ container, parameters, message string }{
		{"x", "key-file=/none", `container "x": 3 to 63 lower-case letters`},
		{"Rights", "key-file=/none", `container "Rights"`},
		{container, "key-file=/none", "key-file /none: file does not exist: az storage"},
		{container, "key-file=" + readable, "mode 0644 lets others use it"},
		{container, "key-file=" + secretFile(t, "no base64!"), "more than one word"},
		{container, "key-file=" + secretFile(t, "nobase64!"), "is no key of a storage account"},
		{container, "sas-file=" + secretFile(t, "sv=2021"), "is no shared access signature"},
		{container, "connection-string-file=" + secretFile(t, "AccountName=other;AccountKey=eA=="), `is for the account "other"`},
		{container, "connection-string-file=" + secretFile(t, "AccountName="+stores.AzureAccount), "has neither"},
		{container, "key-file=/a&sas-file=/b", "key-file and sas-file are both given"},
		{container, "client-id=x&key-file=/none", "give one"},
		{container, "client-id=x", "plaintext=true shows the token"},
	} {
		s, err := tryOpen(p.url(test.container, test.parameters))
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), test.message) {
			t.Errorf("%s: %v; want %q", test.parameters, err, test.message)
		}
	}
}

// A right that somebody has deleted is lost to whoever knew its version.
func TestDeleted(t *testing.T) {
	p := newPlace(t)
	key := "deleted" + rand.Text()
	r := p.byKey(t).Register(key)
	version, err := r.Swap(t.Context(), "", []byte("turn=1"))
	if err != nil {
		t.Fatal(err)
	}
	if status := p.request(t, http.MethodDelete, "/"+container+"/prefix/"+key, nil); status != http.StatusAccepted {
		t.Fatalf("delete: %d", status)
	}
	if _, err := r.Swap(t.Context(), version, []byte("turn=2")); !errors.Is(err, store.ErrConflict) {
		t.Errorf("swap: %v", err)
	}
	if _, err := r.Swap(t.Context(), "", []byte("turn=1")); err != nil {
		t.Errorf("create it again: %v", err)
	}
}
