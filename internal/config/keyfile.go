package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"stead/internal/secretfile"
)

// The bounds of secrets in bytes.
const (
	leastKey      = 16
	mostKey       = 4096
	leastHMAC     = 32 // of keepalived's auth_hmac
	mostHMAC      = 64
	mostPassword  = 8 // RFC 2338 section 5.3.6
	mostSecret    = 4096
	passwordWords = "write the password and nothing else into it"
)

// secretFile is a file with a secret, and what may be in it.
type secretFile struct {
	noun        string // key file
	path        string
	least, most int
	hex         bool // may be in hexadecimal digits
	advice      string
}

func keyAdvice(path string) string {
	return fmt.Sprintf("make one with: head -c 32 /dev/urandom | base64 > %s; chmod 600 %s", path, path)
}

func hmacAdvice(path string) string {
	return fmt.Sprintf("make one with: openssl rand -hex 32 | sed s/^/%s/ > %s; chmod 600 %s", secretfile.HexMark, path, path)
}

// LoadKeys reads the files with the secrets of cfg that its node needs: the keys of
// heartbeats into Security.Keys, the signing key first, those of virtual routers,
// of BGP and BFD sessions, the password of mail and the tokens of webhooks. Without cfg.Self it reads all.
// A client exchanges no heartbeats and holds no group: nothing is read on one.
// A file that others may read, that belongs to another user, or that is too short
// or too long is refused; all of these are reported together.
func LoadKeys(cfg *Config) error {
	if self, ok := cfg.Node(cfg.Self); ok && self.Role == RoleClient {
		return nil
	}
	var all []error
	read := func(f secretFile) []byte {
		secret, err := f.read()
		if err != nil {
			all = append(all, err)
		}
		return secret
	}
	keys := make([][]byte, 0, len(cfg.Security.KeyFiles))
	for _, path := range cfg.Security.KeyFiles {
		keys = append(keys, read(secretFile{noun: "key file", path: path, least: leastKey, most: mostKey, advice: keyAdvice(path)}))
	}
	secrets := make([]map[uint8][]byte, len(cfg.Groups))
	for i := range cfg.Groups {
		g := &cfg.Groups[i]
		if v := g.Election.VRRP; v != nil && v.Auth != nil && cfg.mayHold(g) {
			secrets[i] = v.Auth.read(read)
		}
	}
	sessions := cfg.readBGP(read)
	password, tokens := cfg.Notify.read(read)
	if len(all) > 0 {
		return errors.Join(unique(all)...)
	}
	if len(keys) > 0 {
		cfg.Security.Keys = keys
	}
	for i, of := range secrets {
		if of != nil {
			cfg.Groups[i].Election.VRRP.Auth.Keys = of
		}
	}
	sessions.put()
	if cfg.Notify.Email != nil {
		cfg.Notify.Email.Password = password
	}
	for i := range cfg.Notify.Webhooks {
		cfg.Notify.Webhooks[i].Token = tokens[i]
	}
	return nil
}

// unique leaves off what was said before: groups may share a file.
func unique(all []error) []error {
	seen := map[string]bool{}
	return slices.DeleteFunc(all, func(err error) bool {
		text := err.Error()
		defer func() { seen[text] = true }()
		return seen[text]
	})
}

// mayHold tells whether this node takes part in a group; each does where nobody asked.
func (c *Config) mayHold(g *Group) bool {
	return c.Self == "" || slices.ContainsFunc(g.Members, func(m Member) bool { return m.Node == c.Self })
}

func (a *VRRPAuth) read(read func(secretFile) []byte) map[uint8][]byte {
	keys := make(map[uint8][]byte, len(a.KeyFiles))
	for _, id := range slices.Sorted(maps.Keys(a.KeyFiles)) {
		path := a.KeyFiles[id]
		f := secretFile{noun: "key file", path: path, least: leastHMAC, most: mostHMAC, hex: true, advice: hmacAdvice(path)}
		if a.Type == AuthPassword {
			f = secretFile{noun: "password file", path: path, least: 1, most: mostPassword,
				advice: "keepalived sends the first 8 bytes of a longer password: write those"}
		}
		keys[id] = read(f)
	}
	return keys
}

func (n *Notify) read(read func(secretFile) []byte) (password []byte, tokens [][]byte) {
	if e := n.Email; e != nil && e.PasswordFile != "" {
		password = read(secretFile{noun: "password file", path: e.PasswordFile, least: 1, most: mostSecret, advice: passwordWords})
	}
	for _, w := range n.Webhooks {
		var token []byte
		if w.TokenFile != "" {
			token = read(secretFile{noun: "token file", path: w.TokenFile, least: 1, most: mostSecret, advice: "write the token and nothing else into it"})
		}
		tokens = append(tokens, token)
	}
	return password, tokens
}

func (s *secretFile) read() ([]byte, error) {
	return secretfile.File{Noun: s.noun, Path: s.path, Least: s.least, Most: s.most, Hex: s.hex, Advice: s.advice}.Read()
}
