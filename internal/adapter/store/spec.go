package store

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"
)

// Spec is a store as its URL names it. It has no secret: parameters name files.
type Spec struct {
	Kind   string            // folder, azblob, s3, etcd, kubernetes, consul
	Hosts  []string          // host or host:port; of s3: the bucket; none of folder and kubernetes
	Path   string            // folder: an absolute path; else without a '/' around it
	Params map[string]string // what stands behind the '?', never nil
}

// Options are what every kind of store is opened with.
type Options struct {
	// Timeout is how long one operation is going to be waited for, default 2 s. It
	// sets how soon a connection that does not answer is left for another one; each
	// call has its own context.
	Timeout time.Duration
	Log     *slog.Logger // where a client library's warnings go; nil: nowhere
}

// DefaultTimeout is that of one operation.
const DefaultTimeout = 2 * time.Second

// Complete returns o with defaults in the place of what is not set.
func (o Options) Complete() Options {
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Folder is the Spec of a folder.
func Folder(dir string) *Spec {
	return &Spec{Kind: "folder", Path: path.Clean(dir), Params: map[string]string{}}
}

// Flag tells whether a parameter that is "true" or "false" is true; it is false
// where it is not given. Parse has refused other values.
func (s *Spec) Flag(name string) bool { return s.Params[name] == "true" }

// String is the URL that Parse reads as s.
func (s *Spec) String() string {
	var b strings.Builder
	b.WriteString(s.Kind + ":")
	if s.Kind != "folder" {
		b.WriteString("//" + strings.Join(s.Hosts, ",") + "/")
	}
	b.WriteString(escaped(s.Path))
	divider := "?"
	for _, name := range slices.Sorted(maps.Keys(s.Params)) {
		b.WriteString(divider + name + "=" + escaped(s.Params[name]))
		divider = "&"
	}
	return b.String()
}

func escaped(text string) string {
	return strings.ReplaceAll((&url.URL{Path: text}).EscapedPath(), "&", "%26")
}

// Parse reads the URL of a store, such as
//
//	folder:/mnt/share/stead
//	azblob://account.blob.core.windows.net/container/prefix
//	s3://bucket/prefix?region=eu-central-1
//	etcd://h1:2379,h2:2379/prefix?ca=/etc/stead/etcd-ca.pem
//	kubernetes:///namespace
//	consul://127.0.0.1:8500/prefix
//
// An error names all that is wrong.
func Parse(text string) (*Spec, error) {
	kind, rest, ok := strings.Cut(text, ":")
	form, known := forms[kind]
	if !ok || !known {
		return nil, fmt.Errorf("store %q: does not begin with a kind of store and a colon: write %s", text, examples())
	}
	rest, query, _ := strings.Cut(rest, "?")
	s := &Spec{Kind: kind, Params: map[string]string{}}
	errs := []error{s.place(form, rest)}
	if query != "" {
		for pair := range strings.SplitSeq(query, "&") {
			errs = append(errs, s.param(form, pair))
		}
	}
	if form.check != nil && errors.Join(errs...) == nil {
		errs = append(errs, form.check(s))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("store %q: %w", text, err)
	}
	return s, nil
}

// place reads the hosts and the path.
func (s *Spec) place(form form, rest string) error {
	after, marked := strings.CutPrefix(rest, "//")
	hosts, escaped := "", rest
	if marked {
		hosts, escaped = after, ""
		if i := strings.IndexByte(after, '/'); i >= 0 {
			hosts, escaped = after[:i], after[i:]
		}
	}
	unescaped, err := url.PathUnescape(escaped)
	if err != nil {
		return fmt.Errorf("the path %q: a %% is not followed by two hexadecimal digits", escaped)
	}
	if !printable(unescaped) {
		return fmt.Errorf("the path %q: has a control character", unescaped)
	}
	if hosts != "" {
		s.Hosts = strings.Split(hosts, ",")
	}
	if strings.ContainsRune(hosts, '@') {
		return errors.New("has a user or a secret before the host: they are not in the URL, name a file by a parameter")
	}
	if err := form.hosts(s.Hosts); err != nil {
		return err
	}
	if s.Kind == "folder" {
		s.Path = path.Clean(unescaped)
		if !path.IsAbs(unescaped) {
			return fmt.Errorf("the folder %q is no absolute path: write folder:/mnt/share/stead", unescaped)
		}
		return nil
	}
	s.Path = strings.Trim(unescaped, "/")
	if form.path != "" && s.Path == "" {
		return fmt.Errorf("has no %s behind the host: write %s", form.path, form.example)
	}
	if s.Path == "" {
		return nil
	}
	return CheckBlobKey(s.Path)
}

// param reads one name=value.
func (s *Spec) param(form form, pair string) error {
	name, escaped, _ := strings.Cut(pair, "=")
	value, err := url.PathUnescape(escaped)
	if err != nil {
		return fmt.Errorf("the parameter %s: a %% is not followed by two hexadecimal digits", name)
	}
	if advice, secret := secrets[name]; secret && !slices.Contains(form.params, name) {
		return fmt.Errorf("the parameter %s: a secret is not in the URL: %s", name, advice)
	}
	if !slices.Contains(form.params, name) && !slices.Contains(form.flags, name) {
		return fmt.Errorf("the parameter %q is not known for %s, only %s", name, s.Kind,
			strings.Join(slices.Concat(form.params, form.flags), ", "))
	}
	if _, twice := s.Params[name]; twice {
		return fmt.Errorf("the parameter %s is given twice", name)
	}
	if value == "" || !printable(value) {
		return fmt.Errorf("the parameter %s: %q is empty or has a control character", name, value)
	}
	if slices.Contains(form.flags, name) && value != "true" && value != "false" {
		return fmt.Errorf("the parameter %s: %q is not true or false", name, value)
	}
	s.Params[name] = value
	return nil
}

func printable(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' })
}
