package azblob

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/sas"

	"stead/internal/adapter/store"
	"stead/internal/adapter/store/object/objecttest"
	"stead/internal/adapter/store/storetest"
	"stead/test/stores"
)

var azurite = stores.Shared{Start: stores.Azurite}

func TestMain(m *testing.M) { os.Exit(azurite.Run(m)) }

const container = "rights"

// place is a container that exists, behind a proxy, and the file with the key.
type place struct {
	proxy   *stores.Proxy
	keyFile string
}

func newPlace(t *testing.T) place {
	t.Helper()
	p := place{azurite.Get(t).Proxy(t), secretFile(t, stores.AzureKey)}
	status := p.request(t, http.MethodPut, "/"+container+"?restype=container", nil)
	if status != http.StatusCreated && status != http.StatusConflict {
		t.Fatalf("create the container: %d", status)
	}
	return p
}

// request sends one of its own, with a signature that lives for an hour.
func (p place) request(t *testing.T, method, target string, header map[string]string) int {
	t.Helper()
	divider := "?"
	if strings.Contains(target, "?") {
		divider = "&"
	}
	where := "http://" + p.proxy.Address() + "/" + stores.AzureAccount + target + divider + signature(t, time.Hour)
	request, err := http.NewRequestWithContext(t.Context(), method, where, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("x-ms-version", "2021-12-02")
	for name, value := range header {
		request.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	return answer.StatusCode
}

// signature is a shared access signature that ends after a time, which may have passed.
func signature(t *testing.T, lives time.Duration) string {
	t.Helper()
	key, err := blob.NewSharedKeyCredential(stores.AzureAccount, stores.AzureKey)
	if err != nil {
		t.Fatal(err)
	}
	query, err := sas.AccountSignatureValues{
		Protocol: sas.ProtocolHTTPSandHTTP, StartTime: time.Now().Add(-2 * time.Hour).UTC(), ExpiryTime: time.Now().Add(lives).UTC(),
		Permissions:   (&sas.AccountPermissions{Read: true, Write: true, Create: true, Delete: true}).String(),
		ResourceTypes: (&sas.AccountResourceTypes{Container: true, Object: true}).String(),
	}.SignWithSharedKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return query.Encode()
}

func secretFile(t *testing.T, secret string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// url names the store in a container, with a credential.
func (p place) url(container, credential string) string {
	return fmt.Sprintf("azblob://%s/%s/prefix?plaintext=true&account=%s&%s", p.proxy.Address(), container, stores.AzureAccount, credential)
}

func (p place) open(t *testing.T, at string) store.Store {
	t.Helper()
	s, err := tryOpen(at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func tryOpen(at string) (store.Store, error) {
	spec, err := store.Parse(at)
	if err != nil {
		return nil, err
	}
	return Open(context.Background(), spec, store.Options{}.Complete())
}

func (p place) byKey(t *testing.T) store.Store {
	return p.open(t, p.url(container, "key-file="+url.PathEscape(p.keyFile)))
}

func TestStore(t *testing.T) {
	p := newPlace(t)
	storetest.Run(t, func(t *testing.T) store.Store { return p.byKey(t) })
}

func TestFaults(t *testing.T) {
	p := newPlace(t)
	objecttest.Run(t, objecttest.Place{
		Proxy: p.proxy,
		Open:  func(t *testing.T) store.Store { return p.byKey(t) },
		Busy:  stores.Answers(http.StatusServiceUnavailable, map[string]string{"x-ms-error-code": "ServerBusy"}, ""),
	})
}
