package gitgate_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/dlp"
	"github.com/bot-bottle/bottle/gitgate"
	"github.com/bot-bottle/bottle/proxy"
)

// lfsHeader is a credential that the origin's LFS gives for its store.
const lfsHeader = "store-" + "credential-9Xw3"

// serveLFS is a small server of LFS: a batch, and a store that wants a header.
func (o *origin) serveLFS(w http.ResponseWriter, r *http.Request) bool {
	store := filepath.Join(o.root, "lfs")
	if oid, ok := strings.CutPrefix(r.URL.Path, "/lfs-store/"); ok {
		if r.Header.Get("X-Store") != lfsHeader {
			http.Error(w, "no", http.StatusForbidden)
			return true
		}
		path := filepath.Join(store, filepath.Base(oid))
		switch r.Method {
		case http.MethodGet:
			http.ServeFile(w, r, path)
		case http.MethodPut:
			body, _ := io.ReadAll(r.Body)
			_ = os.MkdirAll(store, 0o755)
			_ = os.WriteFile(path, body, 0o644)
		}
		return true
	}
	if !strings.HasSuffix(r.URL.Path, "/info/lfs/objects/batch") {
		return false
	}
	var batch struct {
		Operation string
		Objects   []map[string]any
	}
	if err := json.NewDecoder(r.Body).Decode(&batch); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return true
	}
	for _, obj := range batch.Objects {
		oid, _ := obj["oid"].(string)
		_, err := os.Stat(filepath.Join(store, filepath.Base(oid)))
		if (err == nil) == (batch.Operation == "download") {
			obj["actions"] = map[string]any{batch.Operation: map[string]any{"href": o.URL + "/lfs-store/" + oid, "header": map[string]string{"X-Store": lfsHeader}}}
		}
	}
	w.Header().Set("Content-Type", "application/vnd.git-lfs+json")
	_ = json.NewEncoder(w).Encode(map[string]any{"transfer": "basic", "objects": batch.Objects})
	return true
}

// TestUploadsAreRefused asks for uploads that are none of the rules'.
func TestUploadsAreRefused(t *testing.T) {
	root := t.TempDir()
	o := newOrigin(t, root)
	gate, err := gitgate.New(gitgate.Options{TempDir: root,
		Hosts: []gitgate.Host{{Name: "forge.test", URL: o.url(), Private: true, Repos: repos(), Auth: gitgate.BasicAuth{Password: value(token)}}}})
	if err != nil {
		t.Fatal(err)
	}
	readOnly := gate.Only(func(_ string, r gitgate.Repo) (gitgate.Repo, bool) { r.Push = nil; return r, true })
	front := func(g *gitgate.Gate) string {
		cfg := proxy.Config{RootCAs: o.roots(), Gate: g, DLP: dlp.Policy{Action: dlp.Block}, Scan: dlp.Options{Known: []dlp.Known{known}}}
		return newFront(t, newServerOf(t, cfg, &journal{})) + "/forge.test"
	}
	send := func(method, url, body string) (int, string) {
		t.Helper()
		req, err := http.NewRequest(method, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		b, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(b)
	}
	const batch = "/org/write.git/info/lfs/objects/batch"
	before := front(gate)
	oid := strings.Repeat("1", 64)
	objects := `"objects": [{"oid": "` + oid + `", "size": 1}]`
	status, answer := send(http.MethodPost, before+batch, `{"operation": "upload", `+objects+`}`)
	_, tail, ok := strings.Cut(answer, before)
	if status != http.StatusOK || !ok {
		t.Fatalf("%d %s", status, answer)
	}
	tail, _, _ = strings.Cut(tail, `"`)
	if status, answer := send(http.MethodPut, front(readOnly)+tail, "x"); status != http.StatusForbidden || !strings.Contains(answer, "can be read and not pushed to") {
		t.Errorf("a place from before the repository became read-only: %d %s", status, answer)
	}
	escaped := ""
	for _, c := range known.Value {
		escaped += fmt.Sprintf("\\u%04x", c)
	}
	if status, answer := send(http.MethodPost, before+batch, `{"operation": "upload", "ref": {"name": "refs/heads/`+escaped+`"}, `+objects+`}`); status != http.StatusBadRequest {
		t.Errorf("a ref with a secret in escapes: %d %s", status, answer)
	}
}
