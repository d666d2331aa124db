package config

import (
	"maps"
	"slices"

	"stead/internal/secretfile"
)

// The bounds of secrets of sessions in bytes.
const (
	mostMD5  = 80 // TCP_MD5SIG_MAXKEYLEN of the kernel
	mostSHA1 = 20 // RFC 5880 section 4.4
)

// sessionSecrets are secrets that were read, and where they go.
type sessionSecrets struct {
	passwords map[*BGPPeer][]byte
	keys      map[*BFDAuth]map[uint8][]byte
}

// readBGP reads the secrets of the sessions that the node has.
func (c *Config) readBGP(read func(secretFile) []byte) sessionSecrets {
	s := sessionSecrets{passwords: map[*BGPPeer][]byte{}, keys: map[*BFDAuth]map[uint8][]byte{}}
	if c.BGP != nil {
		for i := range c.BGP.Peers {
			p := &c.BGP.Peers[i]
			if c.Self != "" && !c.SpeaksTo(c.Self, p.Name) {
				continue
			}
			if p.PasswordFile != "" {
				s.passwords[p] = read(secretFile{noun: "password file", path: p.PasswordFile, least: 1, most: mostMD5, advice: passwordWords})
			}
			s.of(p.BFD, read)
		}
	}
	for i := range c.Groups {
		for j := range c.Groups[i].Checks {
			if c.mayHold(&c.Groups[i]) {
				s.of(c.Groups[i].Checks[j].BFD, read)
			}
		}
	}
	return s
}

func (s *sessionSecrets) of(d *BFD, read func(secretFile) []byte) {
	if d == nil || d.Auth == nil || s.keys[d.Auth] != nil {
		return
	}
	keys := make(map[uint8][]byte, len(d.Auth.KeyFiles))
	for _, id := range slices.Sorted(maps.Keys(d.Auth.KeyFiles)) {
		keys[id] = read(secretFile{noun: "key file", path: d.Auth.KeyFiles[id], least: 1, most: mostSHA1, hex: true,
			advice: "the key of SHA-1 has 1 to 20 bytes, or as many pairs of hexadecimal digits after " + secretfile.HexMark})
	}
	s.keys[d.Auth] = keys
}

func (s *sessionSecrets) put() {
	for p, password := range s.passwords {
		p.Password = password
	}
	for a, keys := range s.keys {
		a.Keys = keys
	}
}
