// Package azblob keeps registers and blobs as block blobs in a container of Azure
// Blob Storage, with Microsoft's client library.
//
// A register is replaced by Put Blob with If-Match and its ETag, and created with
// If-None-Match: *. Azure decides both atomically and consistently for all readers
// of the account's primary endpoint.
//
// # Why not a blob lease
//
// Azure has leases of its own for blobs. They exclude exactly what the ETag
// excludes, and are worse at the rest: they last 15 s at least, so that a dead
// holder could not be replaced sooner; they end by the clock of the service, a
// second one beside the reader's; whoever breaks one does not learn which epoch it
// ended; and the holder's name and the number of the right would have to be written
// by a second request. A blob on which somebody else holds a lease is not written:
// the error says so.
package azblob

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"

	"stead/internal/adapter/store"
	"stead/internal/adapter/store/object"
)

// Open returns the store that a URL names:
// azblob://ACCOUNT.blob.core.windows.net/CONTAINER/PREFIX, with these parameters:
//
//	key-file=FILE                the account's key
//	sas-file=FILE                a shared access signature (sv=…&sig=…), which needs read, create and write
//	connection-string-file=FILE  a connection string, of which only the credential is used
//	client-id=ID, tenant-id=ID   which managed or workload identity to use
//	account=NAME                 the account, where it is the first part of the path as in emulators
//	ca=FILE                      the authority of the server's certificate; the system's without it
//	plaintext=true               http, for emulators
//
// Without a file the identity comes from where the program runs: the variables
// AZURE_TENANT_ID and AZURE_CLIENT_ID with AZURE_CLIENT_SECRET or
// AZURE_CLIENT_CERTIFICATE_PATH, a workload identity of Kubernetes, or the managed
// identity of the machine, in this order. It needs the role "Storage Blob Data
// Contributor" on the container.
//
// Files are read here and not again. Nothing is asked of Azure.
func Open(_ context.Context, spec *store.Spec, options store.Options) (store.Store, error) {
	container, prefix, _ := strings.Cut(spec.Path, "/")
	if len(container) < 3 || len(container) > 63 || strings.Trim(container, "abcdefghijklmnopqrstuvwxyz0123456789-$") != "" {
		return nil, fmt.Errorf("container %q: 3 to 63 lower-case letters, digits and '-' were expected", container)
	}
	roots, err := object.Authority(spec.Params["ca"])
	if err != nil {
		return nil, err
	}
	b := &bucket{
		name:    spec.Hosts[0] + "/" + container,
		http:    object.NewClient(options, roots),
		clients: map[string]*blockblob.Client{},
	}
	account, service := endpoint(spec)
	b.url = service + "/" + container
	if b.newClient, err = credential(spec, account, b.options()); err != nil {
		return nil, err
	}
	return object.New(b, prefix), nil
}

// endpoint is the account and the URL of its blob service.
func endpoint(spec *store.Spec) (account, service string) {
	scheme := "https://"
	if spec.Flag("plaintext") {
		scheme = "http://"
	}
	service = scheme + spec.Hosts[0]
	if account = spec.Params["account"]; account != "" {
		return account, service + "/" + account
	}
	account, _, _ = strings.Cut(spec.Hosts[0], ".")
	return account, service
}

// bucket is a container.
type bucket struct {
	name      string // in errors
	url       string
	http      *http.Client
	newClient func(url string) (*blockblob.Client, error)

	mu      sync.Mutex
	clients map[string]*blockblob.Client // by key
}

// options switch the library's retries off: whether a write is sent again is for
// those to say who know what it means.
func (b *bucket) options() azcore.ClientOptions {
	return azcore.ClientOptions{
		Transport: b.http,
		Retry:     policy.RetryOptions{MaxRetries: -1},
		Telemetry: policy.TelemetryOptions{ApplicationID: "stead"},
	}
}

// client returns the client of a blob. There are few keys: all of them are kept.
func (b *bucket) client(key string) (*blockblob.Client, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if known := b.clients[key]; known != nil {
		return known, nil
	}
	made, err := b.newClient(b.url + "/" + escape(key))
	if err != nil {
		return nil, b.wrong(context.Background(), key, "", err)
	}
	b.clients[key] = made
	return made, nil
}

// Close gives idle connections up.
func (b *bucket) Close() error {
	b.http.CloseIdleConnections()
	return nil
}

// Get reads a blob.
func (b *bucket) Get(ctx context.Context, key string) ([]byte, string, error) {
	client, err := b.client(key)
	if err != nil {
		return nil, "", err
	}
	answer, err := client.DownloadStream(ctx, nil)
	if err != nil {
		return nil, "", b.wrong(ctx, key, "read", err)
	}
	defer answer.Body.Close()
	body, err := object.ReadAll(answer.Body)
	if err != nil {
		return nil, "", b.wrong(ctx, key, "read", err)
	}
	if answer.ETag == nil {
		return nil, "", b.wrong(ctx, key, "read", errors.New("the answer has no ETag"))
	}
	return body, string(*answer.ETag), nil
}
