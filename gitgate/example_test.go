package gitgate_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/bot-bottle/bottle/gitgate"
	"github.com/bot-bottle/bottle/gitgate/policy"
	"github.com/bot-bottle/bottle/proxy"
)

// A gate is a part of a proxy's Config: all that git asks of its hosts is answered by it,
// with a credential that the client does not have.
func ExampleNew() {
	gate, err := gitgate.New(gitgate.Options{Hosts: []gitgate.Host{{
		Name: "github.com",
		Auth: gitgate.BasicAuth{Password: func(context.Context) (string, error) { return "token", nil }},
		Repos: []gitgate.Repo{
			{Path: "org/library"}, // to read
			{Path: "org/app", Push: &gitgate.Push{Rules: policy.Rules{Create: []string{"refs/heads/agent/**"}}}},
		},
	}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	config := proxy.Config{Gate: gate}
	fmt.Println(config.Gate != nil)
	// Output: true
}

// A client of a gate that stands alone is given a gitconfig, whatever URLs it has.
func ExampleClientConfig() {
	text := gitgate.ClientConfig([]string{"github.com"}, func(host string) string { return "http://127.0.0.1:8080/" + host + "/" })
	for line := range strings.Lines(text) {
		if strings.Contains(line, "git@github.com:") || strings.HasPrefix(line, "[url") {
			fmt.Println(strings.TrimSpace(line))
		}
	}
	// Output:
	// [url "http://127.0.0.1:8080/github.com/"]
	// insteadOf = git@github.com:
}
