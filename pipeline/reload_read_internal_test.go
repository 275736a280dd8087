package pipeline

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"onair/pipeline/config"
	"onair/pipeline/control"
)

// TestAReloadWhoseFileHangs: it is given up, the end of the channel does not wait for it, those that follow are refused
// at once, and what comes of it too late is not applied.
func TestAReloadWhoseFileHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := &config.Channel{Name: "news", File: "news.yaml"}
		release, readings := make(chan struct{}), 0
		c := &Channel{file: file, events: &events{log: zerolog.Nop(), now: time.Now, wake: func() {}}}
		c.latest.Store(file)
		c.cfg.Load = func() (*config.Channel, error) {
			if readings++; readings > 1 {
				return nil, errors.New("read again")
			}
			<-release
			return &config.Channel{Name: "news", File: "news.yaml", Window: time.Hour}, nil
		}
		refused := make(chan error, 1)
		reload := func() {
			_, err := c.Reload()
			refused <- err
		}
		go reload()
		synctest.Wait()
		if !c.reloading.TryLock() {
			t.Fatal("the end of the channel would wait for the file")
		}
		c.reloading.Unlock()
		first := time.Now()
		for _, want := range []string{"not read after 5s", "an earlier reload still reads it"} {
			err := <-refused
			if !errors.As(err, new(control.ReloadRefused)) || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want %q", err, want)
			}
			if waited := time.Since(first); waited != readTime {
				t.Errorf("refused after %v", waited)
			}
			go reload()
			synctest.Wait()
		}
		<-refused // a third one, told the same
		close(release)
		synctest.Wait()
		if readings != 1 || c.File() != file {
			t.Errorf("%d readings; the file is %+v", readings, c.File())
		}
		go reload()
		if err := <-refused; err == nil || err.Error() != "read again" {
			t.Errorf("error %v after the file came back", err)
		}
	})
}
