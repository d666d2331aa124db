package exabgp

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of what is read.
const (
	maxBytes = 4 << 20
	maxLine  = 1 << 16
	maxDepth = 16
)

// statement is what ends with ';', '{' or '}'.
type statement struct {
	line  int
	words []string
	end   byte
}

// reader takes a text apart. As in ExaBGP a statement ends in its line, which goes on
// behind a backslash.
type reader struct {
	path string
	text string
	line int // of the text that was taken last
}

func (r *reader) errorf(line int, advice, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s: %s", r.path, line, fmt.Sprintf(format, args...), advice)
}

// next is a line with those that continue it, and the number of the first.
func (r *reader) next() (text string, line int, ok bool, err error) {
	line = r.line + 1
	for r.text != "" {
		physical, rest, _ := strings.Cut(r.text, "\n")
		r.text = rest
		r.line++
		physical = strings.TrimRight(physical, " \t\r\v\f")
		text += physical
		switch {
		case len(text) > maxLine:
			return "", line, false, r.errorf(r.line, "split it", "the line is longer than %d bytes", maxLine)
		case strings.ContainsRune(physical, 0):
			return "", line, false, r.errorf(r.line, "remove it", "a NUL byte is in the line")
		}
		if !strings.HasSuffix(physical, `\`) {
			return text, line, true, nil
		}
		text = strings.TrimSuffix(text, `\`) + " "
	}
	return text, line, text != "", nil
}

// statements are those of the whole text.
func (r *reader) statements() ([]statement, error) {
	var list []statement
	for {
		text, line, ok, err := r.next()
		if err != nil {
			return nil, err
		}
		if !ok {
			return list, nil
		}
		found, err := r.split(unescape(text), line)
		if err != nil {
			return nil, err
		}
		list = append(list, found...)
	}
}

// split takes a line apart into statements. Both quotes group, at any place of a word;
// brackets and commas are words of their own.
func (r *reader) split(text string, line int) ([]statement, error) {
	var list []statement
	var words []string
	var word strings.Builder
	begun := false // a word, perhaps an empty one in quotes
	end := func() {
		if begun {
			words = append(words, word.String())
			word.Reset()
			begun = false
		}
	}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '#':
			i = len(text)
		case ';', '{', '}':
			end()
			list = append(list, statement{line, words, c})
			words = nil
		case '[', ']', ',':
			end()
			words = append(words, string(c))
		case ' ', '\t', '\r':
			end()
		case '"', '\'':
			size := strings.IndexByte(text[i+1:], c)
			if size < 0 {
				return nil, r.errorf(line, "close it in the same line", "a quotation is not closed")
			}
			word.WriteString(text[i+1 : i+1+size])
			begun = true
			end()
			i += size + 1
		default:
			word.WriteByte(c)
			begun = true
		}
	}
	end()
	if len(words) > 0 {
		return nil, r.errorf(line, "write ; behind it, or \\ where the statement goes on in the next line", "%s does not end in its line", strconv.Quote(words[0]))
	}
	return list, nil
}

// letters behind a backslash with a meaning of their own.
var escapes = map[byte]byte{'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// unescape replaces what stands behind a backslash, as ExaBGP does before anything else.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		if s[i] == 'u' && i+4 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+5], 16, 32); err == nil && n != 0 && utf8.ValidRune(rune(n)) {
				b.WriteRune(rune(n))
				i += 4
				continue
			}
		}
		if e, ok := escapes[s[i]]; ok {
			b.WriteByte(e)
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
