// What findSigns does to as many blocks as a vector has lanes. The registers V0 to V9,
// the LANES and what is done to vectors are those of who includes it. SETUP is done once.

// STRIDE is the size of what masks and signs have for a class or sign.
#define STRIDE 512

// AT has of a class what the blocks have, NEXT what those behind them have, PREV those
// before them; OUT is where a sign is noted.
#define AT(class) (class*STRIDE)(SI)
#define NEXT(class) (class*STRIDE+8)(SI)
#define PREV(class) (class*STRIDE-8)(SI)
#define OUT(sign) (sign*STRIDE)(DI)

// CONST is one of signConsts.
#define CONST(n) (n*64)(R9)

// ROW leaves in m the bytes from which n more have a bit in it and that of the next
// blocks, where both have those of as many already.
#define ROW(n, m, next, t) \
	RIGHT(n, m, next, t) \
	ANDV t, m, m \
	SHRV $n, next, t \
	ANDV t, next, next

#define ROW8(m, next, t) \
	ROW(1, m, next, t) \
	ROW(2, m, next, t) \
	ROW(4, m, next, t)

// SEVEN leaves in m the bytes from which six more of the block have a bit in it.
#define SEVEN(m, t) \
	SHRV $1, m, t \
	ANDV t, m, m \
	SHRV $2, m, t \
	ANDV t, m, m \
	SHRV $3, m, t \
	ANDV t, m, m

// LEADTO leaves in ends what leadTo returns.
#define LEADTO(ends, through) \
	LEADSTEP(1, LAST, ends, through) \
	LEADSTEP(2, LAST2, ends, through) \
	LEADSTEP(4, LAST4, ends, through) \
	ORV through, ends, ends

// SPREAD is m |= op(m, n).
#define SPREAD(op, n, m, t) \
	op $n, m, t \
	ORV t, m, m

	MOVQ out+0(FP), DI
	MOVQ some+8(FP), R8
	MOVQ masks+16(FP), SI
	MOVQ least+24(FP), R10
	MOVQ blocks+32(FP), DX
	MOVQ consts+40(FP), R9
	SETUP
	XORL CX, CX

