package vm_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/vm"
)

func TestSpecDefaults(t *testing.T) {
	s, err := vm.Spec{ID: "a-1", Mounts: []vm.Mount{
		{Source: "/b/", Target: "/x/y"}, {Source: "/a"}, {Source: "/c/../d", Target: "/x"},
	}}.Defaults()
	if err != nil {
		t.Fatal(err)
	}
	want := []vm.Mount{{Source: "/a", Target: "/a"}, {Source: "/d", Target: "/x"}, {Source: "/b", Target: "/x/y"}}
	if !slices.Equal(s.Mounts, want) {
		t.Errorf("mounts %+v, want %+v", s.Mounts, want)
	}
	if s.Hostname != vm.DefaultHostname || s.User.Name != vm.DefaultUser || s.User.Home != vm.DefaultHome {
		t.Errorf("defaults are %q, %+v", s.Hostname, s.User)
	}
}

func TestSpecIsRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		spec vm.Spec
		text string
	}{
		{"no id", vm.Spec{}, "id"},
		{"an id that is a path", vm.Spec{ID: "../x"}, "id"},
		{"a host name with a line feed", vm.Spec{Hostname: "a\nb"}, "hostname"},
		{"the user root", vm.Spec{User: vm.User{Name: "root"}}, "another user"},
		{"a user with a colon", vm.Spec{User: vm.User{Name: "a:0"}}, "user name"},
		{"a home with a colon", vm.Spec{User: vm.User{Home: "/a:b"}}, "home"},
		{"a relative home", vm.Spec{User: vm.User{Home: "a"}}, "not an absolute path"},
		{"the home /", vm.Spec{User: vm.User{Home: "/x/.."}}, "home"},
		{"a shell with a line feed", vm.Spec{User: vm.User{Shell: "/bin/sh\n"}}, "shell"},
		{"a relative mount", vm.Spec{Mounts: []vm.Mount{{Source: "a"}}}, "not an absolute path"},
		{"a mount over /", vm.Spec{Mounts: []vm.Mount{{Source: "/a", Target: "/b/.."}}}, "mounted over"},
		{"two mounts in one place", vm.Spec{Mounts: []vm.Mount{{Source: "/a"}, {Source: "/b", Target: "/a/"}}}, "another mount"},
		{"a link without a target", vm.Spec{Links: []vm.Link{{Path: "/a"}}}, "no path"},
		{"a host's name with a line feed", vm.Spec{Hosts: []vm.Host{{Addr: "1.2.3.4", Names: []string{"a\nb"}}}}, "host name"},
		{"a host's address with a line feed", vm.Spec{Hosts: []vm.Host{{Addr: "1.2.3.4\n"}}}, "IP address"},
		{"a port that there is not", vm.Spec{Ports: []int{65536}}, "port"},
		{"a variable with = in its name", vm.Spec{Env: map[string]string{"a=b": ""}}, "environment variable"},
		{"a variable with a NUL byte", vm.Spec{Env: map[string]string{"a": "\x00"}}, "environment variable"},
		{"too little memory", vm.Spec{Resources: vm.Resources{Memory: 1}}, "memory"},
		{"no number of CPUs", vm.Spec{Resources: vm.Resources{CPUs: math.NaN()}}, "cpus"},
		{"a negative number of processes", vm.Spec{Resources: vm.Resources{PIDs: -1}}, "pids"},
	} {
		if c.name != "no id" && c.spec.ID == "" {
			c.spec.ID = "ok"
		}
		if _, err := c.spec.Defaults(); err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: error %v, want one that says %q", c.name, err, c.text)
		}
	}
}

func TestEnviron(t *testing.T) {
	s := vm.Spec{ID: "a", Env: map[string]string{"PATH": "/x", "A": "1"}}
	s, err := s.Defaults()
	if err != nil {
		t.Fatal(err)
	}
	got := s.Environ(&vm.Command{Env: map[string]string{"A": "2"}})
	want := []string{"A=2", "HOME=/home/agent", "LANG=C.UTF-8", "LOGNAME=agent", "PATH=/x", "SHELL=/bin/sh", "USER=agent"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCommandIsRefused(t *testing.T) {
	for text, cmd := range map[string]vm.Command{
		"needs a program":      {Args: []string{""}},
		"not an absolute path": {Args: []string{"x"}, Dir: "y"},
		"NUL byte":             {Args: []string{"x", "\x00"}},
		"leave Stderr nil":     {Args: []string{"x"}, TTY: &vm.WinSize{}, Stderr: &strings.Builder{}},
		"environment variable": {Args: []string{"x"}, Env: map[string]string{"": ""}},
	} {
		if err := cmd.Check(); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("error %v, want one that says %q", err, text)
		}
	}
}
