package double

import (
	"fmt"
	"slices"
	"strings"
)

// command is one of machine's, with the flags that it knows: true for those with
// a value.
type command struct {
	flags map[string]bool
	words int // how many words it takes; -1: those behind -- only
	run   func(*double, *parsed, string) int
}

// parsed are the arguments of a call.
type parsed struct {
	on     map[string]bool
	values map[string][]string
	words  []string
	behind []string // --
}

func (p *parsed) get(names ...string) string {
	for _, n := range names {
		if v := p.values[n]; len(v) > 0 {
			return v[len(v)-1]
		}
	}
	return ""
}

func (p *parsed) all(names ...string) (list []string) {
	for _, n := range names {
		list = append(list, p.values[n]...)
	}
	return list
}

var nameFlags = map[string]bool{"--name": true, "-n": true}

func with(more map[string]bool) map[string]bool {
	all := map[string]bool{}
	for _, m := range []map[string]bool{nameFlags, more} {
		for k, v := range m {
			all[k] = v
		}
	}
	return all
}

var commands map[string]*command

func init() {
	commands = map[string]*command{
		"create": {with(map[string]bool{"--label": true, "--image": true, "-I": true, "--cpus": true, "--mem": true, "--storage": true, "--overlay": true,
			"--volume": true, "-v": true, "--mount-socket": true, "--expose-socket": true, "--init": true, "--env": true, "-e": true, "--workdir": true, "-w": true}), -1, (*double).create},
		"start":    {with(nil), 0, (*double).start},
		"stop":     {with(nil), 0, (*double).stop},
		"delete":   {with(map[string]bool{"-f": false, "--force": false}), 0, (*double).remove},
		"status":   {with(map[string]bool{"--json": false}), 0, (*double).status},
		"ls":       {map[string]bool{"--json": false, "-v": false}, 0, (*double).list},
		"data-dir": {with(nil), 0, (*double).dataDir},
		"update":   {with(nil), 0, (*double).update},
		"cp":       {map[string]bool{"--mode": true, "--uid": true, "--gid": true}, 2, (*double).copy},
		"exec": {map[string]bool{"--name": true, "--workdir": true, "-w": true, "--env": true, "-e": true, "--timeout": true, "-i": false, "--interactive": false,
			"-t": false, "--tty": false, "--stream": false, "-d": false, "--detach": false}, -1, (*double).exec},
	}
}

// parse reads arguments as clap does. When they are wrong it says so and returns
// nil.
func (c *command) parse(args []string) (*parsed, int) {
	p := &parsed{on: map[string]bool{}, values: map[string][]string{}}
	for i := 0; i < len(args); i++ {
		a := args[i]
		if a == "--" {
			if c.words >= 0 {
				p.words = append(p.words, args[i+1:]...)
			} else {
				p.behind = args[i+1:]
			}
			break
		}
		name, value, inline := strings.Cut(a, "=")
		takes, known := c.flags[name]
		switch {
		case a == "--help":
			p.on[a] = true
		case a == "-it" && !inline:
			p.on["-i"], p.on["-t"] = true, true
		case !strings.HasPrefix(a, "-") || a == "-":
			if p.words = append(p.words, a); c.words < 0 {
				return nil, usage("unexpected argument '%s' found", a)
			}
		case !known:
			return nil, usage("unexpected argument '%s' found", a)
		case !takes:
			p.on[name] = true
		case inline:
			p.values[name] = append(p.values[name], value)
		case i+1 >= len(args):
			return nil, usage("a value is required for '%s' but none was supplied", a)
		default:
			i++
			p.values[name] = append(p.values[name], args[i])
		}
	}
	if c.words >= 0 && len(p.words) != c.words && !p.on["--help"] {
		return nil, usage("the following required arguments were not provided")
	}
	return p, 0
}

func (c *command) help(verb string) string {
	names := []string{}
	for f := range c.flags {
		names = append(names, f)
	}
	slices.Sort(names)
	return fmt.Sprintf("Usage: smolvm machine %s [OPTIONS] [-- <COMMAND>...]\n\nOptions:\n      %s\n", verb, strings.Join(names, " <V>\n      "))
}
