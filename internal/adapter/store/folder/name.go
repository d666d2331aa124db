package folder

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"stead/internal/adapter/store"
)

const (
	registerSuffix = ".right" // of a register's directory
	valueSuffix    = ".value" // keeps a name from ending with a dot or a space, which SMB takes off
	temporary      = ".new-"  // what is not in its place yet begins with this
	nonceLength    = 8        // bytes
	mostNumber     = 1 << 62
)

// What a register may hold and SMB may not, and what stands for it. None needs
// quoting in a shell, and none is in a value.
var (
	escape   = strings.NewReplacer(" ", "+", ":", "@", "/", "%")
	unescape = strings.NewReplacer("+", " ", "@", ":", "%", "/")
)

// token is what a register holds. Number and nonce are its version.
type token struct {
	number uint64
	nonce  string
	value  string
}

func (t token) version() string { return strconv.FormatUint(t.number, 10) + "-" + t.nonce }

// parseVersion reads what version has written.
func parseVersion(version string) (number uint64, nonce string, ok bool) {
	digits, nonce, found := strings.Cut(version, "-")
	number, err := strconv.ParseUint(digits, 10, 64)
	ok = found && err == nil && number > 0 && number <= mostNumber && isNonce(nonce) && strconv.FormatUint(number, 10) == digits
	return number, nonce, ok
}

// numberName is the name of a version's directory. A listing in the order of names
// is one in the order of numbers for the first ten thousand million.
func numberName(number uint64) string { return fmt.Sprintf("%010d", number) }

// parseNumber reads what numberName has written: no other name is that of a version.
func parseNumber(name string) (uint64, bool) {
	number, err := strconv.ParseUint(name, 10, 64)
	return number, err == nil && number > 0 && number <= mostNumber && numberName(number) == name
}

// tokenName is the name of the directory within. It has at most 223 bytes of the 255
// that file systems and servers allow.
func tokenName(nonce, value string) string {
	return nonce + "-" + escape.Replace(value) + valueSuffix
}

// parseToken reads what tokenName has written.
func parseToken(name string) (nonce, value string, ok bool) {
	body, ended := strings.CutSuffix(name, valueSuffix)
	if !ended || len(body) <= 2*nonceLength || body[2*nonceLength] != '-' {
		return "", "", false
	}
	nonce, value = body[:2*nonceLength], unescape.Replace(body[2*nonceLength+1:])
	ok = isNonce(nonce) && store.CheckValue([]byte(value)) == nil && tokenName(nonce, value) == name
	return nonce, value, ok
}

func isNonce(nonce string) bool {
	raw, err := hex.DecodeString(nonce)
	return err == nil && len(raw) == nonceLength && strings.ToLower(nonce) == nonce
}
