//go:build e2e

package edge_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"onair/test/edge"
)

const key = "correct horse: battery; 'staple' $x"

// token is what a site gives to a viewer.
func token(key, channel string, until time.Time) string {
	expiry := fmt.Sprint(until.Unix())
	sum := hmac.New(sha256.New, []byte(key))
	sum.Write([]byte(expiry + "/" + channel))
	return expiry + "-" + hex.EncodeToString(sum.Sum(nil))
}

// TestTokens: without a good one nothing is answered; one in the path is inherited by what a playlist lists, one in a
// query becomes a cookie. No origin, no cache key and no log has any.
func TestTokens(t *testing.T) {
	t.Parallel()
	a, b := newOrigin(t, "a"), newOrigin(t, "b")
	a.live()
	a.on("/ch/v/7.m4s", status(http.StatusInternalServerError)) // an error in the log
	file := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(file, []byte("the key before\n"+key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	e := edge.Start(t, a.address, b.address, "EDGE_TOKEN_KEY_FILE="+file)
	in := time.Now().Add(time.Hour)
	good, old, expired := token(key, "ch", in), token("the key before", "ch", in), token(key, "ch", time.Now().Add(-time.Minute))
	wrong, others := token("another key", "ch", in), token(key, "other", in)
	longer := strings.Replace(good, "-", "0-", 1) // an expiry of one's own
	for i, c := range []struct {
		path   string
		status int
		says   string
	}{
		{"/t/" + good + "/ch/index.m3u8", 200, ""},
		{"/t/" + good + "/ch/v.m3u8", 200, ""},
		{"/t/" + good + "/ch/v/1.m4s", 200, ""},
		{"/t/" + old + "/ch/v/1.m4s", 200, ""},
		{"/ch/v/1.m4s?token=" + good, 200, ""},
		{"/t/" + expired + "/ch/v/1.m4s", 403, "the token has expired\n"},
		{"/t/" + wrong + "/ch/v/1.m4s", 403, "the token is missing or wrong\n"},
		{"/t/" + others + "/ch/v/1.m4s", 403, "the token is missing or wrong\n"},
		{"/t/" + longer + "/ch/v/1.m4s", 403, "the token is missing or wrong\n"},
		{"/t/" + good + "/other/v/1.m4s", 403, "the token is missing or wrong\n"},
		{"/t/" + good + "/../t/other/v/1.m4s", 403, "the token is missing or wrong\n"},
		{"/t/" + good[:len(good)-1] + "/ch/v/1.m4s", 403, "the token is missing or wrong\n"},
		{"/t/" + strings.ToUpper(good) + "/ch/v/1.m4s", 403, "the token is missing or wrong\n"},
		{"/t//ch/v/1.m4s", 403, "the token is missing or wrong\n"},
		{"/ch/v/1.m4s", 403, "the token is missing or wrong\n"},
		{"/ch/v/1.m4s?token=" + good + "&token=" + good, 403, "the token is missing or wrong\n"},
		{"/", 403, "the token is missing or wrong\n"},
		{"/t/" + good + "/ch/v/7.m4s", 500, ""},
		{"/edge-health", 200, "ok\n"},
	} {
		got := get(t, e.URL+c.path)
		if got.status != c.status || c.says != "" && got.body != c.says {
			t.Errorf("%d. %s: %v", i, c.path, got)
		}
	}
	if n := a.count("/ch/v/1.m4s"); n != 1 {
		t.Errorf("%d fills for different tokens", n)
	}
	wantCookie(t, e, good)
	for _, o := range []*origin{a, b} {
		for _, r := range o.requests() {
			if strings.Contains(fmt.Sprint(r.URL, r.Header), good[:20]) {
				t.Errorf("an origin got %s %v", r.URL, r.Header)
			}
		}
	}
	wantSecret(t, e, good, expired, wrong, others, longer, key, hex.EncodeToString([]byte(key)))
}

// wantCookie plays as a browser does that has a token for the first playlist only.
func wantCookie(t *testing.T, e *edge.Edge, good string) {
	t.Helper()
	first := get(t, e.URL+"/ch/index.m3u8?token="+good)
	cookie := first.head.Get("Set-Cookie")
	if !strings.HasPrefix(cookie, "onair_token="+good+"; Path=/ch/; Max-Age=3") || !strings.Contains(cookie, "HttpOnly") {
		t.Errorf("%v", first)
	}
	own, _, _ := strings.Cut(cookie, ";")
	for _, path := range []string{"/ch/v.m3u8", "/ch/v/1.m4s"} {
		if got := get(t, e.URL+path, "Cookie", "a=b; "+own); got.status != http.StatusOK || got.head.Get("Set-Cookie") != "" {
			t.Errorf("%s with the cookie: %v", path, got)
		}
	}
	if got := get(t, e.URL+"/other/v.m3u8", "Cookie", own); got.status != http.StatusForbidden {
		t.Errorf("another channel with the cookie: %v", got)
	}
}

// wantSecret fails if a file of the edge has a secret: its logs, its configuration, its cache.
func wantSecret(t *testing.T, e *edge.Edge, secrets ...string) {
	t.Helper()
	if !eventually(5*time.Second, func() bool { return len(e.Lines("access.log", "/other/v.m3u8")) > 0 }) {
		t.Fatal("no access log")
	}
	files := 0
	err := filepath.WalkDir(e.Folder, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || d.Name() == "settings.js" {
			return err
		}
		text, err := os.ReadFile(path)
		for _, s := range secrets {
			if _, mac, ok := strings.Cut(s, "-"); ok && len(mac) > 20 {
				s = mac[:20]
			}
			if strings.Contains(string(text), s) {
				t.Errorf("%s has a secret", path)
			}
		}
		files++
		return err
	})
	if err != nil || files < 5 {
		t.Errorf("%d files, %v", files, err)
	}
	if info, err := os.Stat(filepath.Join(e.Folder, "settings.js")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file with the keys: %v, %v", info, err)
	}
}

// TestAnyUser: nothing needs root.
func TestAnyUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("all tests run without root here")
	}
	const nobody = 65534
	folder, err := os.MkdirTemp("", "edge")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(folder)
	if err := os.Chown(folder, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	a := newOrigin(t, "a")
	a.live()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	script, err := filepath.Abs("../../deploy/edge")
	if err != nil {
		t.Fatal(err)
	}
	source := filepath.Join(folder, "deploy") // where the user may read it
	if err := os.CopyFS(source, os.DirFS(script)); err != nil {
		t.Fatal(err)
	}
	as := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(name, args...)
		cmd.Env = append(os.Environ(), "EDGE_ORIGIN_A="+a.address, "EDGE_ORIGIN_B="+dead(t), "EDGE_HTTP="+address)
		cmd.Dir = folder
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		return cmd
	}
	work := filepath.Join(folder, "work")
	if out, err := as("sh", filepath.Join(source, "render"), work).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	nginx := as("nginx", "-e", work+"/error.log", "-c", work+"/nginx.conf", "-g", "daemon off;")
	if err := nginx.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = nginx.Process.Signal(syscall.SIGTERM)
		_ = nginx.Wait()
	}()
	if !eventually(10*time.Second, func() bool {
		resp, err := http.Get("http://" + address + "/ch/v.m3u8")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	}) {
		text, _ := os.ReadFile(work + "/error.log")
		t.Errorf("no answer:\n%s", text)
	}
	if list, err := os.ReadDir(filepath.Join(work, "lists")); err != nil || len(list) != 1 {
		t.Errorf("what was served last is not kept: %v, %v", list, err)
	}
}

