package main

import (
	"crypto/x509"
	"time"

	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/mitm"
)

// caOutput is a CA, as data.
type caOutput struct {
	Subject  string    `json:"subject"`
	SHA256   string    `json:"sha256"` // of the certificate
	NotAfter time.Time `json:"not_after"`
	PEM      string    `json:"pem,omitempty"`
}

func caData(cert *x509.Certificate) caOutput {
	return caOutput{Subject: cert.Subject.String(), SHA256: mitm.Fingerprint(cert), NotAfter: cert.NotAfter}
}

// standaloneOutput is what clients of bottle proxy or bottle gate need.
type standaloneOutput struct {
	ID      string `json:"id"`
	Listen  string `json:"listen"`
	Journal string `json:"journal"` // folder
	// Proxy is the URL with the password, and Env the variables, of a proxy.
	Proxy string            `json:"proxy,omitempty"`
	Env   map[string]string `json:"env,omitempty"`
	// GitConfig is the text that a client of a gate includes.
	GitConfig string `json:"gitconfig,omitempty"`
}

// downOutput is what bottle down removed, also where it failed at others.
type downOutput struct {
	Removed []string `json:"removed"` // ids
}

// initOutput is a manifest that was made. Path is where it was written, "" where it was
// only shown.
type initOutput struct {
	Path     string `json:"path,omitempty"`
	Manifest string `json:"manifest"` // the text
}

// ruleOutput is a rule of the scanner as it applies.
type ruleOutput struct {
	ID          string `json:"id"`
	Action      string `json:"action"`
	Confidence  string `json:"confidence,omitempty"`
	Description string `json:"description"`
}

// trustOutput is what became of the trust in a manifest.
type trustOutput struct {
	Path    string            `json:"path"`
	Trusted bool              `json:"trusted"`
	Grants  *manifest.Summary `json:"grants,omitempty"` // what it gives to an agent
}

func trustedOutput(m *manifest.Manifest) trustOutput {
	s := m.Summary()
	if s.Secrets == nil {
		s.Secrets = []string{}
	}
	return trustOutput{Path: m.Project.Path, Trusted: true, Grants: &s}
}
