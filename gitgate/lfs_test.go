package gitgate_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
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
