package azblob

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"stead/internal/adapter/store"
	"stead/test/stores"
)

// tokens is where a machine of Azure gets the tokens of its managed identity, in
// the form that App Service has. It gives none when refusal is set.
type tokens struct {
	asked   atomic.Int32
	refusal string
	expired bool // they have ended before they are given
}

func (s *tokens) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.asked.Add(1)
	w.Header().Set("Content-Type", "application/json")
	if s.refusal != "" || r.Header.Get("X-IDENTITY-HEADER") != "from the host" {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"error":"invalid_request","error_description":%q}`, s.refusal)
		return
	}
	ends := time.Now().Add(time.Hour).Unix()
	json.NewEncoder(w).Encode(map[string]any{
		"access_token": token(ends - s.age()), "expires_on": fmt.Sprint(ends), "resource": r.URL.Query().Get("resource"), "token_type": "Bearer",
	})
}

func (s *tokens) age() int64 {
	if s.expired {
		return 2 * 3600
	}
	return 0
}

// token is one whose signature only Microsoft could check.
func token(ends int64) string {
	claims, _ := json.Marshal(map[string]any{
		"aud": "https://storage.azure.com", "iss": "https://sts.windows.net/tenant/", "nbf": ends - 7200, "iat": ends - 7200, "exp": ends,
	})
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + encode(claims) + "." + encode([]byte("signature"))
}

// machine makes this process believe that it runs where tokens come from s.
func machine(t *testing.T, s *tokens) {
	t.Helper()
	endpoint := httptest.NewServer(s)
	t.Cleanup(endpoint.Close)
	for variable, value := range map[string]string{
		"IDENTITY_ENDPOINT": endpoint.URL, "IDENTITY_HEADER": "from the host",
		"AZURE_CLIENT_SECRET": "", "AZURE_CLIENT_CERTIFICATE_PATH": "", "AZURE_FEDERATED_TOKEN_FILE": "",
	} {
		t.Setenv(variable, value)
	}
}

func TestManagedIdentity(t *testing.T) {
	service := &stores.Shared{Start: stores.AzuriteTLS}
	server := service.Get(t)
	t.Cleanup(service.Stop)
	tokens := &tokens{}
	machine(t, tokens)
	createWithToken(t, server)
	at := fmt.Sprintf("azblob://%s/%s/prefix?account=%s&ca=%s", server.Address(), container, stores.AzureAccount, url.PathEscape(server.Authority))
	r := place{}.open(t, at).Register("right")
	version, err := r.Swap(t.Context(), "", []byte("turn=1"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Swap(t.Context(), version, []byte("turn=2")); err != nil {
		t.Fatal(err)
	}
	if n := tokens.asked.Load(); n > 1 { // the library keeps them for the whole process
		t.Errorf("a token was asked for %d times", n)
	}
	tokens.expired = true
	mustSay(t, place{}.open(t, at+"&client-id=11111111-2222-3333-4444-666666666666"), "403 AuthenticationFailed: the key, signature or identity is wrong or has expired")
	_, err = tryOpen(strings.Replace(at, "account=", "plaintext=true&account=", 1))
	if err == nil || !strings.Contains(err.Error(), "shows the token") {
		t.Errorf("a token without TLS: %v", err)
	}
}

// createWithToken creates the container.
func createWithToken(t *testing.T, server *stores.Server) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	t.Cleanup(client.CloseIdleConnections)
	where := "https://" + server.Address() + "/" + stores.AzureAccount + "/" + container + "?restype=container"
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, where, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("x-ms-version", "2021-12-02")
	request.Header.Set("Authorization", "Bearer "+token(time.Now().Add(time.Hour).Unix()))
	answer, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusCreated {
		t.Fatalf("create the container: %d", answer.StatusCode)
	}
}

func TestNoIdentity(t *testing.T) {
	machine(t, &tokens{refusal: "Identity not found"})
	// The token is asked for before anything is sent: nobody listens there.
	s := place{}.open(t, "azblob://127.0.0.1:1/rights/prefix?client-id=11111111-2222-3333-4444-555555555555")
	mustSay(t, s, "sign in: ManagedIdentityCredential")
}

// Where both are there, the secret in the environment goes before the machine's identity.
func TestIdentityFromEnvironment(t *testing.T) {
	machine(t, &tokens{})
	t.Setenv("AZURE_CLIENT_SECRET", "secret")
	t.Setenv("AZURE_TENANT_ID", "")
	spec, err := store.Parse("azblob://account.blob.core.windows.net/rights")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), spec, store.Options{}.Complete())
	if err == nil || !strings.Contains(err.Error(), "identity: missing environment variable AZURE_TENANT_ID") {
		t.Error(err)
	}
}
