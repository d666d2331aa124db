package object

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Trouble puts into one line what went wrong while there was no answer of the
// service. URLs are left out of it: one may have a signature in it.
func Trouble(ctx context.Context, err error) error {
	for {
		var withURL *url.Error
		if !errors.As(err, &withURL) {
			break
		}
		err = withURL.Err
	}
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the connection has broken: %w", Line(err))
	case ctx.Err() == nil:
		return Line(err)
	case errors.Is(err, ctx.Err()):
		return fmt.Errorf("no answer in time: %w", Line(err))
	}
	return fmt.Errorf("no answer in time: %w (%v)", ctx.Err(), Line(err))
}

// Said is the status of an answer and the code that the service has given with it.
func Said(status int, code string) string {
	if code == "" || code == strconv.Itoa(status) {
		code = http.StatusText(status)
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s", status, code))
}

// Line is an error with its message on one line of bounded length.
func Line(err error) error {
	text := strings.Join(strings.Fields(err.Error()), " ")
	if text == err.Error() && len(text) <= longest {
		return err
	}
	if len(text) > longest {
		text = text[:longest] + "…"
	}
	return &line{text, err}
}

// longest is how many bytes of the message of a library are shown.
const longest = 400

type line struct {
	text string
	err  error
}

func (l *line) Error() string { return l.text }
func (l *line) Unwrap() error { return l.err }
