package store_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"onair/pkg/store"
	"onair/test/bucket"
	"onair/test/weborigin"
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

// BenchmarkPutHTTP writes segments of 2 MB to an HTTP origin on this machine, by the store and by Go's own client.
func BenchmarkPutHTTP(b *testing.B) {
	server := weborigin.New()
	b.Cleanup(server.Close)
	body := bytes.Repeat([]byte("media"), 400_000)
	b.Run("store", func(b *testing.B) {
		s := openHTTP(b, server.URL)
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			if err := s.Put(b.Context(), store.Object{Name: "news/v/1.m4s", Body: body}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("bare", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			req, err := http.NewRequestWithContext(b.Context(), http.MethodPut, server.URL+"/bare/1.m4s", bytes.NewReader(body))
			if err != nil {
				b.Fatal(err)
			}
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				b.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
		}
	})
}

// BenchmarkFourStores writes segments of 2 MB to a folder, a bucket, an HTTP origin and one that takes 100 ms, at the
// same time, and to the slow one alone.
func BenchmarkFourStores(b *testing.B) {
	s3, web, slow := bucket.New(), weborigin.New(), weborigin.New()
	for _, end := range []func(){s3.Close, web.Close, slow.Close} {
		b.Cleanup(end)
	}
	slow.Wrap(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(100 * time.Millisecond)
			next.ServeHTTP(w, r)
		})
	})
	dir, err := store.NewDir(store.DirConfig{Path: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	all := []store.Store{openHTTP(b, slow.URL), dir, openS3(b, s3.URL, bucket.Name), openHTTP(b, web.URL)}
	o := store.Object{Name: "news/v/1.m4s", Body: bytes.Repeat([]byte("media"), 400_000)}
	for name, stores := range map[string][]store.Store{"store": all, "bare": all[:1]} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				var wg sync.WaitGroup
				for _, s := range stores {
					wg.Go(func() {
						if err := s.Put(b.Context(), o); err != nil {
							b.Error(err)
						}
					})
				}
				wg.Wait()
			}
		})
	}
}
