// What findSigns does to as many blocks as a vector has lanes. The registers V0 to V15,
// the LANES and what is done to vectors are those of who includes it.

// STRIDE is the size of what masks and signs have for a class or sign.
#define STRIDE 256

// AT has of a class what the blocks have, NEXT what those behind them have, PREV those
// before them; OUT is where a sign is noted.
#define AT(class) (class*STRIDE)(SI)
#define NEXT(class) (class*STRIDE+8)(SI)
#define PREV(class) (class*STRIDE-8)(SI)
#define OUT(sign) (sign*STRIDE)(DI)

// STORE notes a sign, and which of the blocks have it.
#define STORE(sign, v) \
	MOVV v, OUT(sign) \
	NONZERO(v) \
	SHLL CX, AX \
	ORW AX, (sign*2)(R8)

// What stands before and behind a block in the places where that is not asked for.
#define ONE V13
#define LAST V12
#define LAST2 V11
#define ZERO V14
#define CONST(n) (n*64)(R9)

// BEFORE is in << 1 | ONE, BEHIND is in >> 1 | LAST, BEHIND2 is in >> 2 | LAST2.
#define BEFORE(in, out) \
	SHLV $1, in, out \
	ORV ONE, out, out

#define BEHIND(in, out) \
	SHRV $1, in, out \
	ORV LAST, out, out

#define BEHIND2(in, out) \
	SHRV $2, in, out \
	ORV LAST2, out, out

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

// RIGHTBY is RIGHT by a number, of which of 64 leave the other.
#define RIGHTBY(n, other, m, next, out) \
	VMOVQ n, X15 \
	SHRV X15, m, out \
	VMOVQ other, X15 \
	SHLV X15, next, V15 \
	ORV V15, out, out

// INROW is ROW8 in the block alone.
#define INROW(m) \
	SHRV $1, m, V15 \
	ANDV V15, m, m \
	SHRV $2, m, V15 \
	ANDV V15, m, m \
	SHRV $4, m, V15 \
	ANDV V15, m, m

// FILL is one step of a look at the eight bytes before a byte, all of them or any.
#define FILL(op, n, ones, m) \
	SHLV $n, m, V15 \
	ORV ones, V15, V15 \
	op V15, m, m

// LEADSTEP is one step of LEADTO.
#define LEADSTEP(n, last, ends, through) \
	SHRV $n, ends, V15 \
	ORV last, V15, V15 \
	ANDV through, V15, V15 \
	ORV V15, ends, ends \
	SHRV $n, through, V15 \
	ORV last, V15, V15 \
	ANDV V15, through, through

// LEADTO leaves in ends what leadTo returns.
#define LEADTO(ends, through) \
	LEADSTEP(1, LAST, ends, through) \
	LEADSTEP(2, LAST2, ends, through) \
	LEADSTEP(4, CONST(const_signLastFour), ends, through) \
	ORV through, ends, ends

// STEP adds to out where six bits start, each n behind the last.
#define STEP(n, n3, m, out, t) \
	SHRV $n, m, t \
	ANDV m, t, t \
	SHRV $n, t, V15 \
	ANDV V15, t, t \
	SHRV $n3, t, V15 \
	ANDV V15, t, t \
	ORV t, out, out

#define STEPS(m, out, t) \
	STEP(2, 6, m, out, t) \
	STEP(3, 9, m, out, t) \
	STEP(4, 12, m, out, t) \
	STEP(5, 15, m, out, t) \
	STEP(6, 18, m, out, t)

// SPREAD is m |= op(m, n).
#define SPREAD(op, n, m) \
	op $n, m, V15 \
	ORV V15, m, m

	MOVQ out+0(FP), DI
	MOVQ some+8(FP), R8
	MOVQ masks+16(FP), SI
	MOVQ least+24(FP), R10
	MOVQ blocks+32(FP), DX
	MOVQ consts+40(FP), R9
	MOVQ $64, R11
	SUBQ R10, R11
	LEAQ -8(R10), R12
	LEAQ 8(R11), R13
	XORV ZERO, ZERO, ZERO
	MOVV CONST(const_signOne), ONE
	MOVV CONST(const_signLast), LAST
	MOVV CONST(const_signLastTwo), LAST2

	// The bytes of seed phrases, from the block before to the one behind.
	MOVQ $-8, BX
	LEAQ (LANES+1)(DX), CX

