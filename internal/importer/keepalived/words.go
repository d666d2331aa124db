package keepalived

import "strings"

// scripts are the directives whose line is read again, with quotes and escapes as
// a shell has them.
var scripts = map[string]bool{
	"script": true, "notify": true, "notify_master": true, "notify_backup": true, "notify_fault": true, "notify_stop": true,
	"notify_deleted": true, "notify_master_rx_lower_pri": true, "startup_script": true, "shutdown_script": true,
	"notify_fifo_script": true, "vrrp_notify_fifo_script": true, "lvs_notify_fifo_script": true,
	"notify_up": true, "notify_down": true, "quorum_up": true, "quorum_down": true, "misc_path": true,
}

// split is how keepalived takes a line apart: words, and texts in double quotes.
// It is false when a quote is not closed.
func split(s string) (words []string, ok bool) {
	for s = strings.TrimLeft(s, " \t"); s != ""; s = strings.TrimLeft(s, " \t") {
		if s[0] == '"' {
			word, rest, closed := strings.Cut(s[1:], `"`)
			if !closed {
				return append(words, word), false
			}
			words, s = append(words, word), rest
			continue
		}
		end := strings.IndexAny(s, " \t\"")
		if end < 0 {
			end = len(s)
		}
		words, s = append(words, s[:end]), s[end:]
	}
	return words, true
}

// splitQuoted takes a line apart as a shell does: quotes of both kinds group, and
// stand anywhere in a word. With escapes, \n and its like become the character;
// without, they stay as they are. It is false when a quote or an escape is open.
func splitQuoted(s string, escapes bool) (words []string, ok bool) {
	for i := skipSpace(s, 0); i < len(s); i = skipSpace(s, i) {
		var word strings.Builder
		quote := byte(0)
	word:
		for ; i < len(s); i++ {
			switch c := s[i]; {
			case c == '\\':
				if i+1 == len(s) {
					return nil, false
				}
				if !escapes {
					word.WriteString(s[i : i+2])
					i++
					continue
				}
				b, size := escape(s[i+1:])
				word.WriteByte(b)
				i += size
			case quote != 0 && c == quote:
				quote = 0
			case quote != 0:
				word.WriteByte(c)
			case c == '"' || c == '\'':
				quote = c
			case c == ' ' || c == '\t':
				break word
			default:
				word.WriteByte(c)
			}
		}
		if quote != 0 {
			return nil, false
		}
		words = append(words, word.String())
	}
	return words, true
}

func skipSpace(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\t') {
		i++
	}
	return i
}

// plainEscapes are the letters after a backslash with a meaning of their own.
var plainEscapes = map[byte]byte{'a': 7, 'b': 8, 'E': 27, 'f': 12, 'n': 10, 'r': 13, 't': 9, 'v': 11}

// escape reads what follows a backslash, and how many bytes that is.
func escape(s string) (b byte, size int) {
	switch c := s[0]; {
	case c == 'x' && len(s) > 1 && digit(s[1], 16):
		return number(s[1:], 2, 16)
	case c == 'c' && len(s) > 1:
		return s[1] & 0x1f, 2
	case digit(c, 8):
		b, size = number(s, 3, 8)
		return b, size - 1
	default:
		if e, ok := plainEscapes[c]; ok {
			return e, 1
		}
		return c, 1
	}
}

// number reads at most n digits; size counts the letter before them.
func number(s string, n, base int) (b byte, size int) {
	for size < n && size < len(s) && digit(s[size], base) {
		b = b*byte(base) + digitValue(s[size])
		size++
	}
	return b, size + 1
}

func digitValue(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	default:
		return c - '0'
	}
}

func digit(c byte, base int) bool {
	return c >= '0' && c <= '7' || base == 16 && (c == '8' || c == '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F')
}
