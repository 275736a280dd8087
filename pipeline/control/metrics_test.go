package control_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"onair/pipeline/control"
)

var update = flag.Bool("update", false, "write golden files instead of comparing")

// scrape reads /metrics as Prometheus does.
func scrape(t *testing.T, channels ...*fake) map[string]*dto.MetricFamily {
	t.Helper()
	r := ask(site(t, "", channels...), "GET", "/metrics")
	if r.StatusCode != 200 {
		t.Fatalf("%d: %s", r.StatusCode, text(t, r))
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// value is the sample with exactly these labels, in the order of their names.
func value(t *testing.T, families map[string]*dto.MetricFamily, name, labels string) float64 {
	t.Helper()
	f, ok := families[name]
	if !ok {
		t.Fatalf("no metric %s", name)
	}
	for _, m := range f.GetMetric() {
		var got []string
		for _, l := range m.GetLabel() {
			got = append(got, l.GetName()+"="+l.GetValue())
		}
		if strings.Join(got, ",") == labels {
			return m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	t.Fatalf("no sample %s{%s} in %v", name, labels, f.GetMetric())
	return 0
}

func TestMetricsSayWhatTheStatusSays(t *testing.T) {
	got := scrape(t, &fake{status: full("news")})
	for _, c := range []struct {
		name, labels string
		want         float64
	}{
		{"onair_http_connections", "", 12},
		{"onair_http_connections_refused_total", "", 3},
		{"onair_channel_state", "channel=news,state=on_air", 1},
		{"onair_channel_state", "channel=news,state=gap", 0},
		{"onair_channel_fresh", "channel=news", 1},
		{"onair_channel_segment_target_seconds", "channel=news", 4},
		{"onair_channel_run_restarts_total", "channel=news", 1},
		{"onair_channel_state", "channel=news,state=slate", 0},
		{"onair_channel_switches_total", "cause=loss,channel=news", 2},
		{"onair_channel_slate_seconds_total", "channel=news", 7.5},
		{"onair_input_state", "channel=news,input=backup,state=waiting", 1},
		{"onair_input_ts_errors_total", "channel=news,input=main,kind=crc", 3},
		{"onair_input_ts_errors_total", "channel=news,input=main,kind=sync", 6},
		{"onair_input_silence_seconds", "channel=news,input=main", 0.0035},
		{"onair_input_silence_seconds", "channel=news,input=backup", -1},
		{"onair_input_tr101290_errors_total", "channel=news,check=1.4,input=main", 9},
		{"onair_input_errors_last_second", "channel=news,input=main", 2},
		{"onair_input_content_known", "channel=news,input=backup", 0},
		{"onair_input_black_seconds", "channel=news,input=main", 1.5},
		{"onair_input_freeze_seconds", "channel=news,input=main", 2.5},
		{"onair_input_mute_seconds", "channel=news,input=main", 3.5},
		{"onair_input_loudness_lufs", "channel=news,input=main", -23.1},
		{"onair_input_av_offset_seconds", "channel=news,input=main", 0.0405},
		{"onair_input_monitor_restarts_total", "channel=news,input=main", 1},
		{"onair_leg_recovered_total", "channel=news,input=main,leg=1", 6},
		{"onair_leg_state", "channel=news,input=backup,leg=1,state=failed", 1},
		{"onair_leg_path_difference_seconds", "channel=news,input=main,leg=1", 0.0125},
		{"onair_leg_srt_rtt_seconds", "channel=news,input=main,leg=1", 0.0205},
		{"onair_run_speed_ratio", "channel=news,input=main", 1.01},
		{"onair_run_frames_total", "channel=news,input=main", 90000},
		{"onair_runs", "channel=news,state=ending", 1},
		{"onair_rendition_last_segment", "channel=news,rendition=v720", 443_000_900},
		{"onair_rendition_publish_latency_seconds", "channel=news,rendition=v720", 0.8125},
		{"onair_store_errors_total", "channel=news,store=dir:./origin", 2},
		{"onair_store_listed_timestamp_seconds", "channel=news,store=dir:./origin", float64(noon.Unix())},
		{"onair_twin_match_ratio", "channel=news", 0.75},
		{"onair_twin_compared_total", "channel=news", 40},
		{"onair_twin_mismatched_total", "channel=news,reason=tfdt", 9},
		{"onair_twin_missing_total", "channel=news", 3},
		{"onair_twin_skipped_total", "channel=news", 2},
		{"onair_twin_read_errors_total", "channel=news", 4},
		{"onair_webhook_events_delivered_total", "channel=news", 9},
		{"onair_webhook_events_dropped_total", "channel=news", 1},
		{"onair_webhook_queue_events", "channel=news", 2},
		{"onair_webhook_failures_total", "channel=news", 3},
		{"onair_webhook_failing", "channel=news", 1},
	} {
		if v := value(t, got, c.name, c.labels); v != c.want {
			t.Errorf("%s{%s} = %v, want %v", c.name, c.labels, v, c.want)
		}
	}
}

func TestMetricsOfAnEmptyChannel(t *testing.T) {
	got := scrape(t, &fake{status: control.Status{Channel: "news", State: control.Waiting}})
	if v := value(t, got, "onair_channel_segment_target_seconds", "channel=news"); v != 0 {
		t.Errorf("segment length %v before the grid is known", v)
	}
	if _, ok := got["onair_run_speed_ratio"]; ok {
		t.Error("speed of no run")
	}
	if _, ok := got["onair_twin_compared_total"]; ok {
		t.Error("a twin that there is none of")
	}
	alone := &control.Twin{Store: "https://b.example/live"}
	got = scrape(t, &fake{status: control.Status{Channel: "news", State: control.Waiting, Twin: alone}})
	if _, ok := got["onair_twin_match_ratio"]; ok {
		t.Error("a ratio of nothing")
	}
	if v := value(t, got, "onair_twin_compared_total", "channel=news"); v != 0 {
		t.Errorf("compared %v", v)
	}
}

func TestBrokenNamesHideNoOtherMetric(t *testing.T) {
	f := &fake{status: full("news")}
	f.status.Stores = append(f.status.Stores, f.status.Stores[0])           // the same labels twice
	f.status.Inputs[1].Legs[0].URL = "srt://0.0.0.0:9000?streamid=\xff\xfe" // not UTF-8
	got := scrape(t, f)
	if v := value(t, got, "onair_rendition_last_segment", "channel=news,rendition=v720"); v == 0 {
		t.Error("metric gone")
	}
	if v := value(t, got, "onair_leg_info", "channel=news,input=backup,leg=1,url=srt://0.0.0.0:9000?streamid=?"); v != 1 {
		t.Error("leg gone")
	}
}

// TestEveryMetricIsDocumented holds the table of docs/metrics.md against a scrape: no metric without a line, no line without
// a metric. -update writes the table anew.
func TestEveryMetricIsDocumented(t *testing.T) {
	documented(t, "<!-- table -->\n", "<!-- end of table -->\n", table(scrape(t, &fake{status: full("news")})))
}

// documented holds what is between two lines of docs/metrics.md against a table.
func documented(t *testing.T, begin, end, want string) {
	t.Helper()
	const path = "../../docs/metrics.md"
	doc, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok1 := strings.Cut(string(doc), begin)
	have, tail, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no %q ... %q", path, begin, end)
	}
	if *update {
		if err = os.WriteFile(path, []byte(head+begin+want+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if have != want {
		t.Errorf("%s is not what is measured (write it with -update); it should hold\n%s", path, want)
	}
}

// table prints metrics as docs/metrics.md has them.
func table(families map[string]*dto.MetricFamily) string {
	names := make([]string, 0, len(families))
	for name := range families {
		names = append(names, name)
	}
	slices.Sort(names)
	var b strings.Builder
	b.WriteString("| name | type | labels | meaning |\n|---|---|---|---|\n")
	for _, name := range names {
		f := families[name]
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, "`"+l.GetName()+"`")
		}
		kind := strings.ToLower(f.GetType().String())
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", name, kind, strings.Join(labels, " "), strings.TrimSuffix(f.GetHelp(), "."))
	}
	return b.String()
}

func TestMetricNamesFollowTheRules(t *testing.T) {
	for name, f := range scrape(t, &fake{status: full("news")}) {
		if !strings.HasPrefix(name, "onair_") {
			t.Errorf("%s does not begin with onair_", name)
		}
		if counter := f.GetType() == dto.MetricType_COUNTER; counter != strings.HasSuffix(name, "_total") {
			t.Errorf("%s is a %v", name, f.GetType())
		}
		if f.GetHelp() == "" {
			t.Errorf("%s has no help", name)
		}
	}
}
