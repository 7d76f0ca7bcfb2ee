package dlp

//go:generate go test -run ^TestRulesDocumentIsInStep$ . -args -update

import "slices"

// formats are the rules, one file for each family. Within a rule no prefix is
// the beginning of another. Two rules may share a prefix when their lengths or
// checks let no text match both, so that a text is one finding.
//
// Lengths are those that the services give out or document; where they vary,
// the upper bound leaves room and the lower one keeps fillers out. Checksums
// are not looked at: whoever changes one character would pass.
//
// A rule is Block when its format is hardly ever anything else. It is Warn for
// what may be public (publishable keys, identifiers), opens only a test set-up,
// or has a format that other text may have.
var formats = slices.Concat(
	formatsCloud,
	formatsData,
	formatsAI,
	formatsCode,
	formatsCI,
	formatsMessage,
	formatsPay,
	formatsObserve,
	formatsIdentity,
	formatsWork,
	formatsKeys,
)
