package azblob

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"

	"stead/internal/adapter/store"
	"stead/internal/adapter/store/object"
	"stead/internal/secretfile"
)

// factory makes the client of a blob's URL.
type factory = func(url string) (*blockblob.Client, error)

// files are the parameters that name a file with a secret.
var files = []string{"key-file", "sas-file", "connection-string-file"}

// credential chooses how to sign in.
func credential(spec *store.Spec, account string, options azcore.ClientOptions) (factory, error) {
	given, file := "", ""
	for _, name := range files {
		if spec.Params[name] == "" {
			continue
		}
		if given != "" {
			return nil, fmt.Errorf("%s and %s are both given: give one", given, name)
		}
		given, file = name, spec.Params[name]
	}
	secret := ""
	if given != "" {
		if spec.Params["client-id"] != "" || spec.Params["tenant-id"] != "" {
			return nil, fmt.Errorf("%s is given, and an identity (client-id, tenant-id) too: give one", given)
		}
		var err error
		if secret, err = read(given, file); err != nil {
			return nil, err
		}
	}
	blobOptions := &blockblob.ClientOptions{ClientOptions: options}
	switch given {
	case "key-file":
		return byKey(account, secret, file, blobOptions)
	case "sas-file":
		return bySignature(secret, file, blobOptions)
	case "connection-string-file":
		return byConnectionString(account, secret, file, blobOptions)
	}
	return byIdentity(spec, blobOptions)
}

// read returns what a file holds, on one line.
func read(parameter, file string) (string, error) {
	secret, err := secretfile.File{
		Noun: parameter, Path: file, Least: 1, Most: secretfile.Most, Group: true, Advice: advice[parameter],
	}.Read()
	text := strings.TrimSpace(string(secret))
	if err == nil && (text == "" || strings.ContainsAny(text, " \t\r\n")) {
		return "", fmt.Errorf("%s %s: has more than one word: %s", parameter, file, advice[parameter])
	}
	return text, err
}

var advice = map[string]string{
	"key-file":               "az storage account keys list shows the keys",
	"sas-file":               "az storage container generate-sas --permissions rcw makes one",
	"connection-string-file": "az storage account show-connection-string shows it",
}

func byKey(account, key, file string, options *blockblob.ClientOptions) (factory, error) {
	shared, err := blob.NewSharedKeyCredential(account, key)
	if err != nil {
		return nil, fmt.Errorf("%s: is no key of a storage account: base64 was expected", file)
	}
	return func(url string) (*blockblob.Client, error) {
		return blockblob.NewClientWithSharedKeyCredential(url, shared, options)
	}, nil
}

func bySignature(signature, file string, options *blockblob.ClientOptions) (factory, error) {
	signature = strings.TrimPrefix(signature, "?")
	if fields, err := url.ParseQuery(signature); err != nil || fields.Get("sig") == "" {
		return nil, fmt.Errorf("%s: is no shared access signature: sv=…&se=…&sp=…&sig=… was expected", file)
	}
	return func(url string) (*blockblob.Client, error) {
		return blockblob.NewClientWithNoCredential(url+"?"+signature, options)
	}, nil
}

func byConnectionString(account, text, file string, options *blockblob.ClientOptions) (factory, error) {
	fields := map[string]string{}
	for field := range strings.SplitSeq(text, ";") {
		name, value, _ := strings.Cut(field, "=")
		fields[name] = value
	}
	switch {
	case fields["AccountKey"] != "" && fields["AccountName"] == account:
		return byKey(account, fields["AccountKey"], file, options)
	case fields["AccountKey"] != "":
		return nil, fmt.Errorf("%s: is for the account %q, and the URL for %q", file, fields["AccountName"], account)
	case fields["SharedAccessSignature"] != "":
		return bySignature(fields["SharedAccessSignature"], file, options)
	}
	return nil, fmt.Errorf("%s: has neither AccountKey nor SharedAccessSignature", file)
}

// byIdentity takes the first identity for which there is something: what a chain of
// them would try one after the other costs seconds where it fails.
func byIdentity(spec *store.Spec, options *blockblob.ClientOptions) (factory, error) {
	if spec.Flag("plaintext") {
		return nil, errors.New("plaintext=true shows the token of an identity to everybody: give key-file or sas-file")
	}
	token, err := identity(spec)
	if err != nil {
		return nil, fmt.Errorf("identity: %w", object.Line(err))
	}
	return func(url string) (*blockblob.Client, error) {
		return blockblob.NewClient(url, token, options)
	}, nil
}

// identity reaches where tokens come from with the library's own client, retries
// included, which knows what each of these places needs.
func identity(spec *store.Spec) (azcore.TokenCredential, error) {
	client, tenant := spec.Params["client-id"], spec.Params["tenant-id"]
	switch {
	case client == "" && (os.Getenv("AZURE_CLIENT_SECRET") != "" || os.Getenv("AZURE_CLIENT_CERTIFICATE_PATH") != ""):
		return azidentity.NewEnvironmentCredential(nil)
	case os.Getenv("AZURE_FEDERATED_TOKEN_FILE") != "":
		return azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{ClientID: client, TenantID: tenant})
	}
	managed := &azidentity.ManagedIdentityCredentialOptions{}
	if client != "" {
		managed.ID = azidentity.ClientID(client)
	}
	return azidentity.NewManagedIdentityCredential(managed)
}
