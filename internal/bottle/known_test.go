package bottle

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/dlp"
	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/secret"
)

// Canaries are in the bottle's environment and found when they leave; the values
// of files are known, but for those that a secret or its placeholder has.
func TestCanariesAndKnownFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const token, other = "acme-h7Jq2mXz9bLw4TnRv8cYk1Ge5sPd6uQa", "q7Zt4mX9w2Lb8Kv3Hd6"
	write("token", token)
	write("bottle.yaml", `version: 1
egress: {routes: [{host: api.example.com, secrets: [token]}]}
dlp: {canaries: [BAIT], known: [./.env, ./missing], custom: [{id: acme, prefix: acmekey_, class: "[a-z]", length: 20}]}
secrets: {token: {from: {file: ./token}}}
`)
	m, err := manifest.Load(manifest.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	stateDir := t.TempDir()
	key, err := secret.LoadKey(stateDir)
	if err != nil {
		t.Fatal(err)
	}
	placeholder, err := secret.Placeholder(key, m.Dir, "token", token)
	if err != nil {
		t.Fatal(err)
	}
	write(".env", "TOKEN="+token+"\nOLD_TOKEN="+placeholder+"\nOTHER_KEY="+other+"\n")
	u := &user{stateDir: stateDir, key: key}
	cfg, cred, err := u.proxyConfig(context.Background(), m, secret.Options{})
	if err != nil {
		t.Fatal(err)
	}
	bait := cred.env["BAIT"]
	if len(bait) != len(canaryShape) || bait == canaryShape {
		t.Errorf("the canary is %q", bait)
	}
	want := []dlp.Known{{Name: "BAIT", Value: bait, Kind: dlp.KnownCanary}, {Name: "file .env: OTHER_KEY", Value: other}}
	if !slices.Equal(cfg.Scan.Known, want) || len(cfg.Scan.Custom) != 1 {
		t.Errorf("the proxy scans for %+v", cfg.Scan)
	}
	again, err := resolve(context.Background(), m, key, secret.Options{}, nil)
	if err != nil || again.env["BAIT"] != bait {
		t.Errorf("the canary changes: %v", err)
	}
	write(".env", "TOKEN=\xff"+other)
	if _, _, err := u.proxyConfig(context.Background(), m, secret.Options{}); err == nil || !strings.Contains(err.Error(), ".env: it is no text") || strings.Contains(err.Error(), other) {
		t.Errorf("a file that cannot be read: %v", err)
	}
}
