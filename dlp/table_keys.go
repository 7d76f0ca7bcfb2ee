package dlp

// formatsKeys are private keys, seeds and what has a shape of its own.
var formatsKeys = []format{
	{Rule{"private-key", "Private key in PEM or PGP armour, with its first line.", Block}, []form{
		{prefix: "-----BEGIN ", body: label, trigger: byPart, shape: privateKey, rest: isKeyPiece},
	}},
	{Rule{"openssh-private-key", "OpenSSH private key, with or without its header.", Block}, []form{
		{prefix: openSSHMagic, body: base64Line, trigger: byGram, shape: openSSHKey, rest: isKeyPiece},
	}},
	{Rule{"putty-private-key", "PuTTY private key, by the first lines of its file.", Block}, []form{
		{prefix: "PuTTY-User-Key-File-", body: digits, shape: puttyKey},
	}},
	{Rule{"age-secret-key", "age identity.", Block}, []form{
		{prefix: "AGE-SECRET-KEY-1", body: bech32Up, min: 58, max: 58},
		{prefix: "AGE-SECRET-KEY-PQ-1", body: bech32Up, min: 58, max: 58},
	}},
	{Rule{"age-plugin-identity", "age identity of a plugin, which often only points to a device.", Warn}, []form{
		{prefix: "AGE-PLUGIN-", body: upperDash, min: 30, max: 600, check: mixed},
	}},
	{Rule{"minisign-secret-key", "minisign secret key.", Block}, []form{
		{prefix: "RWRTY0Iy", body: base64Line, min: 200, max: 208, check: mixed},
		{prefix: "RWQAAEIy", body: base64Line, min: 200, max: 208, check: mixed},
	}},
	{Rule{"signify-secret-key", "signify secret key.", Block}, []form{
		{prefix: "RWRCSwAAA", body: base64Line, min: 120, max: 140, check: scattered},
	}},
	{Rule{"nostr-secret-key", "Nostr secret key.", Block}, []form{
		{prefix: "nsec1", body: bech32Low, min: 58, max: 58, check: mixed},
	}},
	{Rule{"cardano-signing-key", "Cardano extended signing key.", Block}, []form{
		{prefix: "root_xsk1", body: bech32Low, min: 150, max: 240, check: mixed},
		{prefix: "acct_xsk1", body: bech32Low, min: 150, max: 240, check: mixed},
		{prefix: "addr_xsk1", body: bech32Low, min: 150, max: 240, check: mixed},
		{prefix: "stake_xsk1", body: bech32Low, min: 150, max: 240, check: mixed},
	}},
	{Rule{"tezos-secret-key", "Tezos secret key.", Block}, []form{
		{prefix: "edsk", body: base64Any, min: 50, max: 94, check: tezos},
		{prefix: "spsk", body: base64Any, min: 50, max: 50, check: tezos},
		{prefix: "p2sk", body: base64Any, min: 50, max: 50, check: tezos},
	}},
	{Rule{"zcash-spending-key", "Zcash extended spending key.", Block}, []form{
		{prefix: "secret-extended-key-main1", body: bech32Low, min: 240, max: 300, check: mixed},
	}},
	{Rule{"sui-private-key", "Sui private key.", Block}, []form{
		{prefix: "suiprivkey1", body: bech32Low, min: 56, max: 64, check: mixed},
	}},
	{Rule{"aptos-private-key", "Aptos private key.", Block}, []form{
		{prefix: "ed25519-priv-0x", body: hexAny, min: 64, max: 64},
		{prefix: "secp256k1-priv-0x", body: hexAny, min: 64, max: 64},
	}},
	{Rule{"near-private-key", "NEAR private key.", Block}, []form{
		{prefix: "ed25519:", body: base58, min: 85, max: 88, check: scattered},
	}},
	{Rule{"eos-private-key", "Antelope (EOS) private key.", Block}, []form{
		{prefix: "PVT_K1_", body: base58, min: 48, max: 54, check: scattered},
		{prefix: "PVT_R1_", body: base58, min: 48, max: 54, check: scattered},
	}},
	{Rule{"ed25519-der-hex", "Ed25519 private key of PKCS #8 in hex, as Hedera writes it.", Block}, []form{
		{prefix: "302e020100300506032b657004220420", body: hexLower, min: 64, max: 64},
	}},
	{Rule{"libp2p-private-key", "libp2p (IPFS) Ed25519 private key.", Warn}, []form{
		{prefix: "CAESQ", body: base64Line, min: 87, max: 87, check: scattered},
	}},
	{Rule{"lnd-macaroon", "Macaroon of an LND node in hex.", Block}, []form{
		{prefix: "0201036c6e64", body: hexAny, min: 100, max: 1200, check: mixed},
	}},
	{Rule{"jwt", "JSON Web Token with a signature. Many are public or short-lived, so its shape alone is only a hint.", Warn}, []form{
		{prefix: "eyJ", body: dotted, shape: jsonWebToken},
	}},
}
