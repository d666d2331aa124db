package store

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]Spec{
		"folder:/mnt/share/stead":                                 {Kind: "folder", Path: "/mnt/share/stead"},
		"folder:///mnt/a%20b/":                                    {Kind: "folder", Path: "/mnt/a b"},
		"folder:/mnt/share?mounted=true":                          {Kind: "folder", Path: "/mnt/share", Params: map[string]string{"mounted": "true"}},
		"s3://bucket/prefix?region=eu-1":                          {Kind: "s3", Hosts: []string{"bucket"}, Path: "prefix", Params: map[string]string{"region": "eu-1"}},
		"etcd://h1:2379,h2:2379":                                  {Kind: "etcd", Hosts: []string{"h1:2379", "h2:2379"}},
		"etcd://[2001:db8::1]:2379/a/b/":                          {Kind: "etcd", Hosts: []string{"[2001:db8::1]:2379"}, Path: "a/b"},
		"etcd://h/p?ca=/a%3Fb.pem&tls=true":                       {Kind: "etcd", Hosts: []string{"h"}, Path: "p", Params: map[string]string{"ca": "/a?b.pem", "tls": "true"}},
		"kubernetes:///stead":                                     {Kind: "kubernetes", Path: "stead"},
		"consul://127.0.0.1:8500/stead":                           {Kind: "consul", Hosts: []string{"127.0.0.1:8500"}, Path: "stead"},
		"azblob://account.blob.core.windows.net/container/prefix": {Kind: "azblob", Hosts: []string{"account.blob.core.windows.net"}, Path: "container/prefix"},
	} {
		if want.Params == nil {
			want.Params = map[string]string{}
		}
		got, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if diff := cmp.Diff(&want, got); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
		if again, err := Parse(got.String()); err != nil || cmp.Diff(got, again) != "" {
			t.Errorf("%s is written as %s, which is read as %+v, %v", text, got, again, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                                  "does not begin with a kind",
		"/mnt/share":                        "does not begin with a kind",
		"http://h/":                         "does not begin with a kind",
		"folder:share":                      "no absolute path",
		"folder:":                           "no absolute path",
		"folder://host/share":               "names the host host",
		"folder:/mnt?ca=x":                  `the parameter "ca" is not known`,
		"folder:/mnt?mounted=yes":           "not true or false",
		"folder:/mnt/%zz":                   "two hexadecimal digits",
		"folder:/mnt/%00":                   "control character",
		"etcd://":                           "names no host",
		"etcd:///p":                         "names no host",
		"etcd://h:0/p":                      "not in 1–65535",
		"etcd://h:99999":                    "not in 1–65535",
		"etcd://h,h":                        "twice",
		"etcd://h,,g":                       "no name and no address",
		"etcd://::1":                        "stands in brackets",
		"etcd://user:secret@h":              "a secret before the host",
		"etcd://h?password=x":               "password-file",
		"etcd://h?cert=/a":                  "cert and key",
		"etcd://h?user=a":                   "user and password-file",
		"etcd://h?ca=/a&tls=false":          "tls=false",
		"etcd://h?ca=/a&ca=/b":              "twice",
		"etcd://h?ca=":                      "empty",
		"etcd://h/a//b":                     "empty part",
		"etcd://h/../b":                     "begins with a '.'",
		"consul://a:1,b:2":                  "2 hosts",
		"consul://h?token=x":                "token-file",
		"azblob://account.blob.example.com": "has no container",
		"kubernetes://h/stead":              "names the host h",
	} {
		spec, err := Parse(text)
		if err == nil {
			t.Errorf("%q is read as %+v", text, spec)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %q", text, err, want)
		}
	}
}

func TestParseTellsAllMistakes(t *testing.T) {
	_, err := Parse("etcd://h:0/p?nonsense=1&tls=maybe")
	for _, want := range []string{"65535", "nonsense", "maybe"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %q", err, want)
		}
	}
}

func TestFolder(t *testing.T) {
	parsed, err := Parse("folder:/mnt/share/")
	if err != nil || cmp.Diff(parsed, Folder("/mnt/share/")) != "" {
		t.Errorf("%+v, %v; want %+v", parsed, err, Folder("/mnt/share/"))
	}
}

func FuzzParse(f *testing.F) {
	for _, form := range forms {
		f.Add(form.example)
	}
	f.Add("folder:///mnt/a%20b%3F?mounted=false")
	f.Add("etcd://[::1]:1,h/p?ca=%26")
	f.Fuzz(func(t *testing.T, text string) {
		spec, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(spec.String())
		if err != nil || cmp.Diff(spec, again) != "" {
			t.Errorf("%q is written as %q, which is read as %+v, %v", text, spec, again, err)
		}
	})
}

func FuzzKey(f *testing.F) {
	f.Add("groups/web")
	f.Add("../x")
	f.Add("checkpoints/$default/0")
	f.Fuzz(func(t *testing.T, key string) {
		if CheckKey(key) == nil && CheckBlobKey(key) != nil {
			t.Errorf("%q may be the key of a register and not of a blob", key)
		}
		if CheckBlobKey(key) != nil {
			return
		}
		for part := range strings.SplitSeq(key, "/") {
			if part == "" || part == "." || part == ".." {
				t.Errorf("%q has the part %q", key, part)
			}
		}
	})
}
