package vm_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/bot-bottle/bottle/vm"
)

// tree makes files below a folder: a text that begins with "->" is a link.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	plant(t, root, files)
	return root
}

func plant(t *testing.T, root string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(root, name)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if err != nil {
			t.Fatal(err)
		}
		if len(text) > 2 && text[:2] == "->" {
			err = os.Symlink(text[2:], path)
		} else {
			err = os.WriteFile(path, []byte(text), 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestFindInstall(t *testing.T) {
	home := tree(t, map[string]string{
		".nvm/v20/bin/node":                          "\x7fELF",
		".nvm/v20/bin/claude":                        "->../lib/node_modules/@a/claude/cli.js",
		".nvm/v20/lib/node_modules/@a/claude/cli.js": "#!/usr/bin/env node\n",
		".local/bin/native":                          "->../share/native/versions/2.1",
		".local/share/native/versions/2.1":           "\x7fELF",
		"bin/script":                                 "#!/bin/sh\n",
		"bin/tool":                                   "->../proj/node_modules/tool/dist/tool.js",
		"proj/node_modules/tool/dist/tool.js":        "#!/usr/bin/env -S node --flag\n",
		".cloned/shims/ruby":                         "#!/bin/sh\n",
		".cloned/libexec/cloned":                     "#!/bin/sh\n",
		".cloned/.git/config":                        "",
		".cloned/credentials":                        "",
		".pyenv/shims/python3":                       "#!/usr/bin/env sh\n",
		"bin/not-executable/x":                       "",
		".cargo/bin/cargo":                           "->rustup",
		".cargo/bin/rustup":                          "\x7fELF",
		".cargo/credentials.toml":                    "token",
		".venv/bin/tool2":                            "#!" + "/bin/sh" + "\n",
	})
	nvm := filepath.Join(home, ".nvm/v20")
	path := filepath.Join(nvm, "bin") + ":" + filepath.Join(home, ".local/bin") + ":" + filepath.Join(home, "bin") + ":" + filepath.Join(home, ".pyenv/shims") + ":" + filepath.Join(home, ".cloned/shims") + ":/usr/bin:/bin:."
	ro := func(names ...string) (out []vm.Mount) {
		for _, n := range names {
			p := filepath.Join(home, n)
			out = append(out, vm.Mount{Source: p, Target: p, ReadOnly: true})
		}
		return out
	}
	at := func(name string) string { return filepath.Join(home, name) }
	tests := []struct {
		name, program string
		want          vm.Install
	}{
		{"a program of the system needs nothing", "sh", vm.Install{}},
		{"of a prefix the parts are shown, with the interpreter that is in it too", "claude",
			vm.Install{Mounts: ro(".nvm/v20/bin", ".nvm/v20/lib"), Path: []string{at(".nvm/v20/bin")}}},
		{"a native installer's file is shown alone, never ~/.local", "native",
			vm.Install{Mounts: ro(".local/share/native/versions/2.1"), Links: []vm.Link{{Path: at(".local/bin/native"), Target: at(".local/share/native/versions/2.1")}}, Path: []string{at(".local/bin")}}},
		{"a script in ~/bin is shown alone, never the home", "script",
			vm.Install{Mounts: ro("bin/script"), Path: []string{at("bin")}}},
		{"a program of node is shown with its package", "tool",
			vm.Install{Mounts: ro("proj/node_modules/tool", ".nvm/v20/bin", ".nvm/v20/lib"), Links: []vm.Link{{Path: at("bin/tool"), Target: at("proj/node_modules/tool/dist/tool.js")}}, Path: []string{at("bin"), at(".nvm/v20/bin")}}},
		{"shims need what stands beside them", "python3",
			vm.Install{Mounts: ro(".pyenv/shims"), Path: []string{at(".pyenv/shims")}}},
		{"of a folder with credentials in it the programs are shown", at(".cargo/bin/cargo"), vm.Install{Mounts: ro(".cargo/bin")}},
		{"shims of a clone need its parts, and no credential", "ruby",
			vm.Install{Mounts: ro(".cloned/shims", ".cloned/libexec"), Path: []string{at(".cloned/shims")}}},
		{"an absolute path changes no PATH", at(".venv/bin/tool2"), vm.Install{Mounts: ro(".venv/bin")}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := vm.FindInstall(tt.program, path, home)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
		})
	}
	if _, err := vm.FindInstall("nowhere", path, home); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a program that is nowhere: %v", err)
	}
}
