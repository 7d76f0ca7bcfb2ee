package sandbox

import (
	"fmt"
	"os"
	"strings"

	"github.com/bot-bottle/bottle/vm"
)

// etcFile is a file of /etc that is written anew: the host's tells about its
// users and its network.
type etcFile struct{ path, text string }

// etcFiles returns them for a spec with its defaults filled in. The agent's
// numbers are those inside.
func etcFiles(spec *vm.Spec) []etcFile {
	uid, gid := insideIDs()
	u := spec.User
	hosts := &strings.Builder{}
	fmt.Fprintf(hosts, "127.0.0.1\tlocalhost %s\n::1\tlocalhost ip6-localhost ip6-loopback\n", spec.Hostname)
	for _, h := range spec.Hosts {
		fmt.Fprintf(hosts, "%s\t%s\n", h.Addr, strings.Join(h.Names, " "))
	}
	return []etcFile{
		{"/etc/passwd", fmt.Sprintf("root:x:0:0:root:/root:/bin/sh\n%s:x:%d:%d:%s:%s:%s\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
			u.Name, uid, gid, u.Name, u.Home, u.Shell)},
		{"/etc/group", fmt.Sprintf("root:x:0:\ntty:x:5:\n%s:x:%d:\nnogroup:x:65534:\n", u.Name, gid)},
		{"/etc/hostname", spec.Hostname + "\n"},
		{"/etc/hosts", hosts.String()},
		{"/etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nprotocols: files\nservices: files\n"},
		// Nothing outside can be asked. What listens there, if anything, is in
		// the machine; else the answer is an immediate refusal.
		{"/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:2 attempts:1\n"},
	}
}

// shellOf picks the shell of a user for whom the Spec names none.
func shellOf(spec *vm.Spec) string {
	if spec.User.Shell != "" {
		return spec.User.Shell
	}
	if _, err := os.Stat("/bin/bash"); err == nil {
		return "/bin/bash"
	}
	return vm.DefaultShell
}
