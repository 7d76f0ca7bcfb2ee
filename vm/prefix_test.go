package vm_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/internal/paths"
	"github.com/bot-bottle/bottle/vm"
)

const elf, shell = "\x7fELF", "#!/bin/sh\n"

// TestLayouts has the ways in which agents and toolchains are installed: what
// must be seen of each for its program to run, and what else stands there.
func TestLayouts(t *testing.T) {
	for _, tt := range []struct {
		name, path, program string
		files               map[string]string
		seen, hidden        []string
	}{
		{"flyctl beside its token", ".fly/bin", "flyctl",
			map[string]string{".fly/bin/flyctl": elf, ".fly/bin/fly": "->flyctl", ".fly/config.yml": "token", ".fly/state.yml": ""},
			[]string{".fly/bin/flyctl"}, []string{".fly/config.yml", ".fly/state.yml"}},
		{"docker beside its logins", ".docker/bin", "docker",
			map[string]string{".docker/bin/docker": elf, ".docker/config.json": "token", ".docker/contexts/x": "", ".docker/cli-plugins/p": elf},
			[]string{".docker/bin/docker"}, []string{".docker/config.json", ".docker/contexts/x"}},
		{"npm with a prefix in HOME", ".npm-global/bin", "claude",
			map[string]string{".npm-global/bin/claude": "->../lib/node_modules/@a/claude/cli.js", ".npm-global/lib/node_modules/@a/claude/cli.js": shell, ".npm-global/lib/node_modules/dep/x.js": "",
				".npm-global/etc/npmrc": "token", ".npm-global/.npmrc": "token"},
			[]string{".npm-global/bin/claude", ".npm-global/lib/node_modules/@a/claude/cli.js", ".npm-global/lib/node_modules/dep/x.js"}, []string{".npm-global/etc/npmrc", ".npm-global/.npmrc"}},
		{"the native installer", ".local/bin", "claude",
			map[string]string{".local/bin/claude": "->../share/claude/versions/2.1", ".local/share/claude/versions/2.1": elf, ".local/share/keyrings/login": "token", ".local/bin/other": elf},
			[]string{".local/share/claude/versions/2.1"}, []string{".local/share/keyrings/login", ".local/bin/other"}},
		{"nvm", ".nvm/versions/node/v22/bin", "claude",
			map[string]string{".nvm/versions/node/v22/bin/claude": "->../lib/node_modules/@a/claude/cli.js", ".nvm/versions/node/v22/lib/node_modules/@a/claude/cli.js": "#!/usr/bin/env node\n",
				".nvm/versions/node/v22/bin/node": elf, ".nvm/versions/node/v22/etc/npmrc": "token", ".nvm/.env": "token"},
			[]string{".nvm/versions/node/v22/bin/node", ".nvm/versions/node/v22/lib/node_modules/@a/claude/cli.js"}, []string{".nvm/versions/node/v22/etc/npmrc", ".nvm/.env"}},
		{"the local install, a script beside node_modules", ".claude/local", "claude",
			map[string]string{".claude/local/claude": shell, ".claude/local/node_modules/.bin/claude": "->../@a/claude/cli.js", ".claude/local/node_modules/@a/claude/cli.js": "#!/usr/bin/env node\n",
				".n/bin/node": elf, ".claude/.credentials.json": "token", ".claude/local/.npmrc": "token", ".claude/settings.json": ""},
			[]string{".claude/local/claude", ".claude/local/node_modules/.bin/claude", ".claude/local/node_modules/@a/claude/cli.js", ".n/bin/node"},
			[]string{".claude/.credentials.json", ".claude/local/.npmrc", ".claude/settings.json"}},
		{"pyenv", ".pyenv/shims", "aider",
			map[string]string{".pyenv/shims/aider": shell, ".pyenv/libexec/pyenv": shell, ".pyenv/bin/pyenv": "->../libexec/pyenv", ".pyenv/versions/3.12/bin/aider": shell, ".pyenv/version": "3.12",
				".pyenv/.git/config": "token", ".pyenv/auth.json": "token"},
			[]string{".pyenv/shims/aider", ".pyenv/libexec/pyenv", ".pyenv/bin/pyenv", ".pyenv/versions/3.12/bin/aider", ".pyenv/version"}, []string{".pyenv/.git/config", ".pyenv/auth.json"}},
		{"a virtual environment with the python of pyenv", ".venvs/a/bin", "aider",
			map[string]string{".venvs/a/bin/aider": "#!HOME/.venvs/a/bin/python\n", ".venvs/a/bin/python": "->HOME/.pyenv/versions/3.12/bin/python3.12", ".venvs/a/pyvenv.cfg": "", ".venvs/a/lib/python3.12/x.py": "",
				".pyenv/versions/3.12/bin/python3.12": elf, ".pyenv/versions/3.12/lib/os.py": "", ".venvs/a/.env": "token"},
			[]string{".venvs/a/pyvenv.cfg", ".venvs/a/lib/python3.12/x.py", ".pyenv/versions/3.12/bin/python3.12", ".pyenv/versions/3.12/lib/os.py"}, []string{".venvs/a/.env"}},
		{"volta", ".volta/bin", "claude",
			map[string]string{".volta/bin/claude": "->volta-shim", ".volta/bin/volta-shim": elf, ".volta/tools/image/node/22/bin/node": elf, ".volta/layout.v4": "", ".volta/hooks.json": "token"},
			[]string{".volta/bin/claude", ".volta/bin/volta-shim", ".volta/tools/image/node/22/bin/node", ".volta/layout.v4"}, []string{".volta/hooks.json"}},
		{"asdf", ".asdf/shims", "claude",
			map[string]string{".asdf/shims/claude": shell, ".asdf/bin/asdf": shell, ".asdf/lib/utils.bash": "", ".asdf/installs/nodejs/22/bin/claude": shell, ".asdf/plugins/nodejs/bin/exec-env": shell, ".asdf/.asdfrc": "token"},
			[]string{".asdf/shims/claude", ".asdf/bin/asdf", ".asdf/lib/utils.bash", ".asdf/installs/nodejs/22/bin/claude", ".asdf/plugins/nodejs/bin/exec-env"}, []string{".asdf/.asdfrc"}},
		{"bun", ".bun/bin", "claude",
			map[string]string{".bun/bin/claude": "->../install/global/node_modules/@a/claude/cli.js", ".bun/install/global/node_modules/@a/claude/cli.js": "#!/usr/bin/env bun\n", ".bun/bin/bun": elf, ".bun/.npmrc": "token",
				".bun/install/global/node_modules/dep/x.js": "", ".bun/install/cache/x": ""},
			[]string{".bun/bin/bun", ".bun/install/global/node_modules/dep/x.js", ".bun/install/global/node_modules/@a/claude/cli.js"}, []string{".bun/.npmrc"}},
		{"a part that is a link to a home", ".tool/bin", "tool",
			map[string]string{".tool/bin/tool": elf, ".tool/share": "->HOME", "notes": "secret"},
			[]string{".tool/bin/tool"}, []string{"notes", ".tool/share/notes"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			home := tree(t, nil)
			for name, text := range tt.files {
				tt.files[name] = strings.ReplaceAll(text, "HOME", home)
			}
			plant(t, home, tt.files)
			at := func(name string) string { return filepath.Join(home, name) }
			got, err := vm.FindInstall(tt.program, at(tt.path)+":"+at(".n/bin")+":/usr/bin:/bin", home)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range tt.seen {
				if !visible(got, at(name)) {
					t.Errorf("%s is not seen: %+v", name, got.Mounts)
				}
			}
			for _, name := range tt.hidden {
				if visible(got, at(name)) {
					t.Errorf("%s is seen: %+v", name, got.Mounts)
				}
			}
			for _, m := range got.Mounts {
				if !m.ReadOnly {
					t.Errorf("%s can be written", m.Target)
				}
			}
		})
	}
}

// visible reports whether a machine with this shows a file.
func visible(i vm.Install, name string) bool {
	for _, m := range i.Mounts {
		if m.Target == name || paths.Below(name, m.Target) {
			return true
		}
	}
	return false
}
