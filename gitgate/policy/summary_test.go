package policy

import (
	"fmt"
	"strings"
	"testing"
)

func TestAPushIsSummarised(t *testing.T) {
	p, err := New(open)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	old := w.commit("first", "a", "1\n", "d/b", "1\n", "d/c", "1\n")
	w.upload("HEAD:refs/heads/work")
	w.upload("HEAD:refs/heads/gone")
	w.commit("second\n\nwith a message", "a", "2\n", "d/c", "", "d/e/f", "1\n")
	w.commit("third \x1b[2J", "a", "3\n", "d/"+secret, "1\n")
	lines, err := p.Summarise(t.Context(), w.push("HEAD:refs/heads/work", ":refs/heads/gone", "HEAD:refs/heads/other"))
	if err != nil {
		t.Fatal(err)
	}
	head := w.git("rev-parse", "HEAD")
	want := []string{
		"move refs/heads/work from " + old + " to " + head,
		"delete refs/heads/gone, which is " + old,
		"create refs/heads/other as " + head,
		"2 commits, the last of them:",
		"  " + head[:12] + " third [2J",
		"  " + w.git("rev-parse", "--short=12", "HEAD~") + " second",
		"4 files: 2 added, 1 changed, 1 removed",
		"  change a", "  remove d/c", "  add d/[…]", "  add d/e/f",
	}
	if strings.Join(lines, "\n") != strings.Join(want, "\n") {
		t.Errorf("it says\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
}

func TestALargePushIsSummarisedInFewLines(t *testing.T) {
	p, err := New(open)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	var files, specs []string
	for i := range 40 {
		files = append(files, fmt.Sprintf("f%d", i), fmt.Sprintf("%d\n", i))
	}
	w.commit("first", files...)
	for i := range 8 {
		w.commit(fmt.Sprintf("number %d", i))
		specs = append(specs, fmt.Sprintf("HEAD:refs/heads/a%d", i), fmt.Sprintf("HEAD:refs/heads/b%d", i))
	}
	first, err := p.Summarise(t.Context(), w.push(specs...))
	if err != nil || len(first) > 45 || !strings.Contains(strings.Join(first, "\n"), "and 6 refs more") {
		t.Errorf("%d lines: %q, %v", len(first), first, err)
	}
	specs[15] = "HEAD~:refs/heads/b7"
	second, err := p.Summarise(t.Context(), w.push(specs...))
	if err != nil || strings.Join(first, "\n") == strings.Join(second, "\n") {
		t.Errorf("another push has the same summary: %v", err)
	}
}

// Programs at the server act by push options, so they are told, and tell two pushes
// apart.
func TestPushOptionsAreSummarised(t *testing.T) {
	p, err := New(open)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	w.commit("first", "a", "1\n")
	summary := func(options ...string) string {
		push := w.push("HEAD:refs/heads/work")
		push.Options = options
		lines, err := p.Summarise(t.Context(), push)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(lines, "\n")
	}
	one := summary("merge_request.create", secret)
	if !strings.Contains(one, "with the option merge_request.create\n") || strings.Contains(one, secret) {
		t.Errorf("it says\n%s", one)
	}
	many := make([]string, 30)
	for i := range many {
		many[i] = fmt.Sprintf("ci.variable=%d", i)
	}
	first := summary(many...)
	many[29] = "ci.skip"
	if summary(many...) == first || one == summary() {
		t.Error("with other options a push has the same summary")
	}
}
