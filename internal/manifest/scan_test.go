package manifest

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/dlp"
)

func TestScanSection(t *testing.T) {
	p := newPlace(t).manifest(`version: 1
dlp:
  custom:
    - {id: acme, description: Key of Acme, prefix: acme_, class: "[A-Za-z0-9]", length: 32}
    - {id: ticket, prefix: t., pattern: "[a-z]{20}", max: 40}
  known: [./.env, ~/.netrc, .env]
  canaries: [BACKUP_TOKEN]
  rules: {acme: warn}
  allow: [{rule: ticket, host: a.com}]
`)
	m := p.mustLoad()
	want := []dlp.CustomRule{
		{ID: "acme", Description: "Key of Acme", Prefix: "acme_", Class: "[A-Za-z0-9]", Length: 32},
		{ID: "ticket", Prefix: "t.", Pattern: "[a-z]{20}", Max: 40},
	}
	if !slices.Equal(m.Scan.Custom, want) {
		t.Errorf("custom %+v", m.Scan.Custom)
	}
	if want := []string{filepath.Join(p.project, ".env"), filepath.Join(p.home, ".netrc")}; !slices.Equal(m.Scan.Known, want) {
		t.Errorf("known %q, want %q", m.Scan.Known, want)
	}
	if !slices.Equal(m.Scan.Canaries, []string{"BACKUP_TOKEN"}) || m.DLP.Rules["acme"] != dlp.Warn || m.DLP.Allow[0].Rule != "ticket" {
		t.Errorf("got %+v, %+v", m.Scan, m.DLP)
	}
}

// Files of known values are read once the project is trusted, and never before.
func TestKnownFilesAreCheckedWhenTrusted(t *testing.T) {
	p := newPlace(t).manifest("version: 1\ndlp: {known: [./.env, ./missing, ./bad.json, .]}\n")
	p.write(filepath.Join(p.project, ".env"), "DB_PASSWORD=hunter2-x\nAPI_KEY=q7Zt4mX9w2Lb8Kv3Hd6\n")
	p.write(filepath.Join(p.project, "bad.json"), `{"token":"q7Zt4mX9w2Lb8Kv3Hd7"`)
	m := p.mustLoad()
	trust := OpenTrust(t.TempDir())
	if _, err := m.Check(trust, secretOptions()); !errors.Is(err, ErrNotTrusted) || strings.Contains(err.Error(), "bad.json") {
		t.Fatalf("not trusted: %v", err)
	}
	if err := trust.Trust(m); err != nil {
		t.Fatal(err)
	}
	warnings, err := m.Check(trust, secretOptions())
	text := ""
	if err != nil {
		text = err.Error()
	}
	for _, want := range []string{"bottle.yaml:2:34: dlp.known[2]: " + filepath.Join(p.project, "bad.json") + ": it is no JSON at byte", "bottle.yaml:2:46: dlp.known[3]: " + p.project + " is not a regular file"} {
		if !strings.Contains(text, want) {
			t.Errorf("got %q, want %q", text, want)
		}
	}
	for _, want := range []string{"dlp.known: there is no file " + filepath.Join(p.project, "missing"), "file .env: DB_PASSWORD is weak: it has 9 bytes"} {
		if !slices.ContainsFunc(warnings, func(w string) bool { return strings.Contains(w, want) }) {
			t.Errorf("warnings %q, want %q", warnings, want)
		}
	}
	if all := text + strings.Join(warnings, "\n"); strings.Contains(all, "hunter2") || strings.Contains(all, "q7Zt") {
		t.Errorf("a value is told: %s", all)
	}

	m = p.manifest("version: 1\ndlp: {known: [./.env, ./missing]}\n").mustLoad()
	known, missing, err := m.KnownValues()
	if err != nil || len(known) != 2 || known[1].Name != "file .env: API_KEY" || len(missing) != 1 {
		t.Errorf("got %v, %q, %v", known, missing, err)
	}
}

func TestWeakSecretsAreNamed(t *testing.T) {
	p := newPlace(t).manifest(`version: 1
egress: {routes: [{host: a.com, secrets: [short, long, run]}]}
secrets:
  short: {from: {file: ./short}}
  long: {from: {file: ./long}}
  run: {from: {command: [/bin/false]}}
`)
	p.write(filepath.Join(p.project, "short"), "hunter2-x")
	p.write(filepath.Join(p.project, "long"), "q7Zt4mX9w2Lb8Kv3Hd6")
	got := p.mustLoad().WeakValues(secretOptions())
	if len(got) != 1 || !strings.HasPrefix(got[0], "secret short is weak: it has 9 bytes") {
		t.Errorf("got %q", got)
	}
}
