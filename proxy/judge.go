package proxy

import (
	"fmt"

	"github.com/bot-bottle/bottle/dlp"
)

// verdict is what findings of one part of a request come to.
type verdict struct {
	events []EventFinding
	// placeholders are collected by name; they are inert unless an injection step
	// says otherwise.
	placeholders []string
	// stop is the denial for the first finding that blocks.
	stop *denial
}

// judge decides findings where nothing can be replaced.
func (snap *snapshot) judge(findings []dlp.Finding, where, host string) (v verdict) {
	for _, f := range findings {
		wanted := snap.DLP.Decide(f, host)
		done := wanted
		if done != dlp.Off && done != dlp.Warn {
			done = dlp.Block
		}
		v.add(f, where, wanted, done)
	}
	return v
}

// judgeRedactions is judge for what a Redactor did, which was told to do as wanted
// says.
func judgeRedactions(all []dlp.Redaction, where string, wanted func(dlp.Finding) dlp.Action) (v verdict) {
	for _, r := range all {
		done := r.Action
		if done == dlp.Redact && r.Marker == "" {
			done = dlp.Block // nothing was replaced, which a strict Redactor does not do
		}
		v.add(r.Finding, where, wanted(r.Finding), done)
	}
	return v
}

// add notes a finding with what the policy wants and what is done.
func (v *verdict) add(f dlp.Finding, where string, wanted, done dlp.Action) {
	switch {
	case f.Kind == dlp.KindPlaceholder:
		v.placeholders = append(v.placeholders, f.Name)
		return
	case done == dlp.Off:
		return
	}
	v.events = append(v.events, EventFinding{Rule: f.Rule, Confidence: string(f.Confidence), Field: f.Field, Where: where, Offset: f.Offset, Length: f.Length, Hash: f.Hash, Action: string(done)})
	if done == dlp.Block && v.stop == nil {
		v.stop = denyDLP(f.Rule, blockMessage(f, where, wanted == dlp.Redact))
		v.stop.fixed = wanted == dlp.Redact
	}
}

// blockMessage says what was seen where, never the text itself.
func blockMessage(f dlp.Finding, where string, fixed bool) string {
	if f.Kind == dlp.KindUnscanned {
		return fmt.Sprintf("a part of the %s of this request, from offset %d on, could not be looked through (%s), so it was not sent. Do not retry: send it in a form that can be read.", where, f.Offset, unscannedReasons[f.Name])
	}
	what := "what looks like a credential (" + f.Rule + ")"
	if f.Name != "" {
		what = "the value of the secret " + f.Name
	}
	if text := pieceText(f); text != "" {
		what = text
	} else if f.Path != "" {
		what += ", encoded as " + f.Path + ","
	}
	so := "so"
	if fixed {
		so = "where it cannot be redacted for sure, so"
	}
	return fmt.Sprintf("%s stands in the %s of this request at offset %d, %s it was not sent. Do not retry: remove it, or use the placeholder that stands for the credential.", what, where, f.Offset, so)
}

// unscannedReasons say why a scanner could not read a part.
var unscannedReasons = map[string]string{
	dlp.UnscannedDepth:     "too many encodings around each other",
	dlp.UnscannedBudget:    "it decodes to too much",
	dlp.UnscannedEncrypted: "an archive with a password",
	dlp.UnscannedFormat:    "an archive in a format that is not read",
	unscannedFields:        "too many short values in one request",
}
