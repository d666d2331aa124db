package kubernetes

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"stead/internal/adapter/store"
)

// What is missing in a URL is said when the store is opened.
func TestOpenRefuses(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	tests := []struct{ url, says string }{
		{"kubernetes:///prod", "this is no pod of a cluster"},
		{"kubernetes:///prod?server=http://h:1&token-file=/t", "is not https://HOST:PORT"},
		{"kubernetes:///prod?server=https://u:p@h:1&token-file=/t", "is not https://HOST:PORT"},
		{"kubernetes:///prod?server=https://h:1", "token-file is missing"},
		{"kubernetes:///?server=https://h:1&token-file=/t", "the namespace is missing"},
		{"kubernetes:///Prod?server=https://h:1&token-file=/t", `namespace "Prod"`},
		{"kubernetes:///prod/a/b?server=https://h:1&token-file=/t", `prefix "a/b"`},
		{"kubernetes:///prod/A?server=https://h:1&token-file=/t", `prefix "A"`},
	}
	for _, test := range tests {
		spec, err := store.Parse(test.url)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), spec, store.Options{}); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v; want %q in it", test.url, err, test.says)
		}
	}
}

// In a pod, everything but the namespace comes from the service account.
func TestInCluster(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "2001:db8::1")
	t.Setenv("KUBERNETES_SERVICE_PORT", "443")
	s := openedAt(t, "kubernetes:///prod/pair")
	want := access{server: "https://[2001:db8::1]:443", namespace: "prod", tokenFile: account + "/token", caFile: account + "/ca.crt"}
	if s.access != want || s.prefix != "pair" {
		t.Errorf("%+v, prefix %q", s.access, s.prefix)
	}
}

// A token that everybody can read is none, and neither is an empty file.
func TestToken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	a := access{tokenFile: file}
	for _, test := range []struct {
		text string
		mode os.FileMode
		says string // empty: it is good
	}{
		{"abc\n", 0o600, ""},
		{"abc", 0o440, ""},
		{"abc", 0o644, "can be read by everybody (mode 0644)"},
		{"\n", 0o600, "holds no token"},
		{"a b", 0o600, "holds no token"},
	} {
		_ = os.Remove(file)
		if err := os.WriteFile(file, []byte(test.text), test.mode); err != nil {
			t.Fatal(err)
		}
		token, err := a.token()
		if test.says == "" && (err != nil || token != "abc") || test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)) {
			t.Errorf("%q, mode %o: %q, %v", test.text, test.mode, token, err)
		}
	}
	_ = os.Remove(file)
	if _, err := a.token(); err == nil {
		t.Error("a file that is not there is a token")
	}
}

func TestLeaseName(t *testing.T) {
	for _, test := range []struct{ key, name string }{
		{"groups/web", "stead.groups.web"},
		{"right", "stead.right"},
		{"a-b/c-2", "stead.a-b.c-2"},
		{"east/heartbeat.txt", "stead.east.heartbeat-txt--6a6a2206f9d68a4c"},
		{"East", "stead.east--4e2cd851cfdab8b5"},
		{"$$", "stead.key--"},
	} {
		if got := leaseName("stead", test.key); got != test.name && (test.name != "stead.key--" || !strings.HasPrefix(got, test.name)) {
			t.Errorf("%s: %s; want %s", test.key, got, test.name)
		}
	}
}

// subdomain is what Kubernetes takes for a name (RFC 1123).
var subdomain = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)

// Every key has a name that Kubernetes takes, and no two have the same.
func TestNamesDiffer(t *testing.T) {
	key := rapid.StringMatching(`[aAb.$_-]{1,4}(/[aA0._-]{1,3}){0,2}|[a-c]{180,200}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := key.Draw(t, "a"), key.Draw(t, "b")
		if c := rapid.Bool().Draw(t, "the name as a key"); c {
			b = strings.TrimPrefix(leaseName("stead", a), "stead.")
		}
		name := leaseName("stead", a)
		if !subdomain.MatchString(name) || len(name) > 253 {
			t.Fatalf("%q: %q is no name", a, name)
		}
		if a != b && name == leaseName("stead", b) {
			t.Fatalf("%q and %q are both %q", a, b, name)
		}
	})
}

// The fields that people read say what the record says, and leave out what they
// do not understand.
func TestSpec(t *testing.T) {
	for _, test := range []struct {
		record                      string
		holder, seconds, transition any
	}{
		{"epoch=7 state=held holder=east ttl=1500", "east", int64(2), uint64(7)},
		{"epoch=7 state=free holder=east ttl=1500", nil, int64(2), uint64(7)},
		{"epoch=99999999999 state=parked holder=e ttl=0", "e", nil, uint64(1<<31 - 1)},
		{"something else", nil, nil, nil},
	} {
		s := spec([]byte(test.record))
		if s["holderIdentity"] != test.holder || s["leaseDurationSeconds"] != test.seconds || s["leaseTransitions"] != test.transition || s["renewTime"] == nil {
			t.Errorf("%s: %v", test.record, s)
		}
	}
}
