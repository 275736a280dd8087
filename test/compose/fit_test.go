package compose_test

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"onair/pipeline/config"
	"onair/pkg/leg"
)

// channel is the file of a pipeline, as `onair run` reads it in there.
func channel(t *testing.T, s service) *config.Channel {
	t.Helper()
	file, readOnly := s.mounted("/etc/onair/channel.yaml") // the image's own command
	if !readOnly {
		t.Fatalf("%s: /etc/onair/channel.yaml is not there, or may be written", s.Name)
	}
	channels, err := config.LoadAll([]string{file}, s.lookup)
	if err != nil {
		t.Fatal(err)
	}
	return channels[0]
}

func pipelines(s system) map[string]service {
	return map[string]service{"a": s.Services["pipeline-a"], "b": s.Services["pipeline-b"]}
}

// TestNamesAreThere: what a service names of this file exists, and addresses are in their networks, each once.
func TestNamesAreThere(t *testing.T) {
	s := load(t, map[string]string{"NET_RED": "10.9.1", "NET_BLUE": "10.9.2", "NET_INSIDE": "10.9.3"})
	taken := map[string]string{}
	for name, service := range s.Services {
		for _, other := range service.Depends {
			if _, ok := s.Services[other]; !ok {
				t.Errorf("%s depends on %s, which there is not", name, other)
			}
		}
		for _, v := range service.Volumes {
			if from, _, _ := strings.Cut(v, ":"); !strings.HasPrefix(from, "./") {
				if _, ok := s.Volumes[from]; !ok {
					t.Errorf("%s: there is no volume %s", name, from)
				}
			}
		}
		for network, at := range service.Networks {
			config := s.Networks[network].IPAM.Config
			if len(config) != 1 || !strings.HasPrefix(config[0].Subnet, "10.9.") {
				t.Fatalf("%s: network %s has no subnet that can be chosen", name, network)
			}
			address, err := netip.ParseAddr(at.Address)
			if err != nil || !netip.MustParsePrefix(config[0].Subnet).Contains(address) || taken[at.Address] != "" {
				t.Errorf("%s: %q is no address in %s, or has %q", name, at.Address, config[0].Subnet, taken[at.Address])
			}
			taken[at.Address] = name
		}
	}
}

// TestSenderReachesEveryLeg: each leg of each pipeline gets the packets on its own network, and nobody else does.
func TestSenderReachesEveryLeg(t *testing.T) {
	s := load(t, nil)
	var sent, wanted []string
	for _, arg := range s.Services["sender"].Command {
		if to, ok := strings.CutPrefix(arg, "--to="); ok {
			u, err := leg.ParseDestination(to)
			if err != nil {
				t.Fatalf("%s: %v", to, err)
			}
			sent = append(sent, u.String())
		}
	}
	for _, service := range pipelines(s) {
		legs := channel(t, service).Inputs[0].Legs
		if len(legs) != 2 {
			t.Fatalf("%d legs", len(legs))
		}
		for i, network := range []string{"red", "blue"} {
			u := legs[i]
			u.Host = service.Networks[network].Address
			wanted = append(wanted, u.String())
		}
	}
	slices.Sort(sent)
	slices.Sort(wanted)
	if !slices.Equal(sent, wanted) {
		t.Errorf("the sender sends to %v, and received is at %v", sent, wanted)
	}
}

// origin is the file of a region's origin, as `onair origin` reads it in there.
func origin(t *testing.T, s system, region string) *config.Origin {
	t.Helper()
	service := s.Services["origin-"+region]
	file, readOnly := service.mounted(service.Command[1])
	if service.Command[0] != "origin" || !readOnly {
		t.Fatalf("%s: %v, and no such file", service.Name, service.Command)
	}
	o, err := config.LoadOrigin(file, service.lookup)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// TestPipelinesAreTwins: one file, and one timeline, in the bucket that s3 makes, with its keys.
func TestPipelinesAreTwins(t *testing.T) {
	s := load(t, nil)
	both := pipelines(s)
	a, b := channel(t, both["a"]), channel(t, both["b"])
	if a.File != b.File || !a.Timeline.Same(b.Timeline) || a.Timeline.S3 == "" {
		t.Errorf("%s and %s, timelines %s and %s", a.File, b.File, a.Timeline, b.Timeline)
	}
	u, err := url.Parse(a.Timeline.S3)
	if err != nil {
		t.Fatal(err)
	}
	store := s.Services["s3"]
	if endpoint := u.Query().Get("endpoint"); endpoint != "http://s3:7070" || !slices.Contains(store.Command, ":7070") ||
		!strings.Contains(dockerfile(t, store), "/data/"+u.Host+" ") {
		t.Errorf("bucket %s at %s is not what s3 makes and where it listens", u.Host, endpoint)
	}
	for region, pipeline := range both {
		if pipeline.Environment["AWS_ACCESS_KEY_ID"] != store.Environment["ROOT_ACCESS_KEY"] ||
			pipeline.Environment["AWS_SECRET_ACCESS_KEY"] != store.Environment["ROOT_SECRET_KEY"] {
			t.Errorf("pipeline %s has other keys than the bucket", region)
		}
	}
}

// TestEachPublishesToItsOwnOrigin, and has the right to do so there and nowhere else.
func TestEachPublishesToItsOwnOrigin(t *testing.T) {
	s := load(t, nil)
	passwords := map[config.Secret]bool{}
	for region, pipeline := range pipelines(s) {
		c, o := channel(t, pipeline), origin(t, s, region)
		if len(c.Outputs) != 1 {
			t.Fatalf("pipeline %s publishes to %v", region, c.Outputs)
		}
		out, writer := c.Outputs[0], o.Writers[0]
		passwords[writer.Password] = true
		if out.HTTP != "http://origin-"+region+o.HTTP || out.Pipeline != region {
			t.Errorf("pipeline %s publishes to %s as %s", region, out, out.Pipeline)
		}
		if out.User != writer.User || out.Password != writer.Password || !slices.Contains(writer.Channels, c.Name) {
			t.Errorf("origin %s does not take what its pipeline brings", region)
		}
		if o.Retention <= c.Window {
			t.Errorf("origins keep segments for %v, and the window lists %v", o.Retention, c.Window)
		}
	}
	if len(passwords) != len(pipelines(s)) {
		t.Error("origins share a password")
	}
}

// TestEdgeAsksBothOrigins, by address, and knows how long a segment is.
func TestEdgeAsksBothOrigins(t *testing.T) {
	s := load(t, nil)
	edge := s.Services["edge"].Environment
	for region, variable := range map[string]string{"a": "EDGE_ORIGIN_A", "b": "EDGE_ORIGIN_B"} {
		want := s.Services["origin-"+region].Networks["inside"].Address + origin(t, s, region).HTTP
		if edge[variable] != want {
			t.Errorf("%s is %s, and origin %s is at %s", variable, edge[variable], region, want)
		}
	}
	c := channel(t, s.Services["pipeline-a"])
	if length, err := time.ParseDuration(edge["EDGE_SEGMENT"] + "s"); err != nil || length != c.Segment {
		t.Errorf("EDGE_SEGMENT is %s, and a segment %v", edge["EDGE_SEGMENT"], c.Segment)
	}
}