words:
	ADDQ BX, SI
	ADDQ BX, DI
	MOVV AT(const_maskLower), V0
	BEFORE(V0, V1)
	ANDNV V0, V1, V1
	BEHIND(V0, V2)
	BEHIND2(V0, V3)
	ANDV V3, V2, V2
	ANDNV V1, V2, V1
	MOVV AT(const_maskSlash), V2
	BEFORE(V2, V2)
	ANDNV V1, V2, V1
	MOVV V0, V2
	INROW(V2)
	SHRV $8, V0, V3
	ANDV V3, V2, V2
	SHRV $9, V0, V3
	ANDV V3, V2, V2
	ORV V2, V1, V1
	ANDNV AT(const_maskPhrase), V1, V1
	MOVV V1, OUT(const_signWords)
	MOVQ $(LANES*8), BX
	SUBQ $LANES, CX
	CMPQ CX, $LANES
	JGE words
	MOVQ out+0(FP), DI
	MOVQ masks+16(FP), SI
	XORL CX, CX

blocks:
	// Runs.
	MOVV AT(const_maskRun), V0
	MOVV NEXT(const_maskRun), V1
	MOVV PREV(const_maskRun), V2
	LEFT1(V0, V2, V2)
	RIGHTBY(R10, R11, V0, V1, V4)
	ROW8(V0, V1, V3)
	RIGHTBY(R12, R13, V0, V1, V3)
	ANDV V3, V0, V0
	HOLD(V0)
	ANDNV V0, V2, V2
	STORE(const_signStart, V2)
	ANDNV V0, V4, V4
	STORE(const_signEnd, V4)

	// Phrases.
	MOVV OUT(const_signWords), V0
	MOVV (const_signWords*STRIDE+8)(DI), V1
	MOVV (const_signWords*STRIDE-8)(DI), V2
	LEFT1(V0, V2, V2)
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
	ORV AT(const_maskRun), V2, V4
	ORV AT(const_maskEquals), V4, V4
	ORV V0, V4, V8
	ANDNV V3, V1, V9
	LEADTO(V8, V9)
	MOVV AT(const_maskLower), V5
	ANDNV V4, V5, V5
	FILL(ANDV, 1, ONE, V4)
	FILL(ANDV, 2, CONST(const_signThree), V4)
	FILL(ANDV, 4, CONST(const_signFifteen), V4)
	FILL(ORV, 1, ONE, V5)
	FILL(ORV, 2, CONST(const_signThree), V5)
	FILL(ORV, 4, CONST(const_signFifteen), V5)
	BEFORE(V5, V6)
	ANDV V2, V6, V6
	ANDNV V5, V2, V5
	ORV V5, V6, V6
	ANDV V6, V4, V4
	BEHIND(V1, V5)
	ANDV V3, V5, V5
	ORV V0, V5, V5
	BEFORE(V4, V6)
	ANDV V5, V6, V6
	ORV V6, V4, V4
	BEFORE(V4, V6)
	ANDV V5, V6, V6
	ORV V6, V4, V4
	BEFORE(V4, V6)
	ANDV V5, V6, V6
	ORV V6, V4, V4
	MOVV AT(const_maskHex), V5
	ANDNV AT(const_maskPrefix), V5, V5
	MOVV AT(const_maskThird), V6
	ANDNV V5, V6, V5
	BEHIND(V5, V5)
	ANDV V0, V5, V5
	BEHIND2(V8, V6)
	ANDV V6, V5, V5
	BEHIND(V8, V8)
	ANDV V1, V8, V8
	ORV V8, V5, V5
	BEFORE(V4, V4)
	ANDV V5, V4, V4
	STORE(const_signBreak, V4)

	// Marks of encodings.
	MOVV AT(const_maskPrefix), V2
	MOVV AT(const_maskEscape), V4
	MOVV NEXT(const_maskEscape), V5
	RIGHT(1, V4, V5, V4)
	ANDV V0, V4, V4
	ORV V2, V0, V5
	BEHIND(V5, V5)
	ANDV V0, V5, V5
	ORV V1, V5, V5
	MOVV AT(const_maskHex), V6
	SHRV $1, V6, V7
	SHRV $2, V6, V6
	ANDV V7, V6, V6
	SHRV $1, V5, V7
	ORV V7, V6, V6
	ORV V3, V5, V5
	SHRV $2, V5, V5
	SHRV $1, V3, V7
	ANDV V7, V5, V5
	ORV V5, V6, V6
	ORV LAST2, V6, V6
	MOVV AT(const_maskPercent), V7
	ORV AT(const_maskEquals), V7, V7
	ANDV V7, V6, V6
	ORV V6, V4, V4
	MOVV AT(const_maskEntity), V5
	BEHIND(V5, V5)
	ANDV AT(const_maskAmpersand), V5, V5
	ORV V5, V4, V4
	MOVV AT(const_maskTilde), V5
	BEHIND(V5, V5)
	ANDV AT(const_maskLess), V5, V5
	ORV V5, V4, V4
	MOVV AT(const_maskQuote), V5
	ORV AT(const_maskOperator), V3, V6
	ORV V0, V6, V6
	ORV V2, V6, V7
	MOVV V5, V8
	LEADTO(V8, V7)
	ORV V5, V6, V6
	ANDV V6, V8, V8
	BEHIND(V8, V8)
	ANDV V5, V8, V8
	ORV V8, V4, V4
	STORE(const_signMark, V4)

	// What is rare.
	MOVV AT(const_maskDash), V1
	BEHIND(V1, V2)
	ANDV V1, V2, V2
	ORV AT(const_maskAt), V2, V2
	MOVV AT(const_maskDigit), V0
	ORV V0, V3, V3
	ORV V1, V3, V3
	INROW(V3)
	POPCOUNT(V0, V0)
	MORE(CONST(const_signFewDigits), V0, V3)
	ORV V3, V2, V2
	MOVV AT(const_maskUpper), V4
	BEFORE(V4, V5)
	BEHIND(V4, V6)
	ANDV V6, V5, V5
	ANDV AT(const_maskAmpersand), V5, V5
	ORV V5, V2, V2
	ORV AT(const_maskPair), V2, V2
	STORE(const_signRare, V2)

	// Characters on their own.
	MOVV AT(const_maskRun), V0
	XORV V2, V2, V2
	SHLV $1, V0, V3
	ANDNV V0, V3, V3
	STEPS(V3, V2, V5)
	STORE(const_signSingle, V2)
	MOVV AT(const_maskJoiner), V3
	XORV V2, V2, V2
	STEPS(V3, V2, V5)
	HELD(V2)
	STORE(const_signJoined, V2)

	// Characters that are not ASCII.
	MOVV AT(const_maskLead), V0
	NONZERO(V0)
	TESTL AX, AX
	JZ ascii
	ANDNV AT(const_maskHigh), V0, V1
	BEHIND(V1, V1)
	ANDV V0, V1, V1
	ANDNV V0, V1, V0
	POPCOUNT(V0, V0)
	NOTMORE(CONST(const_signBroken), V0, V1)
	MOVV AT(const_maskControl), V2
	SHRV $1, V2, V3
	ORV V2, V3, V3
	SPREAD(SHRV, 2, V3)
	SPREAD(SHRV, 4, V3)
	SPREAD(SHLV, 1, V2)
	SPREAD(SHLV, 2, V2)
	SPREAD(SHLV, 4, V2)
	SHLV $9, V2, V4
	SPREAD(SHLV, 8, V2)
	ORV V4, V2, V2
	SPREAD(SHRV, 8, V3)
	ORV V3, V2, V2
	ANDNV V1, V2, V0

ascii:
	STORE(const_signFold, V0)

	// Characters of two or four bytes.
	MOVV AT(const_maskControl), V0
	MOVV NEXT(const_maskControl), V1
	RIGHT(4, V0, V1, V2)
	ANDV V2, V0, V0
	SHRV $4, V1, V2
	ANDV V2, V1, V1
	RIGHT(8, V0, V1, V2)
	ANDV V2, V0, V0
	STORE(const_signWide, V0)
	ADDQ $(LANES*8), SI
	ADDQ $(LANES*8), DI
	ADDL $LANES, CX
	CMPQ CX, DX
	JLT blocks
	VZEROUPPER
	RET
