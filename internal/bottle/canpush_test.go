package bottle

import (
	"bytes"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"
)

// A server that says nothing delays a start by the timeout, and no more.
func TestASilentServerOfGitIsNotWaitedFor(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := newProject(t)
	var log bytes.Buffer
	b, err := p.launch(p.trusted(""), &fakeBackend{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	b.log = slog.New(slog.NewTextHandler(&log, nil))
	m := p.load("git:\n  forge.example.com: {url: 'https://" + l.Addr().String() + "/', repos: [{path: org/repo, access: write}, {path: org/read}]}\n")
	gate, err := newGate(m, &credentials{})
	if err != nil {
		t.Fatal(err)
	}
	cfg := b.reload.inForce
	cfg.Gate = gate
	if err := b.server.Reload(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	b.prepared.Manifest = m
	b.probePushes(t.Context(), time.Millisecond)()
	if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "whether the agent can push to forge.example.com/org/repo is not known") {
		t.Errorf("it says\n%s", text)
	}
}
