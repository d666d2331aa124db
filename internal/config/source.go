package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// maxSize of a configuration file in bytes.
const maxSize = 1 << 20

// readFile reads a configuration file, but no more of it than may be parsed.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fileError(path, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, fileError(path, err)
	}
	return data, nil
}

func fileError(path string, err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	advice := ""
	if errors.Is(err, os.ErrNotExist) {
		advice = " (name the configuration file)"
	}
	return fmt.Errorf("%s: %w%s", path, err, advice)
}

// document parses data into the root node of its only document. A nil node
// comes with a problem: nothing more can be said about such a file.
func document(file string, data []byte) (*yaml.Node, *Problem) {
	if p := unreadable(file, data); p != nil {
		return nil, p
	}
	loader, err := yaml.NewLoader(bytes.NewReader(data))
	if err != nil {
		return nil, syntaxProblem(file, data, err)
	}
	var doc, second yaml.Node
	if err := loader.Load(&doc); errors.Is(err, io.EOF) {
		return nil, &Problem{File: file, What: "the file is empty", Expected: "a mapping with the key nodes",
			Advice: "start with nodes: and groups:"}
	} else if err != nil {
		return nil, syntaxProblem(file, data, err)
	}
	if len(doc.Content) != 1 {
		return nil, &Problem{File: file, Line: doc.Line, Column: doc.Column, What: "the file holds no value", Expected: "a mapping"}
	}
	if err := loader.Load(&second); err == nil {
		return nil, &Problem{File: file, Line: second.Line, Column: second.Column, Text: "---",
			What: "a second document starts here", Expected: "one document", Advice: "put everything into one document"}
	} else if !errors.Is(err, io.EOF) {
		return nil, syntaxProblem(file, data, err)
	}
	return doc.Content[0], nil
}

// unreadable finds what a YAML reader would refuse without saying where.
func unreadable(file string, data []byte) *Problem {
	if len(data) > maxSize {
		return &Problem{File: file, What: "the file is larger than 1 MiB", Expected: "at most 1048576 bytes",
			Advice: "is this the right file?"}
	}
	line, column := 1, 1
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		bad := r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0x7f || r >= 0x80 && r < 0xa0 && r != 0x85 ||
			r == 0xfffe || r == 0xffff
		switch {
		case r == utf8.RuneError && n == 1:
			return &Problem{File: file, Line: line, Column: column, Text: fmt.Sprintf("%#02x", data[i]),
				What: fmt.Sprintf("byte %#02x is not UTF-8", data[i]), Expected: "UTF-8 text", Advice: "save the file as UTF-8"}
		case bad:
			return &Problem{File: file, Line: line, Column: column, Text: fmt.Sprintf("%q", r),
				What: fmt.Sprintf("control character %q", r), Expected: "printable text", Advice: `remove it, or write it as an escape in "double quotes"`}
		case r == '\n':
			line, column = line+1, 0
		}
		i += n
		column++
	}
	return nil
}

// syntaxWords turns the YAML reader's messages into words about the file.
var syntaxWords = []struct{ has, what, advice string }{
	{"tab character", "a tab stands where the line is indented", "indent with spaces"},
	{"cannot start any token", "a value cannot start with this character", `put the value into "double quotes"`},
	{"mapping values are not allowed", "a second ': ' on one line", `put a value that contains ': ' into "double quotes", and check the indentation above`},
	{"could not find expected ':'", "a key without ':'", "write key: value"},
	{"unexpected end of stream", "a quoted text that does not end", "add the closing quote"},
	{"expected ',' or '}'", "a '{' that is not closed", "add ',' between the entries and '}' at the end"},
	{"expected ',' or ']'", "a '[' that is not closed", "add ',' between the entries and ']' at the end"},
	{"expected '-' indicator", "a list and a mapping mixed at one indentation", "indent the entries alike"},
	{"expected key", "a line that is indented unlike those above it", "indent keys of one mapping alike"},
	{"<document start>", "a line that is indented unlike those above it", "indent keys of one mapping alike"},
	{"expected node content", "a value is missing, or a bracket is not closed", "check this line and the one before"},
	{"unknown anchor", "an alias (*name) without its anchor (&name)", "define the anchor before its use"},
	{"unknown escape", "an unknown escape in a quoted text", `write \\ for a backslash, or use 'single quotes'`},
	{"exceeded max depth", "values nested too deeply", "is this the right file?"},
}

func syntaxProblem(file string, data []byte, err error) *Problem {
	p := &Problem{File: file, Expected: "valid YAML"}
	message := err.Error()
	var le *yaml.LoadError
	if errors.As(err, &le) {
		message = le.Message
		p.Line, p.Column = le.Mark.Line, le.Mark.Column
		// An open bracket or quote is found at the end of the file; where it opens helps more.
		if le.ContextMark.Line > 0 && (strings.Contains(le.ContextMsg, "flow") || strings.Contains(le.ContextMsg, "quoted")) {
			p.Line, p.Column = le.ContextMark.Line, le.ContextMark.Column
		}
	}
	if tabIndents(data, p.Line) {
		message = "tab character"
	}
	for _, w := range syntaxWords {
		if strings.Contains(message, w.has) {
			p.What, p.Advice = w.what, w.advice
			return p
		}
	}
	p.What = "not valid YAML: " + strings.ReplaceAll(message, "\n", " ")
	return p
}

// tabIndents tells whether the indentation of a line holds a tab.
func tabIndents(data []byte, line int) bool {
	lines := bytes.Split(data, []byte("\n"))
	if line < 1 || line > len(lines) {
		return false
	}
	text := lines[line-1]
	return bytes.ContainsRune(text[:len(text)-len(bytes.TrimLeft(text, " \t"))], '\t')
}
