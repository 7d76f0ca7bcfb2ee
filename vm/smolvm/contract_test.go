package smolvm

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// contract is what holds of every smolvm without a hypervisor: the calls, in their
// order, that the driver and its double are built on. {} stands for a folder with an
// image in root, an archive image.tar, and an empty home.
var contract = []struct {
	name string
	args string
	code int
	out  string // stdout has it
	err  string // stderr has it
}{
	{"version", "--version", 0, "smolvm ", ""},
	{"help of create", "machine create --help", 0, "--mount-socket", ""},
	{"an unknown flag", "machine create --no-such-flag", 2, "", "--no-such-flag"},
	{"exec without a command", "machine exec --name x", 2, "", ""},
	{"exec has no -n", "machine exec -n x -- true", 2, "", ""},
	{"exec -d with -i", "machine exec --name x -d -i -- true", 2, "", ""},
	{"a word for create", "machine create word", 2, "", "word"},
	{"none", "machine ls --json", 0, "[]", ""},
	{"create from a folder", "machine create --name c1 --label bottle=c1 --label a=b=c --image {}/root --cpus 2 --mem 512 --mount-socket {}/s:/run/bottle/s.sock -v {}/root:/mnt/x:ro -- sleep infinity", 0, "Created machine: c1", ""},
	{"create from an archive", "machine create --name c2 --label bottle=c2 --image {}/image.tar -- sleep infinity", 0, "Created machine: c2", ""},
	{"a name twice", "machine create --name c1 --image {}/root -- true", 1, "", "already exists or is being created"},
	{"a name that begins with a hyphen", "machine create --name=-x --image {}/root", 1, "", "must start with a letter or digit"},
	{"two hyphens in a name", "machine create --name x--y --image {}/root", 1, "", "cannot contain consecutive hyphens"},
	{"a hyphen at the end of a name", "machine create --name x- --image {}/root", 1, "", "cannot end with a hyphen"},
	{"a label without =", "machine create --name x --image {}/root --label x", 1, "", "expected KEY=VALUE"},
	{"a socket without a guest path", "machine create --name x --image {}/root --mount-socket /a", 1, "", "expected HOST_PATH:GUEST_PATH"},
	{"a relative guest path", "machine create --name x --image {}/root --mount-socket /a:b", 1, "", "must be absolute"},
	{"a guest path twice", "machine create --name x --image {}/root --mount-socket /a:/b --mount-socket /c:/b", 1, "", "more than once"},
	{"a volume that is not there", "machine create --name x --image {}/root -v {}/no:/b", 1, "", "mount source not found"},
	{"a volume that is a file", "machine create --name x --image {}/root -v {}/image.tar:/b", 1, "", "must be a directory"},
	{"a volume of the system", "machine create --name x --image {}/root -v /etc:/b", 1, "", "protected system path"},
	{"little memory", "machine create --name x --image {}/root --mem 32", 1, "", "memory must be at least 64 MiB"},
	{"no processor", "machine create --name x --image {}/root --cpus 0", 1, "", "CPU count must be at least 1"},
	{"an image that is not there", "machine create --name x --image {}/no.tar", 1, "", "--image"},
	{"status", "machine status --name c1", 0, "Machine 'c1': ", ""},
	{"status of none", "machine status --name none", 1, "", "not found"},
	{"the data folder", "machine data-dir --name c1", 0, "/", ""},
	{"exec in one that does not run", "machine exec --name c1 -- true", 1, "", "machine 'c1' is not running"},
	{"exec in none", "machine exec --name none -- true", 1, "", "vm not found: none"},
	{"cp without a machine", "machine cp {}/image.tar {}/x", 1, "", "one of SRC or DST must use machine:path syntax"},
	{"cp to one that does not run", "machine cp {}/image.tar c1:/x --mode 755", 1, "", "not running"},
	{"start of none", "machine start --name none", 1, "", "vm not found: none"},
	{"stop of one that does not run", "machine stop --name c1", 0, "is not running", ""},
	{"stop of none", "machine stop --name none", 1, "", "vm not found: none"},
	{"update of nothing", "machine update --name c1", 0, "No changes specified", ""},
	{"delete of none", "machine delete --name none -f", 1, "", "not found"},
	{"delete", "machine delete --name c1 -f", 0, "Deleted machine: c1", ""},
	{"delete of the other", "machine delete --name c2 -f", 0, "Deleted machine: c2", ""},
	{"none is left", "machine ls --json", 0, "[]", ""},
}

// testContract runs it with one program.
func testContract(t *testing.T, binary string, environ []string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "root", "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	writeArchive(t, filepath.Join(dir, "image.tar"))
	for _, c := range contract {
		args := strings.Fields(strings.ReplaceAll(c.args, "{}", dir))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		cmd := exec.CommandContext(ctx, binary, args...)
		var out, errs bytes.Buffer
		cmd.Env, cmd.Stdout, cmd.Stderr = environ, &out, &errs
		_ = cmd.Run()
		cancel()
		text := clean(errs.String())
		if code := cmd.ProcessState.ExitCode(); code != c.code || !strings.Contains(out.String(), c.out) || !strings.Contains(text, c.err) {
			t.Errorf("%s: smolvm %s:\ncode %d, want %d\nstdout %q, want %q\nstderr %q, want %q", c.name, c.args, code, c.code, out.String(), c.out, text, c.err)
		}
		if c.name == "create from an archive" {
			lookAtList(t, binary, environ)
		}
	}
}

// lookAtList looks at the keys that the driver reads.
func lookAtList(t *testing.T, binary string, environ []string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, "machine", "ls", "--json")
	cmd.Env = environ
	out, err := cmd.Output()
	var list []map[string]any
	if err == nil {
		err = json.Unmarshal(out, &list)
	}
	if err != nil || len(list) != 2 {
		t.Fatalf("ls --json: %v, %s", err, out)
	}
	i := slices.IndexFunc(list, func(m map[string]any) bool { return m["name"] == "c1" })
	for key, want := range map[string]any{"state": "created", "network": false, "pid": nil, "memory_mib": 512.0, "cpus": 2.0, "mounts": 1.0} {
		if got := list[i][key]; got != want {
			t.Errorf("ls --json: %s is %v, want %v", key, got, want)
		}
	}
	if labels, _ := list[i]["labels"].(map[string]any); labels["a"] != "b=c" || labels[Label] != "c1" {
		t.Errorf("ls --json: labels are %v", list[i]["labels"])
	}
}

// writeArchive writes what passes for one of docker save until a start.
func writeArchive(t *testing.T, path string) {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	text := `[{"Config":"c.json","RepoTags":["x:latest"],"Layers":[]}]`
	for _, f := range [][2]string{{"manifest.json", text}, {"c.json", `{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}`}} {
		if err := w.WriteHeader(&tar.Header{Name: f[0], Mode: 0o644, Size: int64(len(f[1])), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(f[1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, buf.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
