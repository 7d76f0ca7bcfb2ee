package policy

import (
	"fmt"
	"strings"
	"testing"
)

func TestSecretsAreToldByCommitPathAndLine(t *testing.T) {
	w := newWorld(t)
	w.commit("first", "src/a.go", "package a\n")
	w.upload("HEAD:refs/heads/main")
	base := w.git("rev-parse", "HEAD")
	short := func(rev string) string { return w.git("rev-parse", "--short=12", rev) }
	restart := func() { w.git("checkout", "-q", "-B", "work", base) }
	expect := func(what string, r *Refusal, places ...string) {
		t.Helper()
		refused(t, what, r, RuleSecret, "credential")
		if r == nil {
			return
		}
		for _, p := range places {
			if !strings.Contains(strings.Join(r.Lines, "\n"), p) {
				t.Errorf("%s: no %q in %q", what, p, r.Lines)
			}
		}
	}

	restart()
	w.commit("a file", "src/a.go", "package a\n\nconst key = \""+secret+"\"\n")
	expect("a file", w.decide(open, "HEAD:refs/heads/work"), short("HEAD")+":src/a.go:3 known-secret (db)")
	w.commit("taken out", "src/a.go", "package a\n")
	expect("a commit in the middle", w.decide(open, "HEAD:refs/heads/work"), short("HEAD~")+":src/a.go:3 known-secret")

	restart()
	w.commit("new folders", "x/y/z.txt", secret)
	expect("a new folder", w.decide(open, "HEAD:refs/heads/work"), short("HEAD")+":x/y/z.txt:1 known-secret")

	restart()
	w.commit("subject\n\nthe key is\n" + secret)
	expect("a message", w.decide(open, "HEAD:refs/heads/work"), short("HEAD")+":4 known-secret (db) in its message")

	restart()
	w.git("tag", "-a", "-m", "one\n"+secret, "v1")
	expect("a tag", w.decide(open, "HEAD:refs/heads/work", "v1:refs/tags/v1"), short("v1")+":2 known-secret (db) in a tag in its message")

	restart()
	w.commit("a name", "dir/"+secret+"/a.txt", "1\n")
	expect("the name of a folder", w.decide(open, "HEAD:refs/heads/work"), short("HEAD")+":dir/[…] known-secret (db) in the name of a file")
	restart()
	w.commit("a name", "dir/x-"+secret+".txt", secret+"\n")
	expect("a name and what is in it", w.decide(open, "HEAD:refs/heads/work"), short("HEAD")+":dir/[…] known", short("HEAD")+":dir/[…]:1 known")

	restart()
	r := w.decide(open, "HEAD:refs/heads/"+secret)
	expect("the name of a ref", r)
	if r != nil && !strings.Contains(r.Refs["refs/heads/"+secret], "its name") {
		t.Errorf("the ref's reason is %q", r.Refs)
	}

	restart()
	blob := strings.TrimSpace(w.run(w.client, strings.NewReader("a\n"+secret), "hash-object", "-w", "--stdin"))
	expect("a file that no commit has", w.decide(open, blob+":refs/blobs/x"), blob[:12]+":2 known-secret (db) in a file that no commit has")

	restart()
	var files []string
	for i := range 9 {
		files = append(files, fmt.Sprintf("f%d", i), fmt.Sprintf("%d\n%s\n", i, secret))
	}
	w.commit("many", files...)
	r = w.decide(open, "HEAD:refs/heads/work")
	expect("many", r, "and 4 more")
	if r != nil && len(r.Places) != MaxPlaces {
		t.Errorf("%d places are told", len(r.Places))
	}
}

func TestTheNameOfADeletedRefIsScanned(t *testing.T) {
	w := newWorld(t)
	w.commit("first", "a", "1\n")
	w.upload("HEAD:refs/heads/main")
	ref := "refs/heads/" + secret
	w.upload("HEAD:" + ref)
	push := w.push(":" + ref)
	push.Scan = newScan(t)
	rules := open
	rules.Delete = []string{"refs/heads/**"}
	p, err := New(rules)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := p.Check(t.Context(), push); err != nil || r == nil || r.Refs[ref] == "" {
		t.Errorf("%+v, %v", r, err)
	}
	allowed(t, "another one", w.decide(rules, ":refs/heads/main"))
}

func TestPushOptionsAreScanned(t *testing.T) {
	w := newWorld(t)
	w.commit("first", "a", "1\n")
	push := w.push("HEAD:refs/heads/work")
	push.Options = []string{"ci.skip", "token=" + secret}
	p, err := New(open)
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.Check(t.Context(), push)
	if err != nil {
		t.Fatal(err)
	}
	refused(t, "an option", r, RuleSecret, "Push option 2")
}

func TestWhatTheServerHasIsNotNew(t *testing.T) {
	w := newWorld(t)
	old := "one\nkey = " + secret + "\n"
	w.commit("first", "conf/a.txt", old, "b.txt", "1\n", secret+".txt", "1\n")
	w.upload("HEAD:refs/heads/main")
	base := w.git("rev-parse", "HEAD")

	w.commit("another line", "conf/a.txt", old+"more\n")
	allowed(t, "another line of the file", w.decide(open, "HEAD:refs/heads/work"))
	w.commit("and another", "conf/a.txt", "zero\n"+old+"more\n")
	allowed(t, "two commits", w.decide(open, "HEAD:refs/heads/work"))
	w.commit("the folder of the name", "c.txt", "1\n")
	allowed(t, "a name that is there", w.decide(open, "HEAD:refs/heads/work"))

	w.git("checkout", "-q", "-B", "work", base)
	w.commit("elsewhere", "b.txt", "1\n"+secret+"\n")
	refused(t, "the same in another file", w.decide(open, "HEAD:refs/heads/work"), RuleSecret, "b.txt:2")

	w.git("checkout", "-q", "-B", "work", base)
	token := "ghp_" + "16C7e42F292c6912E7" + "710c838347Ae178B4a"
	w.commit("another secret", "conf/a.txt", old+"token: "+token+"\n")
	r := w.decide(open, "HEAD:refs/heads/work")
	refused(t, "another secret in the same file", r, RuleSecret, "conf/a.txt:3")
	if r != nil && len(r.Places) != 1 {
		t.Errorf("%v is told", r.Places)
	}
}
