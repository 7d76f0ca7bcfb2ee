package proxy

import (
	"slices"
	"strings"

	"github.com/bot-bottle/bottle/dlp"
)

// The limits of what is kept of earlier configurations, the newest of it.
const (
	// maxFormerSecrets bounds the secrets that were removed.
	maxFormerSecrets = 64
	// maxFormerGrants bounds the pairs of host and secret that no route names any
	// more.
	maxFormerGrants = 256
	// maxFormerKnown and maxFormerBytes bound the values of Scan.Known that are
	// there no more. Of these the oldest are kept: they come from files that the
	// agent may be able to write, but not before it was started.
	maxFormerKnown = 1024
	maxFormerBytes = 1 << 20
)

// former is what earlier configurations lent, and to whom. A reload does not
// take a value back: hosts that were given it can still answer with it, and what
// has answered can still be repeated by the agent. Nor does one make the agent
// forget what it has read in a file of known values.
type former struct {
	secrets []*secretState // that are in the configuration no more, oldest first
	grants  []grant
	known   []dlp.Known // of Scan, that are in the configuration no more, oldest first
}

// grant says that a secret was to be had on the hosts of a route.
type grant struct {
	host   string // as in Route, canonical
	secret string
}

func (g grant) matches(host string) bool {
	if suffix, ok := strings.CutPrefix(g.host, "*"); ok {
		return len(host) > len(suffix) && strings.HasSuffix(host, suffix)
	}
	return host == g.host
}

// remember takes over what old knows and snap does not say itself.
func (snap *snapshot) remember(old *snapshot) {
	f := &snap.former
	for _, st := range slices.Concat(old.former.secrets, old.secrets) {
		if snap.secret(st.Name) == nil {
			f.secrets = append(f.secrets, st)
		}
	}
	f.secrets = f.secrets[max(0, len(f.secrets)-maxFormerSecrets):]
	now := snap.Policy.grants()
	for _, g := range slices.Concat(old.former.grants, old.Policy.grants()) {
		if !slices.Contains(now, g) && !slices.Contains(f.grants, g) && snap.known(g.secret) != nil {
			f.grants = append(f.grants, g)
		}
	}
	f.grants = f.grants[max(0, len(f.grants)-maxFormerGrants):]
	f.known = snap.formerKnown(slices.Concat(old.former.known, old.Scan.Known))
}

// formerKnown are those of some known values that snap does not say itself.
func (snap *snapshot) formerKnown(all []dlp.Known) (kept []dlp.Known) {
	taken, size := map[string]bool{}, 0
	for _, k := range snap.Scan.Known {
		taken[k.Value] = true
	}
	for _, st := range snap.secrets {
		taken[st.value], taken[st.Placeholder] = true, true
	}
	for _, k := range all {
		if taken[k.Value] {
			continue
		}
		if len(kept) == maxFormerKnown || size+len(k.Value) > maxFormerBytes {
			break
		}
		taken[k.Value] = true
		size += len(k.Value)
		kept = append(kept, k)
	}
	return kept
}

// grants lists which hosts may be given which secrets.
func (p *Policy) grants() (all []grant) {
	for _, r := range p.routes {
		for _, name := range r.Secrets {
			all = append(all, grant{r.Host, name})
		}
	}
	return all
}

// known returns a secret of this configuration or of an earlier one.
func (snap *snapshot) known(name string) *secretState {
	if st := snap.secret(name); st != nil {
		return st
	}
	for _, st := range snap.former.secrets {
		if st.Name == name {
			return st
		}
	}
	return nil
}

// hostSecrets are the secrets whose values a host may have: those that some
// route may have injected there, or might have once.
func (snap *snapshot) hostSecrets(host string) secretSet {
	set := snap.Policy.hostSecrets(host)
	names := slices.Clip(set.names)
	for _, g := range snap.former.grants {
		if g.matches(host) && !slices.Contains(names, g.secret) {
			names = append(names, g.secret)
		}
	}
	if len(names) == len(set.names) {
		return set
	}
	return newSecretSet(names)
}

// knownTexts are all that the scanner is to know by heart.
func (snap *snapshot) knownTexts() []dlp.Known {
	known := slices.Clone(snap.Scan.Known)
	add := func(st *secretState) {
		known = append(known, dlp.Known{Name: st.Name, Value: st.value, Kind: dlp.KnownSecret},
			dlp.Known{Name: st.Name, Value: st.Placeholder, Kind: dlp.KnownPlaceholder})
	}
	for _, st := range snap.secrets {
		add(st)
	}
	current := len(known)
	past := func(st *secretState) {
		for _, v := range st.past {
			known = append(known, dlp.Known{Name: st.Name, Value: v, Kind: dlp.KnownSecret})
		}
	}
	for _, st := range snap.secrets {
		past(st)
	}
	for _, st := range slices.Backward(snap.former.secrets) {
		add(st)
		past(st)
	}
	known = append(known, snap.former.known...)
	// What was a value once may be a placeholder now: the first meaning counts,
	// which is the newest.
	kinds := map[string]dlp.KnownKind{}
	for _, k := range known[:current] {
		kinds[k.Value] = k.Kind
	}
	older := slices.DeleteFunc(known[current:], func(k dlp.Known) bool {
		kind, ok := kinds[k.Value]
		if !ok {
			kinds[k.Value] = k.Kind
		}
		return ok && kind != k.Kind
	})
	return known[:current+len(older)]
}
