package mail

import (
	"io"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"testing"
)

// bodyOf decodes the text of a mail.
func bodyOf(t *testing.T, message *mail.Message) string {
	t.Helper()
	if kind := message.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/plain; charset=UTF-8") {
		t.Errorf("Content-Type %q", kind)
	}
	body := message.Body
	if message.Header.Get("Content-Transfer-Encoding") == "quoted-printable" {
		body = quotedprintable.NewReader(body)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}
