package dlp

// publishedKeys are the first eight bytes of SHA-256 of keys that everyone knows:
// the entropy of phrases and the private keys in the test vectors of BIP-32,
// BIP-39 and BIP-84, the accounts of local test chains, the small numbers as
// keys, the examples of the wallet import format, the storage emulators of Azure,
// and the tokens of RFC 5849, 6749 and 6750, the private keys of RFC 7748, 8032 and
// 8037 and of NIST's vectors for ECDH, and the samples in the documentation of
// Docker's swarms, of AWS DataSync, of Twilio's credentials for APN and of Go's
// crypto/tls. Of a key in PEM it is the first line. Keys of single projects' tests
// are not in it: anyone may have copied such a key to a server. Sorted.
var publishedKeys = [...]uint64{
	0x005b30a3ab171b8c, 0x00cf4c781dc37003, 0x074ae1f8e7121aeb, 0x07fa995e64a5b018, 0x0b00deb6b78b5d4b, 0x1405e8392df14cd0,
	0x190edf59d5736c3b, 0x193ae84c4c9567c2, 0x19de6fbc1f3a6f93, 0x1ba0d51df62ce76f, 0x1c4a1f4490074351, 0x1cba2fedf6e57557,
	0x20bee07f848c56d6, 0x2165f0aafe44e727, 0x2298650cd906461c, 0x22bfc7c07b19682f, 0x22e300c4b8a6c672, 0x25061aad2bb09178,
	0x27a01e66fd84a32d, 0x27f242aae80144bf, 0x29a8b34689f15991, 0x2bc76ddd8c8ec023, 0x2d1831e800ec18fe, 0x3008510a886dfaca,
	0x33a6d3750d9a769b, 0x33f36fbcad88bcdc, 0x3496eb0b6cee7563, 0x38df1c1f64a24a77, 0x3c03120db3db834a, 0x3c288e7842c7051b,
	0x3d2d9682cdba5296, 0x433b2e1dfcf07cc1, 0x437035edcfc9c833, 0x441c66009c2ab920, 0x48428bdb7ddd8294, 0x48df781f7a402c33,
	0x4917b14555685e2c, 0x49b7719c0dff6d00, 0x4f949545eaad2cda, 0x501c52a00f58aeaa, 0x52da90595e80214e, 0x53f5da0aaa93d64c,
	0x56bed900d01ab81e, 0x5768c7e4a6a4e100, 0x577cfe66bf6c95dd, 0x578d5216d0df566c, 0x59891c96881dfbcf, 0x59ad99d565557cc0,
	0x5e804a0f0484962c, 0x644d50ab64864c20, 0x64cb68631c4956a2, 0x6718ba8966161cc8, 0x6747c8aee315c1b0, 0x678f18046af8743a,
	0x68ba3c169969c3fa, 0x69b6509a79cef595, 0x6b6cc2618ae191e3, 0x6c5e8e17e826cc9d, 0x6c7d1c3b3faa45e0, 0x6c96130f130ab0d6,
	0x6e3a6e4df353a619, 0x73ebad4242809186, 0x75b0c79016f49e26, 0x76e57a90f93135e9, 0x7d785b2fdac5a92a, 0x7e3a18fc36709fe6,
	0x7e4888ddb09fb6f7, 0x8027ca22ba400f88, 0x809789b6d7459e96, 0x80998005ce3973fd, 0x80b40eb28b912c88, 0x81b04ae4944e1704,
	0x82990559e7afdb58, 0x8300e1f827aeb5c3, 0x83acd6729bc00657, 0x840a763dec9c7593, 0x85cee1dfe99969ec, 0x8670e885b4ab4dc9,
	0x887bf140ce0b6a49, 0x8bfe0b56d42ae416, 0x8d567eb88afff34f, 0x90188b19e99bf8f6, 0x911fbacff01910c6, 0x9267d3dbed802941,
	0x93d9f803d3cc822c, 0x93e372c67f7238fa, 0x93f4e1ca9da7a095, 0x9570cd66a5b365d3, 0x95ca9fd6e307ed32, 0x96de8fc8c256fa1e,
	0x9d03b692e941d5ac, 0xa08d67bdf1e0aa7c, 0xa0e61a9679f5d2ab, 0xa13b27648ff45bcf, 0xa209c1acb3397f89, 0xa35b81a7d7927b70,
	0xa51af011e117cb44, 0xa6d5adf87162cdcb, 0xa98ed335f345b0a8, 0xa9de6ecd1ccd84ae, 0xaa35a728658d512b, 0xac29b3735d1b5718,
	0xad5545d089ad23ba, 0xb171a33e8f8a16ec, 0xb5357c03d24fd9c9, 0xb5b17ca1d65733bb, 0xb809dcd7ab5a0e83, 0xb8e148545b13c78b,
	0xbca4c2c0761d850f, 0xbcec46d2789fd10e, 0xc0cfc3f1c2c708af, 0xc1ec41243dc4a4eb, 0xc2179e5a26048a72, 0xc3a8bf0cdedf2a31,
	0xc60dab48e4856285, 0xc64333fc5abbd4ed, 0xc6ea950acc64d326, 0xc9ccbbf12f7c2cf4, 0xca4160de3d7e83e9, 0xcb5d4fa156ba779b,
	0xd18d6c1855076bea, 0xd1a58c83ff350a50, 0xd1ec675902ef1633, 0xd32637ec4e69e615, 0xd8eca0cca720d33b, 0xd9147961436944f4,
	0xdb934e0f5fefe6a1, 0xddee83040b97e82f, 0xe25a680eff8baac7, 0xe38990d0c7fc0098, 0xe39924ce02336590, 0xe621d5d4472f3a42,
	0xe78a898789bccd08, 0xe78b050b338fe10c, 0xe8c08689b8ce14a2, 0xe9897976005540a6, 0xe9974c507d2a8021, 0xea9bdfd02c0c412c,
	0xeaa6a9190faf5587, 0xeb545d6f460d0225, 0xec4916dd28fc4c10, 0xed13a01579c55e82, 0xed967197261c16a9, 0xee9eaa6fe278736a,
	0xeea6dc56e3a0187b, 0xeff8ddfae2b78af2, 0xf169600e719875a8, 0xf6bc07a640687625, 0xf6dc1af5534a015e, 0xf6fad09738473083,
	0xfa7236222e6742f6, 0xfcfb1a3d686ec1d6, 0xfd8f34809b377e48, 0xfef8a57aac79676f, 0xff400cebff8dd000,
}
