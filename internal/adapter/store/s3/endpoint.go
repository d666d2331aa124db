package s3

import (
	"fmt"
	"log/slog"
	"net/url"

	"github.com/aws/smithy-go/logging"

	"stead/internal/adapter/store"
)

// endpointOf is the URL of a service that is not Amazon's, or empty.
func endpointOf(spec *store.Spec) (string, error) {
	text := spec.Params["endpoint"]
	if text == "" {
		return "", nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("endpoint %q: https://HOST or http://HOST was expected", text)
	}
	return text, nil
}

// logger takes the warnings of Amazon's library.
type logger struct{ log *slog.Logger }

// Logf logs one of them.
func (l logger) Logf(_ logging.Classification, format string, values ...any) {
	l.log.Warn("s3: " + fmt.Sprintf(format, values...))
}