// TestRender refuses what would make another configuration than is meant.
func TestRender(t *testing.T) {
	t.Parallel()
	good := []string{"EDGE_ORIGIN_A=127.0.0.1:1", "EDGE_ORIGIN_B=127.0.0.1:2", "EDGE_USER=root"}
	for _, c := range []struct{ setting, says string }{
		{"", ""},
		{"EDGE_ORIGIN_A=", "EDGE_ORIGIN_A and EDGE_ORIGIN_B are required"},
		{"EDGE_ORIGIN_A=127.0.0.1:1; include x", "EDGE_ORIGIN_A has a character"},
		{"EDGE_CORS_ORIGIN=$host", "EDGE_CORS_ORIGIN has a character"},
		{"EDGE_SEGMENT=0", "EDGE_SEGMENT is a number"},
		{"EDGE_SEGMENT=4s", "EDGE_SEGMENT is a number"},
		{"EDGE_RATE=many", "nginx refuses"},
		{"EDGE_HTTP=-", "nothing to listen to"},
		{"EDGE_LOOK=maybe", "EDGE_LOOK is on or off"},
		{"EDGE_TOKEN_KEY_FILE=/nowhere", "EDGE_TOKEN_KEY_FILE cannot be read"},
		{"EDGE_TOKEN_KEY_FILE=/dev/null", "EDGE_TOKEN_KEY_FILE has no key"},
		{"EDGE_CERTIFICATE=/nowhere", "nginx refuses"},
	} {
		folder, err := os.MkdirTemp("", "edge")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(folder)
		out, err := edge.Render(folder, append(good, c.setting)...)
		if (err == nil) != (c.says == "") || !strings.Contains(string(out), c.says) {
			t.Errorf("%s: %v: %s", c.setting, err, out)
		}
	}
}
