package azblob

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"

	"stead/internal/adapter/store/object"
)

// Put replaces a blob by one Put Blob request.
func (b *bucket) Put(ctx context.Context, key string, body []byte, on object.Condition) (string, error) {
	client, err := b.client(key)
	if err != nil {
		return "", err
	}
	plain, uncached := "text/plain; charset=utf-8", "no-store"
	answer, err := client.Upload(ctx, reader{bytes.NewReader(body)}, &blockblob.UploadOptions{
		HTTPHeaders:      &blob.HTTPHeaders{BlobContentType: &plain, BlobCacheControl: &uncached},
		AccessConditions: conditions(on),
	})
	if err != nil {
		return "", b.wrong(ctx, key, "write", err)
	}
	if answer.ETag == nil {
		return "", b.wrong(ctx, key, "write", errors.New("the answer has no ETag"))
	}
	return string(*answer.ETag), nil
}

func conditions(on object.Condition) *blob.AccessConditions {
	modified := &blob.ModifiedAccessConditions{}
	switch {
	case on.Absent:
		any := azcore.ETagAny
		modified.IfNoneMatch = &any
	case on.ETag != "":
		etag := azcore.ETag(on.ETag)
		modified.IfMatch = &etag
	default:
		return nil
	}
	return &blob.AccessConditions{ModifiedAccessConditions: modified}
}

// Metadata reads the metadata of a blob.
func (b *bucket) Metadata(ctx context.Context, key string) (map[string]string, error) {
	client, err := b.client(key)
	if err != nil {
		return nil, err
	}
	answer, err := client.GetProperties(ctx, nil)
	if err != nil {
		return nil, b.wrong(ctx, key, "read the metadata", err)
	}
	all := map[string]string{}
	for name, value := range answer.Metadata {
		if value != nil {
			all[name] = *value
		}
	}
	return all, nil
}

// reader is a body that needs no closing.
type reader struct{ io.ReadSeeker }

func (reader) Close() error { return nil }
