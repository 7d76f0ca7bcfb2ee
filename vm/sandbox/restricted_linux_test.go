package sandbox

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestRestriction(t *testing.T) {
	const (
		most     = "/proc/sys/user/max_user_namespaces"
		debian   = "/proc/sys/kernel/unprivileged_userns_clone"
		apparmor = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"
	)
	for _, c := range []struct {
		name  string
		files map[string]string
		uid   int
		want  string
		fix   string
	}{
		{"nothing", map[string]string{most: "15000\n", debian: "1\n", apparmor: "0\n"}, 1000, "", ""},
		{"no user namespaces", map[string]string{most: "0\n"}, 1000, "user.max_user_namespaces=0", "sysctl"},
		{"no user namespaces, for root", map[string]string{most: "0\n"}, 0, "user.max_user_namespaces=0", "sysctl"},
		{"Debian", map[string]string{debian: "0\n"}, 1000, "kernel.unprivileged_userns_clone=0", "sysctl"},
		{"Debian, for root", map[string]string{debian: "0\n"}, 0, "", ""},
		{"Ubuntu", map[string]string{apparmor: "1\n"}, 1000, "kernel.apparmor_restrict_unprivileged_userns=1", "sudo bottle doctor --fix"},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := fakeHost(t, c.files)
			r := restriction(root, c.uid)
			if (r == nil) != (c.want == "") || r != nil && (r.Setting != c.want || !strings.Contains(r.Fix, c.fix)) {
				t.Errorf("got %+v, want %s", r, c.want)
			}
			if check := checkSettings(root, c.uid); check.OK != (c.want == "") {
				t.Errorf("doctor says %+v", check)
			}
		})
	}
}

func TestExplain(t *testing.T) {
	if err := explain(unix.EPERM); !errors.Is(err, unix.EPERM) || !strings.Contains(err.Error(), "forbids") {
		t.Errorf("error %v", err)
	}
	other := errors.New("other")
	if err := explain(other); !errors.Is(err, other) || err.Error() != "other" {
		t.Errorf("error %v", err)
	}
}

func TestFixAppArmor(t *testing.T) {
	root := fakeHost(t, map[string]string{
		"/etc/apparmor.d/other": "", "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1\n",
	})
	var ran []string
	run := func(_ context.Context, args ...string) error { ran = args; return nil }
	file, err := fixAppArmor(t.Context(), root, "/usr/local/bin/bottle", run)
	if err != nil {
		t.Fatal(err)
	}
	if want := "apparmor_parser --replace " + file; strings.Join(ran, " ") != want {
		t.Errorf("ran %q, want %q", ran, want)
	}
	text, err := os.ReadFile(filepath.Join(root, "/etc/apparmor.d/bottle"))
	if err != nil || !strings.Contains(string(text), `profile bottle "/usr/local/bin/bottle" flags=(unconfined) {`) || !strings.Contains(string(text), "  userns,\n") {
		t.Errorf("error %v, profile %s", err, text)
	}
	if left, _ := os.ReadDir(filepath.Dir(file)); len(left) != 2 {
		t.Errorf("left behind: %v", left)
	}
	if check := checkSettings(root, 1000); !check.OK {
		t.Errorf("doctor says %+v", check)
	}
	for _, bad := range []string{"bottle", "/a/../b", "/a/*", `/a"b`, "/a\nb", "/a/@{b}", ""} {
		if _, err := fixAppArmor(t.Context(), root, bad, run); err == nil {
			t.Errorf("a profile for %q was written", bad)
		}
	}
	if _, err := fixAppArmor(t.Context(), t.TempDir(), "/usr/bin/bottle", run); err == nil || !strings.Contains(err.Error(), "no AppArmor") {
		t.Errorf("error %v", err)
	}
	failed := errors.New("failed")
	if _, err := fixAppArmor(t.Context(), root, "/usr/bin/bottle", func(context.Context, ...string) error { return failed }); !errors.Is(err, failed) {
		t.Errorf("error %v", err)
	}
}
