package kubernetes

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// maxName is how long the readable part of a name gets. Kubernetes allows 253.
const maxName = 150

// leaseName makes the name of a Lease from a key: a DNS subdomain as RFC 1123 has
// it, another one for each key. "groups/web" is stead.groups.web; a key with
// characters that such names do not have is followed by "--" and a digest.
func leaseName(prefix, key string) string {
	readable := prefix + "." + strings.ReplaceAll(key, "/", ".")
	if plain(key) && len(readable) <= maxName {
		return readable
	}
	words := make([]byte, 0, maxName)
	last := byte('.')
	for _, c := range []byte(strings.ToLower(key)) {
		switch {
		case alphanumeric(c):
		case !alphanumeric(last): // no two of "-." in a row
			continue
		case c == '/':
			c = '.'
		default:
			c = '-'
		}
		if last = c; len(words) < maxName {
			words = append(words, c)
		}
	}
	digest := sha256.Sum256([]byte(key))
	name := strings.Trim(string(words), "-.")
	if name == "" {
		name = "key"
	}
	return prefix + "." + name + "--" + hex.EncodeToString(digest[:8])
}

// plain tells whether a key can be read back from its name: parts that begin and
// end with a lower-case letter or a digit, without two '-' in a row, divided by '/'.
func plain(key string) bool {
	last := byte('/')
	for _, c := range []byte(key) {
		if !alphanumeric(c) && (c != '-' && c != '/' || !alphanumeric(last)) {
			return false
		}
		last = c
	}
	return alphanumeric(last)
}

func alphanumeric(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' }
