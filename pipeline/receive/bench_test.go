package receive_test

import (
	"fmt"
	"testing"

	"onair/pipeline/receive"
	"onair/pkg/store"
)

// BenchmarkPut pushes segments over loopback into a folder.
func BenchmarkPut(b *testing.B) {
	dir, err := store.NewDir(store.DirConfig{Path: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	for name, behind := range map[string]store.Store{"memory": store.NewMemory(), "folder": dir} {
		b.Run(name, func(b *testing.B) {
			r, _ := start(b, behind, func(c *receive.Config) { c.Limits.Objects = 1 << 30 })
			s, err := store.NewHTTP(store.HTTPConfig{URL: r.serve(), User: "west", Password: "pw"})
			if err != nil {
				b.Fatal(err)
			}
			body := make([]byte, 1_500_000)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for i := range b.N {
				if err := s.Put(b.Context(), store.Object{Name: fmt.Sprintf("news/v/%d.m4s", i%64), Body: body}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
