package scan

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/bot-bottle/bottle/dlp"
)

// SARIF writes findings as a log in the Static Analysis Results Interchange
// Format 2.1.0 (OASIS), which code hosts show beside the code. It writes each as
// it comes.
//
// The fingerprint of a finding is a hash of its rule, its file and which of the
// rule's findings in the file it is. Nothing of the value is in it, and it stays
// the same when lines move.
type SARIF struct {
	w        io.Writer
	rules    map[string]int
	failures []sarifNotification
	more     int
	any      bool
	file     string
	times    map[string]int // findings of a rule in file
}

// maxFailures bounds the files that could not be read that are listed.
const maxFailures = 1000

type sarifText struct {
	Text string `json:"text"`
}

type sarifRule struct {
	ID     string    `json:"id"`
	Short  sarifText `json:"shortDescription"`
	Config struct {
		Level string `json:"level"`
	} `json:"defaultConfiguration"`
	Properties struct {
		Tags []string `json:"tags"`
	} `json:"properties"`
}

type sarifDriver struct {
	Name    string      `json:"name"`
	Version string      `json:"version,omitempty"`
	URI     string      `json:"informationUri"`
	Rules   []sarifRule `json:"rules"`
}

type sarifResult struct {
	RuleID       string            `json:"ruleId"`
	RuleIndex    *int              `json:"ruleIndex,omitempty"` // not of what is no rule
	Level        string            `json:"level"`
	Message      sarifText         `json:"message"`
	Locations    []sarifLocation   `json:"locations"`
	Fingerprints map[string]string `json:"partialFingerprints"`
	Rank         float64           `json:"rank,omitempty"` // from 0 to 100
	Properties   map[string]string `json:"properties,omitempty"`
}

type sarifLocation struct {
	Physical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	} `json:"physicalLocation"`
}

type sarifArtifact struct {
	URI string `json:"uri"`
}

type sarifRegion struct {
	StartLine   int64 `json:"startLine"`
	StartColumn int64 `json:"startColumn"`
	ByteOffset  int64 `json:"byteOffset"`
	ByteLength  int   `json:"byteLength"`
}

type sarifNotification struct {
	Level     string          `json:"level"`
	Message   sarifText       `json:"message"`
	Locations []sarifLocation `json:"locations"`
}

// NewSARIF begins a log. Of rules, the actions are those that findings have.
func NewSARIF(w io.Writer, version string, rules []dlp.Rule) (*SARIF, error) {
	s := &SARIF{w: w, rules: map[string]int{}}
	driver := sarifDriver{Name: "bottle", Version: version, URI: "https://github.com/bot-bottle/bottle", Rules: []sarifRule{}}
	for i, r := range rules {
		s.rules[r.ID] = i
		rule := sarifRule{ID: r.ID, Short: sarifText{r.Description}}
		rule.Config.Level = level(r.Action)
		rule.Properties.Tags = []string{"security", "secret"}
		driver.Rules = append(driver.Rules, rule)
	}
	tool, err := json.Marshal(map[string]any{"driver": driver})
	if err != nil {
		return nil, err
	}
	_, err = fmt.Fprintf(w, `{"$schema":"https://json.schemastore.org/sarif-2.1.0.json","version":"2.1.0","runs":[{"tool":%s,"columnKind":"unicodeCodePoints","results":[`, tool)
	return s, err
}

func level(a dlp.Action) string {
	switch a {
	case dlp.Warn:
		return "warning"
	case dlp.Off:
		return "none"
	}
	return "error"
}

// Finding writes one result.
func (s *SARIF) Finding(f Finding) error {
	if f.File != s.file || s.times == nil {
		s.file, s.times = f.File, map[string]int{}
	}
	s.times[f.Rule]++
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%d", f.Rule, filepath.ToSlash(f.File), s.times[f.Rule]))
	r := sarifResult{RuleID: f.Rule, Level: level(f.Action), Message: sarifText{message(f)},
		Locations:    []sarifLocation{location(f.File)},
		Fingerprints: map[string]string{"bottleOccurrence/v1": hex.EncodeToString(sum[:16])}}
	if index, ok := s.rules[f.Rule]; ok {
		r.RuleIndex = &index
	}
	r.Locations[0].Physical.Region = &sarifRegion{f.Line, f.Column, f.Offset, f.Length}
	if f.Confidence != "" {
		r.Rank = ranks[f.Confidence]
		r.Properties = map[string]string{"confidence": string(f.Confidence)}
	}
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if s.any {
		b = append([]byte{','}, b...)
	}
	s.any = true
	_, err = s.w.Write(append(b, '\n'))
	return err
}

// ranks are what confidence is in SARIF (section 3.27.25).
var ranks = map[dlp.Confidence]float64{dlp.High: 90, dlp.Medium: 60, dlp.Low: 30}

func message(f Finding) string {
	what := "What looks like a credential (" + f.Rule + ") stands here"
	if f.Rule == dlp.RuleKnown {
		what = "The value of the secret " + f.Name + " stands here"
	}
	if f.Path != "" {
		what += ", encoded as " + f.Path
	}
	return what + ". Remove it, and replace the credential: who could read the file has it."
}

// location names a file by a URI: relative to where bottle runs, if its name is.
func location(file string) (l sarifLocation) {
	u := url.URL{Path: filepath.ToSlash(file)}
	switch {
	case file == Stdin:
		u.Path = "stdin"
	case strings.HasPrefix(u.Path, "/"):
		u.Scheme = "file"
	}
	l.Physical.Artifact.URI = u.String()
	return l
}

// Problem notes a file that could not be read, for the end of the log.
func (s *SARIF) Problem(name string, err error) {
	if len(s.failures) == maxFailures {
		s.more++
		return
	}
	s.failures = append(s.failures, sarifNotification{"error", sarifText{err.Error()}, []sarifLocation{location(name)}})
}

// Close ends the log.
func (s *SARIF) Close() error {
	if s.more > 0 {
		s.failures = append(s.failures, sarifNotification{"error", sarifText{fmt.Sprintf("%d more files could not be read", s.more)}, []sarifLocation{}})
	}
	if s.failures == nil {
		s.failures = []sarifNotification{}
	}
	b, err := json.Marshal([]map[string]any{{"executionSuccessful": len(s.failures) == 0, "toolExecutionNotifications": s.failures}})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.w, "],\"invocations\":%s}]}\n", b)
	return err
}
