package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	transport "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"stead/internal/adapter/store"
	"stead/internal/adapter/store/object"
)

// operation is what was asked for; the same answer can mean two things.
type operation string

const (
	reading operation = "read"
	writing operation = "write"
)

// wrong is the error of an operation, with its meaning where it has one.
func (b *bucket) wrong(ctx context.Context, key string, what operation, err error) error {
	return fmt.Errorf("%s/%s: %s: %w", b.bucket, key, what, meaning(ctx, what, err))
}

// meaning says what an answer of the service means, and what to do.
func meaning(ctx context.Context, what operation, err error) error {
	var answer *transport.ResponseError
	if !errors.As(err, &answer) || answer.HTTPStatusCode() == 0 {
		if ctx.Err() == nil && strings.Contains(err.Error(), "get identity: ") {
			return fmt.Errorf("sign in: no credentials: give credentials-file, or a role to this machine or pod: %w", object.Line(err))
		}
		return object.Trouble(ctx, bare(err))
	}
	status, code, text := answer.HTTPStatusCode(), "", ""
	var said smithy.APIError
	if errors.As(err, &said) {
		code, text = said.ErrorCode(), said.ErrorMessage()
	}
	what404 := store.ErrAbsent
	if what == writing {
		what404 = object.ErrRefused // If-Match, and it was deleted
	}
	switch {
	case status == http.StatusPreconditionFailed && what == writing:
		return fmt.Errorf("%s: %w", object.Said(status, code), object.ErrRefused)
	case status == http.StatusNotFound && code == "NoSuchKey":
		return fmt.Errorf("%s: %w", object.Said(status, code), what404)
	case status >= 200 && status < 300: // the answer broke off, or makes no sense
		return object.Trouble(ctx, bare(err))
	}
	if advice := adviceFor(status, code); advice != "" {
		return fmt.Errorf("%s: %s", object.Said(status, code), advice)
	}
	if text == "" || text == http.StatusText(status) {
		return errors.New(object.Said(status, code))
	}
	return object.Line(fmt.Errorf("%s: %s", object.Said(status, code), text))
}

// bare is an error without the wrappings of Amazon's library around it, which say
// nothing about an answer that did not come.
func bare(err error) error {
	for {
		var operation *smithy.OperationError
		var answer *transport.ResponseError
		var canceled *smithy.CanceledError
		switch {
		case errors.As(err, &operation):
			err = operation.Err
		case errors.As(err, &answer) && answer.ResponseError != nil && answer.Err != nil:
			err = answer.Err
		case errors.As(err, &canceled):
			err = canceled.Err
		default:
			return err
		}
	}
}

// adviceFor is what to do about an answer.
func adviceFor(status int, code string) string {
	switch code {
	case "NoSuchBucket":
		return "create the bucket: aws s3api create-bucket --bucket …"
	case "ConditionalRequestConflict", "OperationAborted":
		return "another write was under way at the same time: try again"
	case "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired":
		return "the credentials have expired: renew them"
	case "InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch", "XAdminUserNotFound": // the last one is VersityGW's
		return "the credentials are wrong: look at credentials-file, or at the role of this machine or pod"
	case "RequestTimeTooSkewed", "RequestExpired":
		return "this machine's clock is off by more than 15 minutes"
	case "AccessDenied", "AllAccessDisabled", "AccountProblem":
		return "not allowed: the credentials need s3:GetObject, s3:PutObject and s3:ListBucket on the bucket and its objects"
	case "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException":
		return "the bucket is in another region: give its region"
	case "NotImplemented":
		return "this service does not know conditional writes: use another store for rights (heartbeats work)"
	case "SlowDown", "TooManyRequests", "RequestLimitExceeded":
		return "the service asks for fewer requests: use a longer interval"
	}
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return "the credentials are refused"
	case http.StatusMovedPermanently, http.StatusTemporaryRedirect:
		return "the bucket is somewhere else: give its region or endpoint"
	case http.StatusTooManyRequests:
		return "the service asks for fewer requests: use a longer interval"
	}
	return ""
}
