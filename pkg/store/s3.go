package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// S3 is a store in a bucket of Amazon S3, or of a server that speaks its protocol. An object becomes visible when the
// server has it whole, with Type, Cache and Meta in its headers. Nothing is tried twice here: whoever writes knows how
// long it is worth it.
type S3 struct {
	cfg    S3Config
	client minio.Core
	prefix string // of keys: empty, or ending in a slash
}

var _ Swapper = (*S3)(nil)

const (
	mostBody      = 256 << 20 // bytes; an object that is larger is not read
	conflictTries = 8
	conflictPause = 20 * time.Millisecond
	defaultRegion = "us-east-1"
	amazon        = "s3.amazonaws.com"
	noSecondTry   = 1

	metadataTimeout = 2 * time.Second // of the address where a machine is told its role
)

// NewS3 makes a store in a bucket. It asks the server for nothing: a bucket that is away must not keep a channel from
// its other stores. Its error is the configuration's.
func NewS3(c S3Config) (*S3, error) {
	c, host, secure, err := c.complete()
	if err != nil {
		return nil, err
	}
	if c.Credentials != "" {
		if _, err := os.Stat(c.Credentials); err != nil {
			return nil, fmt.Errorf("store %s: its credentials file: %w", c, err)
		}
	}
	lookup := minio.BucketLookupAuto
	if c.PathStyle {
		lookup = minio.BucketLookupPath
	}
	client, err := minio.NewCore(host, &minio.Options{
		Creds: c.chain(), Secure: secure, Region: c.Region, BucketLookup: lookup, MaxRetries: noSecondTry,
		Transport: newTransport(),
	})
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", c, err)
	}
	s := &S3{cfg: c, client: *client}
	if c.Prefix != "" {
		s.prefix = c.Prefix + "/"
	}
	return s, nil
}

// chain is where credentials are looked for: the profile that the configuration names, or the environment, the
// credentials file and what the machine is given (an instance's or a container's role), in this order. With none,
// requests are not signed.
func (c S3Config) chain() *credentials.Credentials {
	file := &credentials.FileAWSCredentials{Filename: c.Credentials, Profile: c.Profile}
	if c.Profile != "" || c.Credentials != "" {
		return credentials.New(file)
	}
	return credentials.NewChainCredentials([]credentials.Provider{
		&credentials.EnvAWS{}, file, &credentials.IAM{Client: &http.Client{Timeout: metadataTimeout}},
	})
}

// Put writes or replaces an object.
func (s *S3) Put(ctx context.Context, o Object) error {
	if err := checkObject(ctx, o); err != nil {
		return err
	}
	_, err := s.put(ctx, o, s.options(o))
	return s.explain("writing "+o.Name, err)
}

// Create writes an object that must not exist yet, else ErrExists. It rests on the header If-None-Match: a server that
// ignores it is told by CheckCreate.
func (s *S3) Create(ctx context.Context, o Object) error {
	if err := checkObject(ctx, o); err != nil {
		return err
	}
	options := s.options(o)
	options.SetMatchETagExcept("*")
	_, err := s.putIf(ctx, o, options)
	if minio.ToErrorResponse(err).StatusCode == http.StatusPreconditionFailed {
		return fmt.Errorf("creating %s: %w", o.Name, ErrExists)
	}
	return s.explain("creating "+o.Name, err)
}

// Swap writes an object in the place of the one with that tag, or of none if it is empty, else ErrChanged. It rests on
// the headers If-Match and If-None-Match: a server that ignores them is told by CheckSwap.
func (s *S3) Swap(ctx context.Context, o Object, tag string) (string, error) {
	if err := checkObject(ctx, o); err != nil {
		return "", err
	}
	options := s.options(o)
	if tag == "" {
		options.SetMatchETagExcept("*")
	} else {
		options.SetMatchETag(tag)
	}
	tag, err := s.putIf(ctx, o, options)
	code := minio.ToErrorResponse(err)
	gone := code.StatusCode == http.StatusNotFound && code.Code == "NoSuchKey"
	if code.StatusCode == http.StatusPreconditionFailed || gone {
		return "", fmt.Errorf("replacing %s: %w", o.Name, ErrChanged)
	}
	return tag, s.explain("replacing "+o.Name, err)
}

// putIf is put on a condition: while somebody else writes there, the server does not know yet.
func (s *S3) putIf(ctx context.Context, o Object, options minio.PutObjectOptions) (tag string, err error) {
	for try := 0; ; try++ {
		tag, err = s.put(ctx, o, options)
		conflict := minio.ToErrorResponse(err).StatusCode == http.StatusConflict
		if !conflict || try == conflictTries || !pause(ctx, conflictPause<<try) {
			return tag, err
		}
	}
}

