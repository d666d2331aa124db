package object

import (
	"bytes"
	"crypto/rand"
	"fmt"

	"stead/internal/adapter/store"
)

// seal adds a line with a nonce to the value of a register, which has no line break.
func seal(value []byte) (body []byte, nonce string) {
	nonce = rand.Text()
	return fmt.Appendf(nil, "%s\n%s\n", value, nonce), nonce
}

// unseal divides what seal has put together.
func unseal(body []byte) (value []byte, nonce string, err error) {
	value, rest, first := bytes.Cut(body, []byte("\n"))
	line, end, second := bytes.Cut(rest, []byte("\n"))
	if !first || !second || len(end) > 0 || len(line) == 0 || store.CheckValue(value) != nil {
		return nil, "", fmt.Errorf("holds %d bytes that are no value of a register with its nonce: something else has written there", len(body))
	}
	return value, string(line), nil
}
