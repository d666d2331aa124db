package store

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
)

// form is what the URL of one kind of store looks like.
type form struct {
	example string
	hosts   func([]string) error
	path    string            // what the path is called where there has to be one
	params  []string          // what may stand behind the '?'
	flags   []string          // and what may with true or false
	check   func(*Spec) error // what remains to be said; may be nil
}

// forms has a line for each kind of store; package open has the other.
var forms = map[string]form{
	"folder":     {"folder:/mnt/share/stead", noHost, "", nil, []string{"mounted"}, nil},
	"azblob":     {"azblob://account.blob.core.windows.net/container/prefix", oneHost, "container", []string{"key-file", "sas-file", "connection-string-file", "client-id", "tenant-id", "account", "ca"}, []string{"plaintext"}, nil},
	"s3":         {"s3://bucket/prefix?region=eu-central-1", oneHost, "", []string{"region", "endpoint", "profile", "credentials-file", "ca"}, []string{"path-style"}, nil},
	"etcd":       {"etcd://h1:2379,h2:2379/prefix?ca=/etc/stead/etcd-ca.pem", someHosts, "", []string{"ca", "cert", "key", "server-name", "user", "password-file"}, []string{"tls"}, checkTLS},
	"kubernetes": {"kubernetes:///namespace", noHost, "", []string{"server", "ca", "cert", "key", "token-file"}, nil, checkTLS},
	"consul":     {"consul://127.0.0.1:8500/prefix", oneHost, "", []string{"ca", "cert", "key", "server-name", "token-file", "datacenter"}, []string{"tls"}, checkTLS},
}

// secrets are parameters that people try, and what they mean.
var secrets = map[string]string{
	"password":          "name a file by password-file",
	"token":             "name a file by token-file",
	"sas":               "name a file by sas-file",
	"sig":               "name a file with the whole signature by sas-file",
	"account-key":       "name a file by key-file",
	"secret-access-key": "name a file by credentials-file",
}

// Kinds are the kinds of store that Parse reads, sorted.
func Kinds() []string { return slices.Sorted(maps.Keys(forms)) }

func examples() string {
	var all []string
	for _, kind := range Kinds() {
		all = append(all, forms[kind].example)
	}
	return strings.Join(all[:len(all)-1], ", ") + " or " + all[len(all)-1]
}

func noHost(hosts []string) error {
	if len(hosts) > 0 {
		return fmt.Errorf("names the host %s, but this kind has none: write a third '/'", strings.Join(hosts, ","))
	}
	return nil
}

func oneHost(hosts []string) error {
	if len(hosts) != 1 {
		return fmt.Errorf("names %d hosts, not one", len(hosts))
	}
	return someHosts(hosts)
}

func someHosts(hosts []string) error {
	if len(hosts) == 0 {
		return errors.New("names no host")
	}
	for i, host := range hosts {
		if err := checkHost(host); err != nil {
			return err
		}
		if slices.Contains(hosts[:i], host) {
			return fmt.Errorf("names the host %s twice", host)
		}
	}
	return nil
}

// checkHost refuses what is no host or host:port; IPv6 addresses are in brackets.
func checkHost(host string) error {
	name, port := host, ""
	if strings.Contains(strings.TrimPrefix(host, "["), ":") {
		var err error
		if name, port, err = net.SplitHostPort(host); err != nil {
			if !strings.HasPrefix(host, "[") || !strings.HasSuffix(host, "]") {
				return fmt.Errorf("the host %q: is no host:port: an IPv6 address stands in brackets", host)
			}
			name, port = host[1:len(host)-1], ""
		} else if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return fmt.Errorf("the host %q: the port %q is not in 1–65535", host, port)
		}
	}
	if name == "" || strings.ContainsFunc(name, func(r rune) bool {
		return r > '~' || !strings.ContainsRune(letters+".-_:%[]", r)
	}) {
		return fmt.Errorf("the host %q: is no name and no address", host)
	}
	return nil
}

// checkTLS refuses half a pair, and TLS that is off and configured.
func checkTLS(s *Spec) error {
	if (s.Params["cert"] == "") != (s.Params["key"] == "") {
		return errors.New("cert and key go together: give both or none")
	}
	if s.Params["tls"] == "false" && s.TLS() {
		return errors.New("tls=false, but ca, cert or server-name is given")
	}
	if (s.Params["user"] == "") != (s.Params["password-file"] == "") {
		return errors.New("user and password-file go together: give both or none")
	}
	return nil
}

// TLS tells whether the connection is to be encrypted: tls is true, or there is a
// parameter that only TLS has a use for.
func (s *Spec) TLS() bool {
	return s.Flag("tls") || s.Params["ca"] != "" || s.Params["cert"] != "" || s.Params["server-name"] != ""
}
