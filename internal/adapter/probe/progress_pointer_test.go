package probe

import (
	"encoding/json"
	"strings"
	"testing"

	"stead/internal/core/health"
)

// RFC 6901 section 5: its document, and what each of its pointers leads to.
func TestPointerLeadsWhereRFC6901Says(t *testing.T) {
	const document = `{"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, "k\"l": 6, " ": 7, "m~n": 8}`
	for text, want := range map[string]string{
		"": document, "/foo": `["bar", "baz"]`, "/foo/0": `"bar"`, "/": "0", "/a~1b": "1", "/c%d": "2", "/e^f": "3",
		"/g|h": "4", `/i\j`: "5", `/k"l`: "6", "/ ": "7", "/m~0n": "8",
	} {
		p, err := parsePointer(text)
		if err != nil {
			t.Fatal(err)
		}
		if p.String() != text {
			t.Errorf("%q becomes %q", text, p)
		}
		value, err := p.find(parsed(t, document))
		got, _ := json.Marshal(value)
		expected, _ := json.Marshal(parsed(t, want))
		if err != nil || string(got) != string(expected) {
			t.Errorf("%q: %s, %v; want %s", text, got, err, expected)
		}
	}
}

func parsed(t *testing.T, document string) (value any) {
	t.Helper()
	if err := json.Unmarshal([]byte(document), &value); err != nil {
		t.Fatal(err)
	}
	return value
}

func TestPointerThatLeadsNowhere(t *testing.T) {
	document := parsed(t, `{"foo": ["bar", {"~1": 1}], "n": 5, "null": null}`)
	for text, want := range map[string]string{
		"/bar": "no /bar", "/foo/2": "no /foo/2 in an array of 2", "/foo/-": "no /foo/-", "/foo/00": "no /foo/00", "/foo/01": "no /foo/01",
		"/foo/+1": "no /foo/+1", "/foo/-1": "no /foo/-1", "/foo/1e0": "no /foo/1e0", "/n/x": "no object", "/null/x": "no object",
		"/foo/0/0": "no object", "/Foo": "no /Foo", "/foo/": "no /foo/", "/foo/1/~1": "no /foo/1/~1", "/foo/99999999999999999999": "no /foo/9",
	} {
		p, err := parsePointer(text)
		if err != nil {
			t.Fatal(err)
		}
		if value, err := p.find(document); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v; want %q", text, value, err, want)
		}
	}
	// Section 4: ~01 is ~1 and not /.
	p, _ := parsePointer("/foo/1/~01")
	if value, err := p.find(document); err != nil || value != 1.0 {
		t.Errorf("%v, %v", value, err)
	}
	for _, text := range []string{"foo", "#/foo", "/~", "/~2", "/a/b~", "/~~0"} {
		if p, err := parsePointer(text); err == nil {
			t.Errorf("%q is taken for %q", text, p)
		}
	}
}

func TestCountInADocument(t *testing.T) {
	const checkpoint = `{"Offset":"774464","SequenceNumber":3462,"PartitionId":"1","Epoch":2}`
	for _, c := range []struct{ content, pointer, want string }{
		{checkpoint, "/Offset", "774464"},
		{checkpoint, "/SequenceNumber", "3462"},
		{checkpoint, "/Epoch", "2"},
		{"\xef\xbb\xbf" + checkpoint + "\r\n", "/Epoch", "2"},
		{"17\n", "", "17"},
		{"0017\n", "", "17"},
		{`"17"`, "", "17"},
		{`" -17 "`, "", "-17"},
		{`[[1, 18446744073709551615]]`, "/0/1", "18446744073709551615"},
		{`{"n": 9007199254740993}`, "/n", "9007199254740993"},
		{`{"n": "49590338271490256608559692538361571095921575989136588898"}`, "/n", "49590338271490256608559692538361571095921575989136588898"},
		{"", "", "empty"},
		{" \n", "/n", "empty"},
		{checkpoint[:20], "/Offset", "not JSON, or cut off"},
		{checkpoint[:len(checkpoint)-1], "/Offset", "not JSON, or cut off"},
		{checkpoint + "}", "/Offset", "something follows"},
		{checkpoint + checkpoint, "/Offset", "something follows"},
		{checkpoint + "\x00\x00", "/Offset", "something follows"},
		{checkpoint, "/Sequence", "there is no /Sequence"},
		{checkpoint, "", "the document is no number"},
		{`{"n": 1.5}`, "/n", `/n: it is "1.5": not a whole number`},
		{`{"n": 1e3}`, "/n", "not a whole number"},
		{`{"n": "0/16B3748"}`, "/n", "not a whole number"},
		{`{"n": ""}`, "/n", "empty"},
		{`{"n": null}`, "/n", "/n is no number"},
		{`{"n": true}`, "/n", "/n is no number"},
		{`{"n": [1]}`, "/n", "/n is no number"},
		{"\x00\x01\x02", "/n", "not JSON"},
		{strings.Repeat("[", 60000), "/0", "not JSON"},
		{"<html>", "", "not JSON"},
	} {
		p, err := parsePointer(c.pointer)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if count, err := countIn([]byte(c.content), p); err != nil {
			got = err.Error()
			if !strings.Contains(got, c.want) {
				t.Errorf("%.80q %s: %s; want %q", c.content, c.pointer, got, c.want)
			}
		} else if got = count.String(); got != c.want {
			t.Errorf("%.80q %s: %s; want %q", c.content, c.pointer, got, c.want)
		}
	}
}

// A checkpoint that is cut anywhere is never taken for another one.
func TestTornDocumentIsNoNumber(t *testing.T) {
	const checkpoint = `{"SequenceNumber":3462,"Offset":"774464"}`
	for n := range len(checkpoint) {
		for _, p := range []pointer{{"SequenceNumber"}, {"Offset"}} {
			if c, err := countIn([]byte(checkpoint[:n]), p); err == nil {
				t.Errorf("%q is read as %v", checkpoint[:n], c)
			}
		}
	}
}

// Every pointer is written as it is read, and nothing panics on the way.
func FuzzPointer(f *testing.F) {
	f.Add("/a~1b/0", `{"a/b": [12]}`)
	f.Add("", `"7"`)
	f.Add("/m~0n", `{"m~n": 8}`)
	f.Add("/-", `[]`)
	f.Fuzz(func(t *testing.T, text, content string) {
		p, err := parsePointer(text)
		if err != nil {
			return
		}
		if p.String() != text {
			t.Errorf("%q becomes %q", text, p)
		}
		c, err := countIn([]byte(content), p)
		if err != nil {
			return
		}
		again, err := health.ParseCount(c.String())
		if err != nil || again != c {
			t.Errorf("%v becomes %v, %v", c, again, err)
		}
	})
}
