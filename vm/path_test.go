package vm_test

import (
	"testing"

	"github.com/bot-bottle/bottle/vm"
)

func TestGuestPath(t *testing.T) {
	mounts := []vm.Mount{{Source: "/home/me/.nvm/v20/bin", Target: "/home/me/.nvm/v20/bin"}, {Source: "/x", Target: "/work"},
		{Source: "/home/me/bin/script", Target: "/home/me/bin/script"}}
	links := []vm.Link{{Path: "/home/me/.local/bin/claude", Target: "/home/me/.local/share/claude/2"}}
	for _, c := range []struct{ name, path, want string }{
		{"what the machine has, in the order of the host", "/usr/lib/go/bin:/home/me/.nvm/v20/bin:/usr/bin", "/usr/lib/go/bin:/home/me/.nvm/v20/bin:/usr/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/sbin:/bin"},
		{"not what it has not", "/home/me/.cargo/bin:/home/me:/snap/bin", vm.DefaultPath},
		{"a folder of a mounted one", "/work/node_modules/.bin", "/work/node_modules/.bin:" + vm.DefaultPath},
		{"a folder with a mounted program, or a link to one", "/home/me/.local/bin:/home/me/bin/", "/home/me/.local/bin:/home/me/bin:" + vm.DefaultPath},
		{"no working directory, and each once", ":.:bin:/usr/bin:/usr/bin/", "/usr/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/sbin:/bin"},
		{"none", "", vm.DefaultPath},
	} {
		if got := vm.GuestPath(c.path, mounts, links); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
