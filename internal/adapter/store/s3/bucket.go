package s3

import (
	"bytes"
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"stead/internal/adapter/store/object"
)

// Get reads an object.
func (b *bucket) Get(ctx context.Context, key string) ([]byte, string, error) {
	answer, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.bucket, Key: &key})
	if err != nil {
		return nil, "", b.wrong(ctx, key, reading, err)
	}
	defer answer.Body.Close()
	body, err := object.ReadAll(answer.Body)
	if err != nil {
		return nil, "", b.wrong(ctx, key, reading, err)
	}
	if aws.ToString(answer.ETag) == "" {
		return nil, "", b.wrong(ctx, key, reading, errors.New("the answer has no ETag"))
	}
	return body, *answer.ETag, nil
}

// Put replaces an object by one PutObject request.
func (b *bucket) Put(ctx context.Context, key string, body []byte, on object.Condition) (string, error) {
	if on != (object.Condition{}) {
		if err := b.tryConditions(ctx); err != nil {
			return "", err
		}
	}
	return b.put(ctx, key, body, on)
}

func (b *bucket) put(ctx context.Context, key string, body []byte, on object.Condition) (string, error) {
	request := &s3.PutObjectInput{
		Bucket: &b.bucket, Key: &key, Body: bytes.NewReader(body),
		ContentType: aws.String("text/plain; charset=utf-8"), CacheControl: aws.String("no-store"),
	}
	switch {
	case on.Absent:
		request.IfNoneMatch = aws.String("*")
	case on.ETag != "":
		request.IfMatch = &on.ETag
	}
	answer, err := b.client.PutObject(ctx, request)
	if err != nil {
		return "", b.wrong(ctx, key, writing, err)
	}
	if aws.ToString(answer.ETag) == "" {
		return "", b.wrong(ctx, key, writing, errors.New("the answer has no ETag"))
	}
	return *answer.ETag, nil
}

// Metadata reads what stands in the x-amz-meta- fields of an object. It gets the
// object, and leaves the body: an answer to HEAD does not say what is missing.
func (b *bucket) Metadata(ctx context.Context, key string) (map[string]string, error) {
	answer, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.bucket, Key: &key})
	if err != nil {
		return nil, b.wrong(ctx, key, reading, err)
	}
	answer.Body.Close()
	return answer.Metadata, nil
}
