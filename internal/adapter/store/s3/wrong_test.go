package s3

import (
	"crypto/rand"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stead/internal/adapter/store"
	"stead/test/stores"
)

// mustSay calls everything, and wants errors that have no meaning to a program and
// say what to do, on one line.
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
		case strings.Contains(err.Error(), "\n"):
			t.Errorf("%q: has several lines", err)
		}
	}
}

func TestAdvice(t *testing.T) {
	p := newPlace(t)
	t.Run("no bucket", func(t *testing.T) {
		mustSay(t, open(t, p.url("nobody-made-it", p.credentials)), "404 NoSuchBucket: create the bucket")
	})
	t.Run("wrong secret", func(t *testing.T) {
		mustSay(t, open(t, p.url(name, credentialsFile(t, stores.S3Access, "wrong"))), "403 SignatureDoesNotMatch: the credentials are wrong")
	})
	t.Run("unknown key", func(t *testing.T) {
		mustSay(t, open(t, p.url(name, credentialsFile(t, "nobody", "wrong"))), "the credentials are wrong")
	})
}

// TestAnswers gives answers that Amazon has and this service has not.
func TestAnswers(t *testing.T) {
	p := newPlace(t)
	for code, test := range map[string]struct {
		status int
		advice string
	}{
		"ExpiredToken":               {400, "have expired"},
		"AccessDenied":               {403, "s3:ListBucket"},
		"RequestTimeTooSkewed":       {403, "this machine's clock"},
		"PermanentRedirect":          {301, "another region"},
		"ConditionalRequestConflict": {409, "try again"},
		"SlowDown":                   {503, "fewer requests"},
		"NotImplemented":             {501, "does not know conditional writes"},
		"SomethingNew":               {418, "418 SomethingNew: said the test"},
	} {
		s := open(t, p.url(name, p.credentials))
		if _, err := s.Register("answers"+rand.Text()).Swap(t.Context(), "", []byte("turn=1")); err != nil {
			t.Fatal(err)
		}
		p.proxy.Next(http.MethodPut, answer(test.status, code))
		p.proxy.Next(http.MethodGet, answer(test.status, code))
		p.proxy.Next(http.MethodPut, answer(test.status, code))
		mustSay(t, s, test.advice)
	}
}

func TestMistakes(t *testing.T) {
	for _, variable := range []string{"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"} {
		t.Setenv(variable, "")
	}
	t.Setenv("AWS_CONFIG_FILE", "/nonexistent")
	readable := credentialsFile(t, "a", "b")
	if err := os.Chmod(readable, 0o644); err != nil {
		t.Fatal(err)
	}
	noCertificate := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(noCertificate, []byte("none"), 0o600); err != nil {
		t.Fatal(err)
	}
	for parameters, message := range map[string]string{
		"":                                 "the region is missing",
		"endpoint=storage.example":         "https://HOST or http://HOST was expected",
		"endpoint=https://u:p@example.net": "https://HOST or http://HOST was expected",
		"region=eu-central-1&ca=/none":     "ca: open /none",
		"region=eu-central-1&ca=" + noCertificate:          "holds no certificate",
		"region=eu-central-1&credentials-file=/none":       "credentials-file /none: file does not exist: [default]",
		"region=eu-central-1&credentials-file=" + readable: "mode 0644 lets others use it",
		"region=eu-central-1&profile=nobody":               "credentials: failed to get shared config profile, nobody",
	} {
		s, err := tryOpen("s3://bucket/prefix?" + parameters)
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), message) {
			t.Errorf("%q: %v; want %q", parameters, err, message)
		}
	}
}

// A file that was named goes before credentials that stand in the environment.
func TestNamedFileFirst(t *testing.T) {
	p := newPlace(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "nobody")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong")
	b := open(t, p.url(name, p.credentials)).Blob("named.txt")
	if err := b.Write(t.Context(), []byte("x")); err != nil {
		t.Error(err)
	}
	without := strings.Replace(p.url(name, ""), "&credentials-file=", "", 1)
	mustSay(t, open(t, without), "the credentials are wrong")
}

func TestNoCredentials(t *testing.T) {
	p := newPlace(t)
	for variable, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_PROFILE": "", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_SHARED_CREDENTIALS_FILE": "/nonexistent", "AWS_CONFIG_FILE": "/nonexistent",
	} {
		t.Setenv(variable, value)
	}
	without := strings.Replace(p.url(name, ""), "&credentials-file=", "", 1)
	mustSay(t, open(t, without), "sign in: no credentials: give credentials-file")
}
