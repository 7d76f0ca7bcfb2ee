package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// plantForTest plants canaries that are removed with the test.
func plantForTest(t *testing.T) *canaries {
	t.Helper()
	c, err := plant(t.Context(), Options{Home: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.remove)
	return c
}

func TestSettleWaitsForWhatWasSentBefore(t *testing.T) {
	c := plantForTest(t)
	c.reset()
	for _, a := range []struct {
		name string
		do   func() error
	}{
		{"tcp", func() error { return touch("tcp", c.targets.TCP[0]) }},
		{"udp", func() error { return touch("udp", c.targets.UDP) }},
		{"dns", func() error { return touch("udp", c.targets.DNS) }},
		{"abstract-socket", func() error { return touch("unix", c.targets.Abstract) }},
		{"signal", func() error { return unix.Kill(c.targets.VictimPID, unix.SIGCONT) }},
	} {
		c.reset()
		if err := c.settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if c.saw(a.name) {
			t.Fatalf("%s counts its own sentinel", a.name)
		}
		if err := a.do(); err != nil {
			t.Fatal(err)
		}
		if err := c.settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		for name := range c.counts {
			if c.saw(name) != (name == a.name) {
				t.Errorf("after %s, the canary %s says %v", a.name, name, c.saw(name))
			}
		}
	}
}

func touch(network, addr string) error {
	c, err := net.Dial(network, addr)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = io.WriteString(c, "x")
	return err
}

func TestSettleNamesACanaryThatDied(t *testing.T) {
	for name, s := range map[string]*sight{
		"cannot be poked": {poke: func(context.Context) error { return errors.New("it is gone") }, settled: make(chan struct{})},
		"sees nothing":    {poke: func(context.Context) error { return nil }, settled: make(chan struct{})},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		if name == "sees nothing" {
			cancel()
		}
		c := &canaries{counts: map[string]*sight{"udp": s}}
		if err := c.settle(ctx); err == nil || !strings.Contains(err.Error(), "the canary udp") {
			t.Errorf("one that %s: %v", name, err)
		}
		cancel()
	}
}

func TestRemoveLeavesNothing(t *testing.T) {
	home := t.TempDir()
	c, err := plant(t.Context(), Options{Home: home})
	if err != nil {
		t.Fatal(err)
	}
	c.remove()
	if left, err := os.ReadDir(home); err != nil || len(left) > 0 {
		t.Errorf("in the home stays %v: %v", left, err)
	}
	if _, set := os.LookupEnv(variable); set {
		t.Error("the variable stays")
	}
	if err := unix.Kill(c.targets.VictimPID, 0); !errors.Is(err, unix.ESRCH) {
		t.Errorf("the process stays: %v", err)
	}
	if err := touch("tcp", c.targets.TCP[0]); err == nil {
		t.Error("the listener stays")
	}
	if a := readDescriptor(t.Context(), c.targets); a.Proof != "" {
		t.Errorf("the descriptor stays: %s", a.Detail)
	}
}

func TestPlantLeavesNothingWhenACanaryFails(t *testing.T) {
	if _, err := plant(t.Context(), Options{Home: t.TempDir() + "/missing"}); err == nil || !strings.Contains(err.Error(), "home folder") {
		t.Errorf("a home that is not there: %v", err)
	}
	if _, set := os.LookupEnv(variable); set {
		t.Error("the variable stays")
	}
}

// TestRunBelievesNothing has inner halves that lie, or cannot speak.
func TestRunBelievesNothing(t *testing.T) {
	said := func(text string) Runner {
		return func(_ context.Context, _ []string, _ io.Reader, w io.Writer) error {
			_, err := io.WriteString(w, text)
			return err
		}
	}
	for _, c := range []struct {
		name   string
		inside Runner
		err    string
	}{
		{"a report that is none", said("Segmentation fault"), "its report cannot be read"},
		{"an endless report", said(strings.Repeat("[", maxReport+1)), "more output than the"},
		{"a runner that fails", func(context.Context, []string, io.Reader, io.Writer) error { return errors.New("no sandbox here") }, "no sandbox here"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Run(t.Context(), Options{Inside: c.inside, Outside: outside(t), Home: t.TempDir(), DeniedURL: MetadataURL})
			if err == nil || !strings.Contains(err.Error(), "in the bottle") || !strings.Contains(err.Error(), c.err) {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("one that says nothing of most attacks", func(t *testing.T) {
		r, err := Run(t.Context(), Options{Inside: said(`[{"name":"tcp","detail":"refused"}]`), Outside: outside(t), Home: t.TempDir(), DeniedURL: MetadataURL})
		if err != nil {
			t.Fatal(err)
		}
		if tcp, udp := find(t, r, "tcp"), find(t, r, "udp"); tcp.Outcome != Pass || udp.Outcome != Fail || r.Contained() {
			t.Errorf("tcp %+v, udp %+v", tcp, udp)
		}
	})
	t.Run("one that attacks and denies it", func(t *testing.T) {
		r, err := Run(t.Context(), Options{Inside: denying, Outside: outside(t), Home: t.TempDir(), DeniedURL: MetadataURL})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"tcp", "udp", "dns", "abstract-socket", "signal"} {
			if row := find(t, r, name); row.Outcome != Fail {
				t.Errorf("%s: %s: %s", name, row.Outcome, row.Detail)
			}
		}
	})
}

// denying attacks with all fences away, and reports that everything was refused.
func denying(ctx context.Context, _ []string, stdin io.Reader, stdout io.Writer) error {
	var targets targets
	if err := json.NewDecoder(stdin).Decode(&targets); err != nil {
		return err
	}
	var list []attempt
	for _, a := range attacks {
		if !a.insideOnly {
			a.try(ctx, targets)
		}
		list = append(list, attempt{Name: a.name, Detail: "refused"})
	}
	return json.NewEncoder(stdout).Encode(list)
}

func TestAskProxyWantsARefusal(t *testing.T) {
	t.Setenv("HTTP_PROXY", "")
	t.Setenv("http_proxy", "")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	a := askProxy(t.Context(), targets{DeniedURL: fmt.Sprintf("http://%s/", l.Addr())})
	if !a.Reached || !strings.Contains(a.Detail, "no refusal came from the proxy: connection refused") {
		t.Errorf("without a proxy it says %+v", a)
	}
}
