// Package s3 keeps registers and blobs as objects in a bucket of Amazon S3, or of a
// service that speaks its protocol, with Amazon's client library.
//
// A register is replaced by PutObject with If-Match and its ETag, and created with
// If-None-Match: *. S3 is strongly consistent: a read that begins after a write was
// answered sees it.
//
// 412 says that the condition does not hold. 409 ConditionalRequestConflict says
// that another conditional write was under way: Amazon asks to try again, and so
// does this package; it is not taken for a lost race.
//
// Not every service that speaks the protocol knows conditions, and one that does not
// would let two nodes hold the same right. So an endpoint that is not Amazon's is
// tried out once before the first conditional write, on an object of its own.
package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"stead/internal/adapter/store"
	"stead/internal/adapter/store/object"
	"stead/internal/secretfile"
)

// Open returns the store that a URL names: s3://BUCKET/PREFIX, with these parameters:
//
//	region=NAME            the bucket's region; otherwise that of AWS_REGION or of the profile
//	credentials-file=FILE  a file such as ~/.aws/credentials, to be read by nobody else
//	profile=NAME           a profile of that file, or of the usual ones
//	endpoint=URL           another service than Amazon's: https://HOST or http://HOST
//	path-style=true        the bucket stands in the path and not in the host
//	ca=FILE                the authority of the server's certificate; the system's without it
//
// Without a file the credentials come from where Amazon's library looks: variables
// of the environment, ~/.aws, a web identity of Kubernetes, the role of a container
// or of the machine. They need s3:GetObject, s3:PutObject and s3:ListBucket; without
// the last one an object that is not there looks like one that is not allowed.
//
// Files are read here. Nothing is asked of S3.
func Open(ctx context.Context, spec *store.Spec, options store.Options) (store.Store, error) {
	roots, err := object.Authority(spec.Params["ca"])
	if err != nil {
		return nil, err
	}
	endpoint, err := endpointOf(spec)
	if err != nil {
		return nil, err
	}
	loaded, err := load(ctx, spec, options)
	if err != nil {
		return nil, err
	}
	b := &bucket{bucket: spec.Hosts[0], http: object.NewClient(options, roots), tried: make(chan bool, 1)}
	b.tried <- endpoint == ""
	b.probe = ".conditions"
	if spec.Path != "" {
		b.probe = spec.Path + "/" + b.probe
	}
	b.client = s3.NewFromConfig(loaded, func(o *s3.Options) {
		o.HTTPClient = b.http
		o.Retryer = aws.NopRetryer{} // whether a write is sent again is for those to say who know what it means
		o.UsePathStyle = spec.Flag("path-style")
		o.DisableLogOutputChecksumValidationSkipped = true
		if endpoint != "" {
			o.BaseEndpoint = &endpoint
			o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
			o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		}
	})
	return object.New(b, spec.Path), nil
}

// load reads what Amazon's library is configured by.
func load(ctx context.Context, spec *store.Spec, options store.Options) (aws.Config, error) {
	choices := []func(*config.LoadOptions) error{config.WithLogger(logger{options.Log}), config.WithAppID("stead")}
	profile := spec.Params["profile"]
	if file := spec.Params["credentials-file"]; file != "" {
		checked := secretfile.File{
			Noun: "credentials-file", Path: file, Least: 1, Most: 64 << 10, Group: true,
			Advice: "[default] and below it aws_access_key_id = … and aws_secret_access_key = … are expected",
		}
		if _, err := checked.Read(); err != nil {
			return aws.Config{}, err
		}
		if profile == "" {
			profile = "default" // named, so that it goes before the environment
		}
		choices = append(choices, config.WithSharedCredentialsFiles([]string{file}), config.WithSharedConfigFiles([]string{}))
	}
	if profile != "" {
		choices = append(choices, config.WithSharedConfigProfile(profile))
	}
	if region := spec.Params["region"]; region != "" {
		choices = append(choices, config.WithRegion(region))
	} else if spec.Params["endpoint"] != "" {
		choices = append(choices, config.WithDefaultRegion("us-east-1"))
	}
	loaded, err := config.LoadDefaultConfig(ctx, choices...)
	if err != nil {
		return aws.Config{}, fmt.Errorf("credentials: %w", object.Line(err))
	}
	if loaded.Region == "" {
		return aws.Config{}, errors.New("the region is missing: say region=… (or AWS_REGION in the environment)")
	}
	return loaded, nil
}

// bucket is one bucket.
type bucket struct {
	bucket string
	client *s3.Client
	http   *http.Client
	probe  string    // the object on which conditions are tried out
	tried  chan bool // a lock, with whether they work
}

// Close gives idle connections up.
func (b *bucket) Close() error {
	b.http.CloseIdleConnections()
	return nil
}
