package control_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"onair/pipeline/control"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// originOf is an origin that says what the test says.
func originOf(ready error) http.Handler {
	return control.NewOrigin(control.OriginConfig{
		Version: "test",
		Objects: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("object " + r.URL.Path)) }),
		Status: func() control.OriginStatus {
			return control.OriginStatus{
				Requests: 9, Writes: 5, WrittenBytes: 500, Deletes: 2, Expired: 1, Refused: map[string]uint64{"size": 3},
				Channels: map[string]control.OriginChannel{"news": {Objects: 4, Stale: 1, Views: 7}},
			}
		},
		Ready:          func() error { return ready },
		CertificateEnd: func() time.Time { return time.Unix(1e9, 0) },
		Connections:    func() (int64, int64) { return 12, 3 },
	})
}

func TestOriginPaths(t *testing.T) {
	t.Parallel()
	h := originOf(nil)
	for path, want := range map[string]string{
		"/healthz": "ok\n", "/readyz": "ok\n", "/news/v.m3u8": "object /news/v.m3u8", "/news//x": "object /news//x",
	} {
		if r := ask(h, "GET", path); r.StatusCode != 200 || text(t, r) != want {
			t.Errorf("%s: %d", path, r.StatusCode)
		}
	}
	if r := ask(originOf(errors.New("the disk is full")), "GET", "/readyz"); r.StatusCode != 503 || !strings.Contains(text(t, r), "full") {
		t.Errorf("not ready: %d", r.StatusCode)
	}
}

// scrapeOrigin reads /metrics of an origin, without what is the same for every process.
func scrapeOrigin(t *testing.T) map[string]*dto.MetricFamily {
	t.Helper()
	r := ask(originOf(nil), "GET", "/metrics")
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(r.Body)
	if err != nil || r.StatusCode != 200 {
		t.Fatal(r.StatusCode, err)
	}
	for name := range families {
		if !strings.HasPrefix(name, "onair_origin_") {
			delete(families, name)
		}
	}
	return families
}

func TestOriginMetrics(t *testing.T) {
	t.Parallel()
	got := scrapeOrigin(t)
	for name, want := range map[string]float64{
		"onair_origin_requests_total": 9, "onair_origin_written_bytes_total": 500, "onair_origin_ready": 1,
	} {
		if v := value(t, got, name, ""); v != want {
			t.Errorf("%s is %v", name, v)
		}
	}
	if v := value(t, got, "onair_origin_refused_total", "cause=size"); v != 3 {
		t.Errorf("refused %v", v)
	}
	if v := value(t, got, "onair_origin_channel_views_total", "channel=news"); v != 7 {
		t.Errorf("views %v", v)
	}
}

// TestEveryOriginMetricIsDocumented is TestEveryMetricIsDocumented for origins.
func TestEveryOriginMetricIsDocumented(t *testing.T) {
	documented(t, "<!-- origin table -->\n", "<!-- end of origin table -->\n", table(scrapeOrigin(t)))
}
