// Package docs holds the pages of this folder, so that "bottle help TOPIC" and the
// manual pages say what they say.
package docs

import "embed"

// Pages are the pages, by their file names.
//
//go:embed *.md
var Pages embed.FS
