package dlp

import "encoding/hex"

// wifKey wants a private key in wallet import format: its version, 32 bytes, a
// mark when its public key is compressed, and the checksum.
func wifKey(b []byte, start, end int) (int, int, bool) {
	for i := runBegin(b, start, end); i < end; {
		from, to := segment(b, i, end)
		i = to
		if n := to - from; n != 51 && n != 52 || !wifFirst[b[from]] || !leftBoundary(b, from, alnum) || word[byteAt(b, to)] {
			continue
		}
		var buf [maxBase58Bytes]byte
		key, ok := base58Check(b[from:to], &buf)
		if ok && (key[0] == 0x80 || key[0] == 0xef) && (len(key) == 33 || len(key) == 34 && key[33] == 1) && !isPublished(key[1:33]) {
			return from, to, true
		}
	}
	return 0, 0, false
}

// wifFirst are the first characters of keys: of the main network and of tests,
// for plain and compressed public keys.
var wifFirst = newClass("5KL9c")

// bip32Key wants an extended private key: its version, depth, parent, index and
// chain code before the 32 bytes of the key, and the checksum.
func bip32Key(b []byte, start, end int) (int, int, bool) {
	for i := runBegin(b, start, end); i < end; {
		from, to := segment(b, i, end)
		i = to
		if to-from != maxBase58 || string(b[from+1:from+4]) != "prv" || !leftBoundary(b, from, alnum) || word[byteAt(b, to)] {
			continue
		}
		var buf [maxBase58Bytes]byte
		key, ok := base58Check(b[from:to], &buf)
		if ok && len(key) == 78 && key[45] == 0 && !isPublished(key[46:]) {
			return from, to, true
		}
	}
	return 0, 0, false
}

// hexWalletKey wants 0x and 64 digits in hex, with a name for private keys
// shortly before; without 0x, the name must say "private".
func hexWalletKey(b []byte, start, end int) (int, int, bool) {
	from := runBegin(b, start, end)
	digitsAt, names := from, privateWords
	switch {
	case end-from == 66 && b[from] == '0' && b[from+1] == 'x':
		digitsAt, names = from+2, walletWords
	case end-from != 64:
		return 0, 0, false
	}
	if hexAny.span(b, digitsAt, end) != end || !leftBoundary(b, from, hexAny) {
		return 0, 0, false
	}
	left := before(b, from, 64)
	left = left[lastLine(left):]
	if !namesAny(left, names) || namesAny(left, notKeyWords) {
		return 0, 0, false
	}
	var key [32]byte
	if _, err := hex.Decode(key[:], b[digitsAt:end]); err != nil || distinct(key[:]) < 16 || isExample(b[digitsAt:end], 64) || isPublished(key[:]) {
		return 0, 0, false
	}
	return from, end, true
}

var (
	privateWords = []string{"private_key", "privatekey", "private key", "private-key", "privkey", "priv_key", "priv-key"}
	walletWords  = append([]string{"priv", "secret", "mnemonic", "wallet key", "wallet_key", "walletkey", "deployer", "signer"}, privateWords...)
	notKeyWords  = []string{"hash", "digest", "public", "pubkey", "txid", "tx_id", "topic", "commit", "address", "signature", "root"}
)

// lastLine returns where the last line of text starts, with an escaped line
// break too.
func lastLine(text []byte) int {
	for i := len(text) - 1; i >= 0; i-- {
		if text[i] == '\n' {
			return i + 1
		}
		if text[i] == '\\' && byteAt(text, i+1) == 'n' {
			return i + 2
		}
	}
	return 0
}
