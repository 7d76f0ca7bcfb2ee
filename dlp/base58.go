package dlp

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
)

const (
	base58Alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	maxBase58      = 111 // an extended key
	maxBase58Bytes = 82
)

// base58Digits has the value of each character and one, 0 for other bytes.
var base58Digits = func() (t [256]byte) {
	for i := range len(base58Alphabet) {
		t[base58Alphabet[i]] = byte(i + 1)
	}
	return t
}()

// base58Check decodes text to the end of out and returns its bytes without the
// checksum, which is right on ok.
func base58Check(text []byte, out *[maxBase58Bytes]byte) ([]byte, bool) {
	if len(text) > maxBase58 {
		return nil, false
	}
	*out = [maxBase58Bytes]byte{}
	first := len(out)
	for _, c := range text {
		carry := int(base58Digits[c]) - 1
		if carry < 0 {
			return nil, false
		}
		for i := len(out) - 1; i >= 0 && (i >= first || carry > 0); i-- {
			carry += 58 * int(out[i])
			out[i] = byte(carry)
			carry >>= 8
			first = min(first, i)
		}
		if carry > 0 {
			return nil, false
		}
	}
	for _, c := range text {
		if c != '1' || first == 0 {
			break
		}
		first--
	}
	data := out[first:]
	if len(data) < 5 {
		return nil, false
	}
	payload, sum := data[:len(data)-4], data[len(data)-4:]
	h := sha256.Sum256(payload)
	h = sha256.Sum256(h[:])
	return payload, bytes.Equal(h[:4], sum)
}

// isPublished reports whether a key is one that documents and test networks
// show to everyone. The list has the first bytes of SHA-256, so that no key
// stands here; it has what a key in hex decodes to.
func isPublished(key []byte) bool {
	var raw [32]byte
	if len(key) == hex.EncodedLen(len(raw)) {
		if _, err := hex.Decode(raw[:], key); err == nil {
			key = raw[:]
		}
	}
	return publishedHash(sha256.Sum256(key))
}

func publishedHash(h [sha256.Size]byte) bool {
	_, found := slices.BinarySearch(publishedKeys[:], binary.BigEndian.Uint64(h[:]))
	return found
}
