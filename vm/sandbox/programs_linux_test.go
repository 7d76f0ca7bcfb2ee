package sandbox

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/vm"
)

// What lives in a home folder runs inside once its install folder is found.
func TestInstalledProgramRuns(t *testing.T) {
	home, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(home), 0o711); err != nil {
		t.Fatal(err)
	}
	version := filepath.Join(home, ".tools", "v1")
	for name, text := range map[string]string{
		".tools/v1/bin/interp":     "#!/bin/sh\necho \"interp $(basename \"$1\")\"\n",
		".tools/v1/lib/agent.code": "#!/usr/bin/env interp\n",
		".secret":                  "secret",
	} {
		name = filepath.Join(home, name)
		err := os.MkdirAll(filepath.Dir(name), 0o755)
		if err == nil {
			err = os.WriteFile(name, []byte(text), 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../lib/agent.code", filepath.Join(version, "bin", "agent")); err != nil {
		t.Fatal(err)
	}
	install, err := vm.FindInstall("agent", filepath.Join(version, "bin")+":"+vm.DefaultPath, home)
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"PATH": strings.Join(append(install.Path, vm.DefaultPath), ":")}
	m := newMachine(t, Options{}, vm.Spec{Mounts: install.Mounts, Links: install.Links, Env: env})
	if code, out := run(t, m, "agent"); code != 0 || out != "interp agent\n" {
		t.Errorf("code %d: %s", code, out)
	}
	if code, out := run(t, m, "cat", filepath.Join(home, ".secret")); code == 0 {
		t.Errorf("the home is seen: %s", out)
	}
}

// The programs that agents use do not miss what is denied.
func TestUsualPrograms(t *testing.T) {
	m := newMachine(t, Options{}, vm.Spec{})
	for _, script := range []string{
		"git init -q x && cd x && git config user.name a && git config user.email a@example.com && git commit -q --allow-empty -m x && git log --oneline | grep -q x && git clone -q . ../y && git -C ../y log --oneline | grep -q x",
		`node -e 'require("fs").writeFileSync("f", "x"); require("http").createServer().listen(0, function(){this.close()}); console.log(require("child_process").execSync("echo ok")+"")' | grep -q ok`,
		"curl --version > /dev/null",
		`npm --version > /dev/null && mkdir -p dep app && cd dep && npm init -y > /dev/null && npm pack --silent && cd ../app && npm install --offline --no-audit --silent ../dep/dep-1.0.0.tgz && test -f node_modules/dep/package.json`,
		"tar czf a.tgz /etc/passwd && tar tzf a.tgz > /dev/null && tar xpzf a.tgz && cmp etc/passwd /etc/passwd",
		"cp -p /bin/true t && cp -a t u && ./u && mkdir -m 755 d && mkdir -p -m 700 d/e && install -m 755 t d/f && chmod 1777 d && mktemp && mktemp -d",
		`python3 -c 'import os, shutil, tempfile; os.makedirs("m/n", 0o2775); shutil.copytree("m", "o"); tempfile.TemporaryFile().write(b"x")'`,
		"test -w /tmp && test -w ~ && test -w /dev/shm && test -w /dev/null && : > /dev/null",
		"mkfifo p && (echo hi > p & cat p | grep -q hi)",
	} {
		program, _, _ := strings.Cut(script, " ")
		if code, _ := run(t, m, "/bin/sh", "-c", "command -v "+program); code != 0 && os.Getenv("CI") == "" {
			t.Logf("not tried, for it is not installed: %s", program)
			continue
		}
		if code, out := run(t, m, "/bin/sh", "-ec", script); code != 0 {
			t.Errorf("%s: code %d: %s", script, code, out)
		}
	}
}
