package dlp

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// encode58 is base58check with big numbers.
func encode58(payload []byte) string {
	h := sha256.Sum256(payload)
	h = sha256.Sum256(h[:])
	data := append(slices.Clone(payload), h[:4]...)
	n, out := new(big.Int).SetBytes(data), []byte(nil)
	for mod := new(big.Int); n.Sign() > 0; {
		n.DivMod(n, big.NewInt(58), mod)
		out = append(out, base58Alphabet[mod.Int64()])
	}
	for i := 0; i < len(data) && data[i] == 0; i++ {
		out = append(out, '1')
	}
	slices.Reverse(out)
	return string(out)
}

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func extendedKey(r *rand.Rand, version uint32, key []byte) string {
	payload := append([]byte{byte(version >> 24), byte(version >> 16), byte(version >> 8), byte(version), 3}, randomBytes(r, 40)...)
	return encode58(append(append(payload, 0), key...))
}

func TestBase58Check(t *testing.T) {
	r := newRand(1)
	for range 2000 {
		payload := randomBytes(r, 1+r.IntN(76))
		for i := range r.IntN(4) {
			payload[min(i, len(payload)-1)] = 0
		}
		var buf [maxBase58Bytes]byte
		text := encode58(payload)
		got, ok := base58Check([]byte(text), &buf)
		if !ok || !bytes.Equal(got, payload) {
			t.Fatalf("base58Check(%s) = %x, %v, want %x", text, got, ok, payload)
		}
		wrong := []byte(text)
		wrong[r.IntN(len(wrong))] = base58Alphabet[r.IntN(58)]
		if _, ok := base58Check(wrong, &buf); ok && string(wrong) != text {
			t.Fatalf("base58Check(%s) is right, and so is %s", wrong, text)
		}
	}
	var buf [maxBase58Bytes]byte
	for _, text := range []string{"", "1", "0OIl", strings.Repeat("z", maxBase58), strings.Repeat("1", maxBase58), strings.Repeat("1", maxBase58+1)} {
		if _, ok := base58Check([]byte(text), &buf); ok {
			t.Errorf("base58Check(%q) is right", text)
		}
	}
}

func TestWalletKeys(t *testing.T) {
	r := newRand(2)
	for range 30 {
		key := randomBytes(r, 32)
		samples := map[string]string{}
		for _, version := range []byte{0x80, 0xef} {
			samples[encode58(append([]byte{version}, key...))] = "bitcoin-private-key"
			samples[encode58(append(append([]byte{version}, key...), 1))] = "bitcoin-private-key"
		}
		for _, version := range []uint32{0x0488ade4, 0x04358394, 0x049d7878, 0x04b2430c, 0x044a4e28, 0x045f18bc} {
			samples[extendedKey(r, version, key)] = "bip32-private-key"
		}
		for text, rule := range samples {
			for _, p := range tokenFrames {
				wantRun(t, p.before+text+p.after, rule, text)
			}
			wantRun(t, "/import/"+text+"/now", rule, text)
			other := []byte(text)
			other[20] = base58Alphabet[(bytes.IndexByte([]byte(base58Alphabet), other[20])+1)%58]
			for name, in := range map[string]string{"wrong checksum": string(other), "longer": text + "a", "inside": "a" + text, "shorter": text[:len(text)-1], "joined": text + "_" + text} {
				wantNoRun(t, rule+" "+name, in)
			}
		}
		public := extendedKey(r, 0x0488b21e, key)
		wantNoRun(t, "an extended public key", public)
	}
}

// The keys of the test vectors are no secrets.
func TestPublishedWalletKeys(t *testing.T) {
	if !slices.IsSorted(publishedKeys[:]) {
		t.Error("the published keys are not sorted")
	}
	seed, err := hex.DecodeString("000102030405060708090a0b0c0d0e0f")
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha512.New, []byte("Bitcoin seed"))
	mac.Write(seed)
	sum := mac.Sum(nil)
	payload := append([]byte{0x04, 0x88, 0xad, 0xe4, 0, 0, 0, 0, 0, 0, 0, 0, 0}, sum[32:]...)
	wantNoRun(t, "vector 1 of BIP-32", encode58(append(append(payload, 0), sum[:32]...)))
	one := make([]byte, 32)
	one[31] = 1
	wantNoRun(t, "the number 1", encode58(append(append([]byte{0x80}, one...), 1)))
}

func TestHexWalletKey(t *testing.T) {
	r := newRand(3)
	for range 30 {
		key := randText(r, "0-9a-f", 64)
		for _, before := range []string{"PRIVATE_KEY=0x", `"privateKey": "0x`, "the private key is 0x", "secret: 0x", "cast send --private-key 0x", `\"mnemonic_key\":\"0x`, `priv\n0x`} {
			if before == `priv\n0x` {
				continue
			}
			wantRun(t, before+key+" ", "ethereum-private-key", "0x"+key)
		}
		wantRun(t, "PRIVATE_KEY="+key+"\n", "ethereum-private-key", key)
		wantRun(t, `{"privkey":"`+key+`"}`, "ethereum-private-key", key)
		for name, in := range map[string]string{
			"no name":         "the block 0x" + key,
			"a hash":          "txHash: 0x" + key,
			"a secret's hash": `"secretHash": "0x` + key + `"`,
			"another line":    "private key:\nsee 0x" + key,
			"longer":          "private key 0x" + key + "ab",
			"shorter":         "private key 0x" + key[:62],
			"zeros":           "private key 0x" + strings.Repeat("0", 63) + "1",
			"bare in lists":   "commit " + key,
		} {
			wantNoRun(t, name, in)
		}
	}
	wantNoRun(t, "account of a local chain", "PRIVATE_KEY=0xac0974bec39a17e36ba4a6b4d238ff"+"944bacb478cbed5efcae784d7bf4f2ff80")
}
