package probe

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"stead/internal/core/health"
)

// pointer is a JSON pointer (RFC 6901): the way from the root of a document to one
// value in it. No tokens: the whole document.
type pointer []string

// parsePointer reads the string form of RFC 6901 section 3.
func parsePointer(text string) (pointer, error) {
	if text == "" {
		return nil, nil
	}
	if text[0] != '/' {
		return nil, fmt.Errorf("%q is no JSON pointer: it begins with /", text)
	}
	tokens := strings.Split(text[1:], "/")
	for i, token := range tokens {
		for j := range len(token) {
			if token[j] == '~' && (j+1 == len(token) || token[j+1] != '0' && token[j+1] != '1') {
				return nil, fmt.Errorf("%q is no JSON pointer: ~ is written ~0 in it", text)
			}
		}
		// In this order, or ~01 would become / (section 4).
		tokens[i] = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
	}
	return tokens, nil
}

// String returns the string form.
func (p pointer) String() string {
	var b strings.Builder
	for _, token := range p {
		b.WriteByte('/')
		b.WriteString(strings.ReplaceAll(strings.ReplaceAll(token, "~", "~0"), "/", "~1"))
	}
	return b.String()
}

// find returns the value that p leads to in a document, by the rules of section 4.
func (p pointer) find(document any) (any, error) {
	for i, token := range p {
		switch inner := document.(type) {
		case map[string]any:
			value, ok := inner[token]
			if !ok {
				return nil, fmt.Errorf("there is no %s", p[:i+1])
			}
			document = value
		case []any:
			index, ok := arrayIndex(token)
			if !ok || index >= len(inner) {
				return nil, fmt.Errorf("there is no %s in an array of %d", p[:i+1], len(inner))
			}
			document = inner[index]
		default:
			return nil, fmt.Errorf("there is no %s: what it is to be in is no object and no array", p[:i+1])
		}
	}
	return document, nil
}

// arrayIndex reads an index of an array: digits without zeros in front. "-" is the
// element behind the last one, which no document has.
func arrayIndex(token string) (int, bool) {
	index, err := strconv.Atoi(token)
	return index, err == nil && strconv.Itoa(index) == token && index >= 0
}

// byteOrderMark is what some writers put in front of a text.
var byteOrderMark = []byte("\xef\xbb\xbf")

// countIn reads the number to which p leads in a document: a JSON number, or a JSON
// string that holds one. A document that is no JSON may be the number itself.
func countIn(content []byte, p pointer) (health.Count, error) {
	content = bytes.TrimSpace(bytes.TrimPrefix(content, byteOrderMark))
	if len(content) == 0 {
		return health.Count{}, errors.New("empty")
	}
	if len(p) == 0 {
		if c, err := health.ParseCount(string(content)); err == nil {
			return c, nil
		}
	}
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber() // a float would round what is beyond 2^53
	var document any
	if err := decoder.Decode(&document); err != nil {
		return health.Count{}, fmt.Errorf("not JSON, or cut off: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return health.Count{}, errors.New("not one JSON document: something follows it")
	}
	value, err := p.find(document)
	if err != nil {
		return health.Count{}, err
	}
	var text string
	switch value := value.(type) {
	case json.Number:
		text = value.String()
	case string:
		text = strings.TrimSpace(value)
	default:
		return health.Count{}, fmt.Errorf("%s is no number", or(p.String(), "the document"))
	}
	c, err := health.ParseCount(text)
	if err != nil {
		return health.Count{}, fmt.Errorf("%s: %s: %w", or(p.String(), "the document"), notExpected([]byte(text), "it is"), err)
	}
	return c, nil
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
