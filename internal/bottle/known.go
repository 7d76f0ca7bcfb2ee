package bottle

import (
	"context"
	"fmt"

	"github.com/bot-bottle/bottle/dlp"
	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/secret"
)

// canaryShape is what canaries look like: letters of both cases and digits.
const canaryShape = "q7RtZ2mXw9Lb4TnKv8cYk1Ge5sPd6uHa3WxJ0fNi"

// addCanaries makes the canaries. A project has the same ones each time.
func (c *credentials) addCanaries(m *manifest.Manifest, key secret.Key) error {
	for _, name := range m.Scan.Canaries {
		value, err := secret.Placeholder(key, m.Dir, "canary "+name, canaryShape)
		if err != nil {
			return fmt.Errorf("dlp.canaries: %w", err)
		}
		c.known = append(c.known, dlp.Known{Name: name, Value: value, Kind: dlp.KnownCanary})
		c.env[name] = value
	}
	return nil
}

// addFiles adds the values of the files of known secrets that no secret of the
// manifest has. A file may have the placeholder of a secret where its value was.
func (c *credentials) addFiles(ctx context.Context, m *manifest.Manifest) error {
	known, _, err := m.KnownValues() // what is missing was told by Check
	if err != nil {
		return fmt.Errorf("dlp.known: %w", err)
	}
	taken := map[string]bool{}
	for _, k := range c.known {
		taken[k.Value] = true
	}
	for _, s := range c.secrets {
		value, err := s.Value(ctx)
		if err != nil {
			return fmt.Errorf("secret %s: %w", s.Name, err)
		}
		taken[value], taken[s.Placeholder] = true, true
	}
	for _, k := range known {
		if !taken[k.Value] {
			taken[k.Value] = true
			c.known = append(c.known, k)
		}
	}
	return nil
}
