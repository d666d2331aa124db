package azblob

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"

	"stead/internal/adapter/store"
	"stead/internal/adapter/store/object"
)

// escape makes the path of a key in a URL. The '/' divides it there, too.
func escape(key string) string { return (&url.URL{Path: "/" + key}).EscapedPath()[1:] }

// wrong is the error of an operation, with its meaning where it has one.
func (b *bucket) wrong(ctx context.Context, key, what string, err error) error {
	return fmt.Errorf("%s/%s: %s: %w", b.name, key, what, b.meaning(ctx, err))
}

// meaning says what an answer of the service means, and what to do.
func (b *bucket) meaning(ctx context.Context, err error) error {
	var login *azidentity.AuthenticationFailedError
	if errors.As(err, &login) && ctx.Err() == nil {
		return fmt.Errorf("sign in: %w", object.Line(err))
	}
	var answer *azcore.ResponseError
	if !errors.As(err, &answer) {
		return object.Trouble(ctx, err)
	}
	said := object.Said(answer.StatusCode, answer.ErrorCode)
	switch bloberror.Code(answer.ErrorCode) {
	case bloberror.ConditionNotMet, bloberror.BlobAlreadyExists:
		return fmt.Errorf("%s: %w", said, object.ErrRefused)
	case bloberror.BlobNotFound:
		return fmt.Errorf("%s: %w", said, store.ErrAbsent)
	}
	if answer.ErrorCode == "" && answer.StatusCode == http.StatusPreconditionFailed {
		return fmt.Errorf("%s: %w", said, object.ErrRefused)
	}
	if advice := adviceFor(bloberror.Code(answer.ErrorCode), answer.StatusCode); advice != "" {
		return fmt.Errorf("%s: %s", said, advice)
	}
	return errors.New(said)
}

// adviceFor is what to do about an answer.
func adviceFor(code bloberror.Code, status int) string {
	switch code {
	case bloberror.ContainerNotFound:
		return "create the container: az storage container create --auth-mode login --account-name … --name …"
	case bloberror.ContainerBeingDeleted:
		return "the container is being deleted: wait, and create it again"
	case bloberror.AuthenticationFailed, bloberror.InvalidAuthenticationInfo, bloberror.NoAuthenticationInformation:
		return "the key, signature or identity is wrong or has expired, or this machine's clock is off by more than 15 minutes"
	case bloberror.AuthorizationPermissionMismatch, bloberror.InsufficientAccountPermissions:
		return "not allowed: the identity needs the role \"Storage Blob Data Contributor\" on the container, a shared access signature the permissions rcw"
	case bloberror.AuthorizationFailure, bloberror.AuthorizationSourceIPMismatch:
		return "not allowed: the credentials are wrong or have expired, or the account's network rules keep this machine out"
	case "KeyBasedAuthenticationNotPermitted":
		return "the account allows no key: use an identity"
	case bloberror.LeaseIDMissing, bloberror.LeaseIDMismatchWithBlobOperation, bloberror.LeaseAlreadyPresent:
		return "somebody holds a lease on the blob: break it"
	case bloberror.BlobImmutableDueToPolicy:
		return "the container has an immutability policy: use another one"
	case bloberror.InvalidBlobType:
		return "there is a blob of another type: delete it"
	case bloberror.ServerBusy:
		return "the service asks for fewer requests: use a longer interval, or an account of its own"
	}
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return "the credentials are refused"
	case http.StatusTooManyRequests:
		return "the service asks for fewer requests: use a longer interval"
	}
	return ""
}
