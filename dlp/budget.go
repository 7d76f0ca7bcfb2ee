package dlp

import "errors"

// Why a part of a stream could not be decoded, and so not be scanned.
var (
	// ErrBudget is for data that decodes to more than the limits allow, or that
	// needs more memory.
	ErrBudget = errors.New("dlp: the data decodes to more than is allowed")
	// ErrCorrupt is for data that is not in its format, or that ends early.
	ErrCorrupt = errors.New("dlp: the encoded data is damaged")
	// ErrEncrypted is for an archive that needs a password.
	ErrEncrypted = errors.New("dlp: the archive is encrypted")
	// ErrUnknownEncoding is for a format that is not decoded.
	ErrUnknownEncoding = errors.New("dlp: the encoding is not one that can be decoded")
)

// DecodeLimits bound what compressed data may become. The zero value has limits
// that honest data keeps far away from.
type DecodeLimits struct {
	// MaxRatio is how many bytes may come out of one that goes in, over all of
	// a compressed stream; 0 is 200. The first MiB is free, so that a small
	// text of one repeated byte is no bomb.
	MaxRatio int
	// MaxBytes is how many bytes may come out in all, those of streams within
	// streams too; 0 is 1 GiB.
	MaxBytes int64
}

const (
	defaultRatio  = 200
	defaultBytes  = 1 << 30
	freeRatioPart = 1 << 20

	// maxWindowBytes is the largest window of zstd that is decoded. RFC 9659
	// has no larger one on the web.
	maxWindowBytes = 8 << 20
)

// budget is what is left of the limits of a message.
type budget struct {
	maxRatio, maxBytes int64
	used               int64
}

func newBudget(l DecodeLimits) *budget {
	b := &budget{maxRatio: int64(l.MaxRatio), maxBytes: l.MaxBytes}
	if b.maxRatio <= 0 {
		b.maxRatio = defaultRatio
	}
	if b.maxBytes <= 0 {
		b.maxBytes = defaultBytes
	}
	return b
}

// take returns how many of n bytes may come out of a stream from which out
// bytes came of in, and counts them.
func (b *budget) take(n int, in, out int64) int {
	n = int(max(0, min(int64(n), b.maxBytes-b.used, freeRatioPart+b.ratioPart(in)-out)))
	b.used += int64(n)
	return n
}

func (b *budget) ratioPart(in int64) int64 {
	if in > (1<<62)/b.maxRatio {
		return 1 << 62
	}
	return in * b.maxRatio
}