blocks:
	// Runs.
	MOVV AT(const_maskRun), V0
	MOVV NEXT(const_maskRun), V1
	MOVV PREV(const_maskRun), V2
	LEFT(1, V0, V2, V2)
	RIGHTLEAST(V0, V1, V4)
	ROW8(V0, V1, V3)
	RIGHTREST(V0, V1, V3)
	ANDV V3, V0, V0
	HOLD(V0)
	ANDNV V0, V2, V2
	STORE(const_signStart, V2)
	ANDNV V0, V4, V4
	STORE(const_signEnd, V4)

	// Phrases.
	MOVV AT(const_maskPhrase), V0
	MOVV NEXT(const_maskPhrase), V1
	MOVV PREV(const_maskPhrase), V2
	LEFT(1, V0, V2, V2)
	RIGHT(const_seedStep, V0, V1, V4)
	ROW8(V0, V1, V3)
	ROW(8, V0, V1, V3)
	ROW(16, V0, V1, V3)
	RIGHT((const_seedStep-32), V0, V1, V3)
	ANDV V3, V0, V0
	ANDNV V0, V2, V2
	STORE(const_signPhrase, V2)
	ANDNV V0, V4, V4
	STORE(const_signPhraseEnd, V4)

	// Line breaks.
	MOVV AT(const_maskSlash), V0
	MOVV AT(const_maskLine), V1
	MOVV AT(const_maskDot), V2
	MOVV AT(const_maskBlank), V3
	MOVV AT(const_maskRun), V4
	OR3(V4, V2, AT(const_maskEquals))
	MOVV V4, V8
	MOVV PREV(const_maskRun), V6
	MOVV PREV(const_maskDot), V7
	OR3(V6, V7, PREV(const_maskEquals))
	LEFT(1, V2, V7, V2)
	ROW8(V6, V4, V5)
	LEFT(8, V4, V6, V4)
	MOVV AT(const_maskLower), V5
	MOVV PREV(const_maskLower), V6
	ROW8(V6, V5, V7)
	LEFT(8, V5, V6, V7)
	LEFT(9, V5, V6, V5)
	CHOOSE(V5, V2, V7)
	ANDNV V4, V5, V4
	BEHIND(V1, V5)
	ANDOR(V5, V3, V0)
	MOVV PREV(const_maskSlash), V6
	ORV PREV(const_maskBlank), V6, V6
	LEFT(1, V5, V6, V5)
	BEFORE(V4, V6)
	ORAND(V4, V5, V6)
	BEFORE(V4, V6)
	ORAND(V4, V5, V6)
	BEFORE(V4, V6)
	ORAND(V4, V5, V6)
	MOVV AT(const_maskPrefix), V5
	MOVV AT(const_maskThird), V7
	MOVV V5, V6
	AND3(V6, V7, AT(const_maskLower))
	BEHIND(V6, V6)
	ANDV V0, V6, V6
	BEFORE(V6, V9)
	ORV V6, V9, V9
	ANDNV V3, V1, V6
	ORV V6, V9, V9
	LEADTO(V8, V9)
	MOVV AT(const_maskHex), V6
	NEITHER(V5, V6, V7)
	MOVV AT(const_maskSecond), V6
	ANDNV V5, V6, V6
	BEHIND(V5, V5)
	BEHIND(V6, V6)
	BEHIND2(V8, V7)
	BEHIND2(V0, V9)
	ANDV V9, V6, V6
	ANDOR(V5, V7, V6)
	ANDV V0, V5, V5
	BEHIND(V8, V8)
	ORAND(V5, V1, V8)
	ANDV V5, V4, V4
	STORE(const_signBreak, V4)

	// Marks of encodings.
	MOVV AT(const_maskPrefix), V2
	MOVV AT(const_maskEscape), V4
	MOVV NEXT(const_maskEscape), V5
	RIGHT(1, V4, V5, V4)
	ORV V2, V0, V5
	BEHIND(V5, V5)
	ANDOR(V5, V0, V1)
	MOVV AT(const_maskHex), V6
	SHRV $1, V6, V7
	SHRV $2, V6, V6
	SHRV $1, V5, V8
	ANDOR(V6, V7, V8)
	ORV V3, V5, V5
	SHRV $2, V5, V5
	SHRV $1, V3, V7
	ORAND(V6, V5, V7)
	MOVV AT(const_maskPercent), V7
	ORV AT(const_maskEquals), V7, V7
	ORTOAND(V6, LAST2, V7)
	ANDOR(V4, V0, V6)
	MOVV AT(const_maskEntity), V5
	BEHIND(V5, V5)
	ORAND(V4, V5, AT(const_maskAmpersand))
	MOVV AT(const_maskTilde), V5
	BEHIND(V5, V5)
	ORAND(V4, V5, AT(const_maskLess))
	MOVV AT(const_maskQuote), V5
	MOVV AT(const_maskOperator), V6
	OR3(V6, V3, V0)
	ORV V2, V6, V7
	MOVV V5, V8
	LEADTO(V8, V7)
	ORTOAND(V6, V5, V8)
	BEHIND(V6, V6)
	SHLV $1, V3, V7
	SHLV $1, V0, V8
	SHLV $2, V3, V9
	ANDOR(V8, V9, V7)
	ANDNV V5, V8, V5
	ORAND(V4, V5, V6)
	STORE(const_signMark, V4)

	// What is rare.
	MOVV AT(const_maskDash), V1
	BEHIND(V1, V2)
	ANDOR(V2, V1, AT(const_maskAt))
	MOVV AT(const_maskDigit), V0
	OR3(V3, V0, V1)
	SEVEN(V3, V5)
	POPCOUNT(V0, V0)
	MORE(CONST(const_signFewDigits), V0, V3)
	MOVV AT(const_maskUpper), V4
	BEFORE(V4, V5)
	BEHIND(V4, V6)
	AND3(V5, V6, AT(const_maskAmpersand))
	OR3(V2, V3, V5)
	ORV AT(const_maskPair), V2, V2
	STORE(const_signRare, V2)

	// Characters on their own.
	MOVV AT(const_maskRun), V0
	SHLV $1, V0, V3
	ANDNV V0, V3, V3
	STEPS(V3, V2, V5)
	STORE(const_signSingle, V2)
	MOVV AT(const_maskJoiner), V3
	SIX(V3, joined)
	STEPS(V3, V2, V5)
	HELD(V2)
	STORE(const_signJoined, V2)

joined:
	// Characters that are not ASCII, and those of two or four bytes: most texts have
	// neither.
	MOVV AT(const_maskLead), V0
	MOVV AT(const_maskControl), V2
	ORV V0, V2, V1
	NONZERO(V1)
	TESTL AX, AX
	JZ next
	ANDNV AT(const_maskHigh), V0, V1
	BEHIND(V1, V1)
	ANDV V0, V1, V1
	ANDNV V0, V1, V0
	POPCOUNT(V0, V0)
	NOTMORE(CONST(const_signBroken), V0, V1)
	MOVV V2, V0
	SHRV $1, V2, V3
	ORV V2, V3, V3
	SPREAD(SHRV, 2, V3, V4)
	SPREAD(SHRV, 4, V3, V4)
	SPREAD(SHLV, 1, V2, V4)
	SPREAD(SHLV, 2, V2, V4)
	SPREAD(SHLV, 4, V2, V4)
	SHLV $9, V2, V4
	SHLV $8, V2, V5
	OR3(V2, V4, V5)
	SHRV $8, V3, V4
	OR3(V2, V3, V4)
	ANDNV V1, V2, V1
	STORE(const_signFold, V1)
	MOVV NEXT(const_maskControl), V1
	RIGHT(4, V0, V1, V2)
	ANDV V2, V0, V0
	SHRV $4, V1, V2
	ANDV V2, V1, V1
	RIGHT(8, V0, V1, V2)
	ANDV V2, V0, V0
	STORE(const_signWide, V0)

next:
	ADDQ $(LANES*8), SI
	ADDQ $(LANES*8), DI
	ADDL $LANES, CX
	ADVANCE
	CMPQ CX, DX
	JLT blocks
	VZEROUPPER
	RET
