package probe

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"stead/internal/core"
)

// numberLimit is how many bytes a file that is read for its number may hold.
const numberLimit = 64

// numberResult makes the result of a file that is read for its number. Whatever
// is no number has not been read: a file is empty for the moment in which
// somebody writes it.
func numberResult(path string, content []byte) Result {
	value, err := number(content)
	if err != nil {
		return notRun(fmt.Sprintf("%s: %v", path, err))
	}
	return Result{Outcome: core.Passed, Value: value}
}

// number reads a decimal number with or without a sign, within 32 bits, with
// space before and behind it. One that begins with a superfluous 0 is refused:
// keepalived reads it as octal.
func number(content []byte) (int, error) {
	if len(content) > numberLimit {
		return 0, fmt.Errorf("not a number: longer than %d bytes", numberLimit)
	}
	text := string(bytes.Trim(content, " \t\r\n\v\f"))
	value, err := strconv.ParseInt(text, 10, 32)
	digits := strings.TrimLeft(text, "+-")
	switch {
	case text == "":
		return 0, errors.New("not a number: empty")
	case errors.Is(err, strconv.ErrRange):
		return 0, fmt.Errorf("%s is not in -2147483648–2147483647", text)
	case err != nil:
		return 0, errors.New(notExpected([]byte(text), "not a number:"))
	case len(digits) > 1 && digits[0] == '0':
		return 0, fmt.Errorf("%s begins with 0: not clear whether it is octal", text)
	}
	return int(value), nil
}