// pause tells whether ctx lasted for so long.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (s *S3) options(o Object) minio.PutObjectOptions {
	if o.Type == "" {
		o.Type = Type(o.Name)
	}
	return minio.PutObjectOptions{
		ContentType: o.Type, CacheControl: o.Cache, UserMetadata: o.Meta, DisableMultipart: true,
		DisableContentSha256: len(o.Body) == 0, // nothing in signed chunks has no length that a server would accept
	}
}

// put gives the tag of what it has written.
func (s *S3) put(ctx context.Context, o Object, options minio.PutObjectOptions) (tag string, err error) {
	ctx, done := answerSoon(ctx)
	defer done()
	info, err := s.client.Client.PutObject(ctx, s.cfg.Bucket, s.prefix+o.Name, bytes.NewReader(o.Body), int64(len(o.Body)),
		options)
	if err == nil && info.ETag == "" {
		return "", errNoTag
	}
	return info.ETag, noAnswer(ctx, err)
}

// errNoTag: what answers so, as a proxy does that has lost the server behind it, may have stored nothing.
var errNoTag = errors.New("the answer to a write has no ETag, as that of every S3 server has")

// Get reads an object; ErrNotFound.
func (s *S3) Get(ctx context.Context, name string) (Object, error) {
	if err := errors.Join(ctx.Err(), CheckName(name)); err != nil {
		return Object{}, err
	}
	body, info, header, err := s.client.GetObject(ctx, s.cfg.Bucket, s.prefix+name, minio.GetObjectOptions{})
	if err != nil {
		return Object{}, s.missing("reading "+name, err)
	}
	defer func() { _ = body.Close() }()
	if info.Size < 0 || info.Size > mostBody {
		return Object{}, fmt.Errorf("store %s: reading %s: it has %d bytes, allowed are %d", s, name, info.Size, mostBody)
	}
	o := Object{
		Name: name, Body: make([]byte, info.Size), Type: info.ContentType, Cache: header.Get("Cache-Control"), Tag: info.ETag,
	}
	if _, err := io.ReadFull(body, o.Body); err != nil {
		return Object{}, s.explain("reading "+name, err)
	}
	for k, v := range info.UserMetadata {
		if o.Meta == nil {
			o.Meta = map[string]string{}
		}
		o.Meta[strings.ToLower(k)] = v
	}
	return o, nil
}

// Stat tells an object's size and age; ErrNotFound.
func (s *S3) Stat(ctx context.Context, name string) (Info, error) {
	if err := errors.Join(ctx.Err(), CheckName(name)); err != nil {
		return Info{}, err
	}
	info, err := s.client.StatObject(ctx, s.cfg.Bucket, s.prefix+name, minio.StatObjectOptions{})
	if err != nil {
		return Info{}, s.missing("looking at "+name, err)
	}
	return Info{Name: name, Size: info.Size, Modified: info.LastModified}, nil
}

// List tells the objects whose names begin with prefix, in the order of their names. Keys that are no names of objects
// here are left out: they are somebody else's, or marks of folders.
func (s *S3) List(ctx context.Context, prefix string) ([]Info, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if strings.HasPrefix(prefix, "/") || strings.Contains(prefix, "..") {
		return nil, fmt.Errorf("%w: prefix %q", ErrName, prefix)
	}
	var out []Info
	options := minio.ListObjectsOptions{Prefix: s.prefix + prefix, Recursive: true}
	for info := range s.client.ListObjectsIter(ctx, s.cfg.Bucket, options) {
		if info.Err != nil {
			return nil, s.explain("listing "+prefix, info.Err)
		}
		name, ok := strings.CutPrefix(info.Key, s.prefix)
		if !ok || CheckName(name) != nil {
			continue
		}
		out = append(out, Info{Name: name, Size: info.Size, Modified: info.LastModified})
	}
	if err := ctx.Err(); err != nil {
		return nil, s.explain("listing "+prefix, err)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out, nil
}

// Delete removes an object; one that is not there is no error.
func (s *S3) Delete(ctx context.Context, name string) error {
	if err := errors.Join(ctx.Err(), CheckName(name)); err != nil {
		return err
	}
	err := s.client.RemoveObject(ctx, s.cfg.Bucket, s.prefix+name, minio.RemoveObjectOptions{})
	if err = s.missing("removing "+name, err); errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// String names the store.
func (s *S3) String() string { return s.cfg.String() }
