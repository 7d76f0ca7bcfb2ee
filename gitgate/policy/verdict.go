package policy

// verdict puts together what was found; nil if that is nothing.
func (x *check) verdict() *Refusal {
	r := &x.refusal
	advice := x.advice()
	if len(advice) == 0 && len(r.Refs) == 0 {
		return nil
	}
	said := r.Lines // of push options
	r.Lines = nil
	for _, p := range r.Places {
		r.line("  %s", p)
	}
	if r.more > 0 {
		r.line("  and %d more", r.more)
	}
	r.Lines = append(append(r.Lines, said...), advice...)
	return r
}

// advice says what can be done, and names the first rule and reason.
func (x *check) advice() (lines []string) {
	for _, a := range []struct {
		broken             bool
		rule, reason, text string
	}{
		{x.secrets, RuleSecret, "it has what looks like a credential", "Take the credentials out of every commit that has them, not only in a later one (git commit --amend, git rebase -i), use the placeholders that stand for them, and push again."},
		{x.forced, RuleForce, "commits would be lost", "Fetch, rebase or merge onto what is there, and push again; or push to a new branch."},
		{x.files, RuleFiles, "it changes what may not be changed", "Leave these paths as they are in every commit of the push, and push again; or ask the operator to change git: files in bottle.yaml."},
		{x.authors, RuleAuthor, "a commit is not by who it must be", "Make these commits anew (git rebase --exec 'git commit --amend --no-edit --reset-author'), and push again: " + x.policy.rules.Author.describe()},
		{len(x.refusal.Refs) > 0, RuleRef, "", ""},
	} {
		if !a.broken {
			continue
		}
		if x.refusal.Rule == "" {
			x.refusal.Rule = a.rule
		}
		if x.refusal.Others == "" {
			x.refusal.Others = a.reason
		}
		if a.text != "" {
			lines = append(lines, a.text)
		}
	}
	return lines
}
