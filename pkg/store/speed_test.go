package store_test

import (
	"bytes"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"onair/pkg/store"
	"onair/test/bucket"
)

// BenchmarkPutS3 writes segments of 2 MB to a server on this machine, that of ONAIR_S3 if there is one: by the store,
// and by the bare client with its defaults.
func BenchmarkPutS3(b *testing.B) {
	endpoint, name := os.Getenv("ONAIR_S3"), ""
	if endpoint == "" {
		server := bucket.New()
		b.Cleanup(server.Close)
		endpoint, name = server.URL, bucket.Name
	}
	u, err := url.Parse(endpoint)
	if err != nil {
		b.Fatal(err)
	}
	if name == "" {
		name = strings.Trim(u.Path, "/")
	}
	body := bytes.Repeat([]byte("media"), 400_000)
	b.Run("store", func(b *testing.B) {
		s := openS3(b, u.Scheme+"://"+u.Host, name)
		o := store.Object{Name: "news/v/1.m4s", Body: body, Type: "video/iso.segment", Cache: "max-age=60"}
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			if err := s.Put(b.Context(), o); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("bare", func(b *testing.B) {
		keys := credentials.NewStaticV4(credential("AWS_ACCESS_KEY_ID", "key"), credential("AWS_SECRET_ACCESS_KEY", "s"), "")
		c, err := minio.New(u.Host, &minio.Options{Creds: keys, Secure: u.Scheme == "https", Region: "us-east-1"})
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			_, err := c.PutObject(b.Context(), name, "bare/1.m4s", bytes.NewReader(body), int64(len(body)), minio.PutObjectOptions{})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}
