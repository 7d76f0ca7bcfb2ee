#include "go_asm.h"
#include "textflag.h"

// STRIDE is the size of what masks and signs have for a class or sign.
#define STRIDE 256

// LOAD has of a class what the eight blocks have, NEXT what those behind them have,
// PREV those before them.
#define LOAD(class, z) VMOVDQU64 (class*STRIDE)(SI), z
#define NEXT(class, z) VMOVDQU64 (class*STRIDE+8)(SI), z
#define PREV(class, z) VMOVDQU64 (class*STRIDE-8)(SI), z

// STORE notes a sign, and which of the blocks have it.
#define STORE(sign, z) \
	VMOVDQU64 z, (sign*STRIDE)(DI) \
	VPTESTMQ z, z, K1 \
	KMOVW K1, AX \
	MOVB AX, (sign*2)(R8)

// What stands before and behind a block in the places where that is not asked for.
#define ONE Z29
#define THREE Z28
#define FIFTEEN Z27
#define LAST Z31
#define LAST2 Z30
#define LAST4 Z14

// BEFORE is in << 1 | ONE, BEHIND is in >> 1 | LAST.
#define BEFORE(in, out) \
	VPSLLQ $1, in, out \
	VPORQ ONE, out, out

#define BEHIND(in, out) \
	VPSRLQ $1, in, out \
	VPORQ LAST, out, out

// ROW leaves in m the bytes from which n more have a bit in it and that of the next
// blocks, where both have those of as many already.
#define ROW(n, m, next, t) \
	VPSHRDQ $n, next, m, t \
	VPANDQ t, m, m \
	VPSRLQ $n, next, t \
	VPANDQ t, next, next

#define ROW8(m, next, t) \
	ROW(1, m, next, t) \
	ROW(2, m, next, t) \
	ROW(4, m, next, t)

// INROW is ROW8 in the block alone.
#define INROW(m, t) \
	VPSRLQ $1, m, t \
	VPANDQ t, m, m \
	VPSRLQ $2, m, t \
	VPANDQ t, m, m \
	VPSRLQ $4, m, t \
	VPANDQ t, m, m

// FILL is one step of a look at the eight bytes before a byte, all of them or any.
#define FILL(op, n, ones, m, t) \
	VPSLLQ $n, m, t \
	VPORQ ones, t, t \
	op t, m, m

// LEADSTEP is one step of LEADTO.
#define LEADSTEP(n, last, ends, through, t) \
	VPSRLQ $n, ends, t \
	VPORQ last, t, t \
	VPTERNLOGQ $0xf8, t, through, ends \
	VPSRLQ $n, through, t \
	VPTERNLOGQ $0xe0, last, t, through

// LEADTO leaves in ends what leadTo returns.
#define LEADTO(ends, through, t) \
	LEADSTEP(1, LAST, ends, through, t) \
	LEADSTEP(2, LAST2, ends, through, t) \
	LEADSTEP(4, LAST4, ends, through, t) \
	VPORQ through, ends, ends

// STEP adds to out where six bits start, each n behind the last.
#define STEP(n, n3, m, out, t, u) \
	VPSRLQ $n, m, t \
	VPANDQ m, t, t \
	VPSRLQ $n, t, u \
	VPANDQ u, t, t \
	VPSRLQ $n3, t, u \
	VPANDQ u, t, t \
	VPORQ t, out, out

#define STEPS(m, out, t, u) \
	STEP(2, 6, m, out, t, u) \
	STEP(3, 9, m, out, t, u) \
	STEP(4, 12, m, out, t, u) \
	STEP(5, 15, m, out, t, u) \
	STEP(6, 18, m, out, t, u)

// SPREAD is m |= op(m, n).
#define SPREAD(op, n, m, t) \
	op $n, m, t \
	VPORQ t, m, m

// func findSigns(out *uint64, some *uint16, masks *uint64, least, blocks uint64)
TEXT ·findSigns(SB), NOSPLIT, $0-40
	MOVQ out+0(FP), DI
	MOVQ some+8(FP), R8
	MOVQ masks+16(FP), SI
	MOVQ least+24(FP), CX
	VPTERNLOGQ $0xff, Z0, Z0, Z0
	VPSRLQ $63, Z0, ONE
	VPSRLQ $62, Z0, THREE
	VPSRLQ $60, Z0, FIFTEEN
	VPSLLQ $63, Z0, LAST
	VPSLLQ $62, Z0, LAST2
	VPSLLQ $60, Z0, LAST4
	VPBROADCASTQ CX, Z24
	SUBQ $8, CX
	VPBROADCASTQ CX, Z25
	MOVQ $const_minDigits, CX
	VPBROADCASTQ CX, Z26
	MOVQ $const_maxBroken, CX
	VPBROADCASTQ CX, Z15

	// The bytes of seed phrases, from the block before to the one behind.
	MOVQ blocks+32(FP), DX
	MOVQ SI, R9
	MOVQ DI, R10
	SUBQ $8, SI
	SUBQ $8, DI
	LEAQ 9(DX), CX
	SHRQ $3, CX

words:
	LOAD(const_maskLower, Z0)
	BEFORE(Z0, Z1)
	VPANDNQ Z0, Z1, Z1
	BEHIND(Z0, Z2)
	VPSRLQ $2, Z0, Z3
	VPORQ LAST2, Z3, Z3
	VPANDQ Z3, Z2, Z2
	VPANDNQ Z1, Z2, Z1
	LOAD(const_maskSlash, Z2)
	BEFORE(Z2, Z2)
	VPANDNQ Z1, Z2, Z1
	VMOVDQA64 Z0, Z2
	INROW(Z2, Z3)
	VPSRLQ $8, Z0, Z3
	VPANDQ Z3, Z2, Z2
	VPSRLQ $9, Z0, Z3
	VPANDQ Z3, Z2, Z2
	VPORQ Z2, Z1, Z1
	LOAD(const_maskPhrase, Z2)
	VPANDNQ Z2, Z1, Z1
	VMOVDQU64 Z1, (const_signWords*STRIDE)(DI)
	ADDQ $64, SI
	ADDQ $64, DI
	DECQ CX
	JNZ words
	MOVQ R9, SI
	MOVQ R10, DI
	LEAQ 7(DX), CX
	SHRQ $3, CX

blocks:
	// Runs.
	LOAD(const_maskRun, Z16)
	NEXT(const_maskRun, Z1)
	PREV(const_maskRun, Z2)
	VMOVDQA64 Z16, Z0
	VMOVDQA64 Z16, Z4
	VPSHRDVQ Z24, Z1, Z4
	ROW8(Z0, Z1, Z3)
	VMOVDQA64 Z0, Z3
	VPSHRDVQ Z25, Z1, Z3
	VPANDQ Z3, Z0, Z0
	VPTESTMQ Z0, Z0, K2
	VPSHLDQ $1, Z2, Z16, Z2
	VPANDNQ Z0, Z2, Z2
	STORE(const_signStart, Z2)
	VPANDNQ Z0, Z4, Z4
	STORE(const_signEnd, Z4)

	// Phrases.
	VMOVDQU64 (const_signWords*STRIDE)(DI), Z0
	VMOVDQU64 (const_signWords*STRIDE+8)(DI), Z1
	VMOVDQU64 (const_signWords*STRIDE-8)(DI), Z2
	VPSHLDQ $1, Z2, Z0, Z2
	VPSHRDQ $const_seedStep, Z1, Z0, Z4
	ROW8(Z0, Z1, Z3)
	ROW(8, Z0, Z1, Z3)
	ROW(16, Z0, Z1, Z3)
	VPSHRDQ $(const_seedStep-32), Z1, Z0, Z3
	VPANDQ Z3, Z0, Z0
	VPANDNQ Z0, Z2, Z2
	STORE(const_signPhrase, Z2)
	VPANDNQ Z0, Z4, Z4
	STORE(const_signPhraseEnd, Z4)

	// Line breaks.
	LOAD(const_maskSlash, Z17)
	LOAD(const_maskLine, Z18)
	LOAD(const_maskDot, Z19)
	LOAD(const_maskPrefix, Z20)
	LOAD(const_maskBlank, Z21)
	LOAD(const_maskEquals, Z22)
	VPORQ Z16, Z22, Z1
	VPORQ Z19, Z1, Z1
	VPORQ Z17, Z1, Z8
	VPANDNQ Z21, Z18, Z9
	LEADTO(Z8, Z9, Z10)
	LOAD(const_maskLower, Z2)
	VPANDNQ Z1, Z2, Z2
	FILL(VPANDQ, 1, ONE, Z1, Z3)
	FILL(VPANDQ, 2, THREE, Z1, Z3)
	FILL(VPANDQ, 4, FIFTEEN, Z1, Z3)
	FILL(VPORQ, 1, ONE, Z2, Z3)
	FILL(VPORQ, 2, THREE, Z2, Z3)
	FILL(VPORQ, 4, FIFTEEN, Z2, Z3)
	BEFORE(Z2, Z3)
	VPANDQ Z19, Z3, Z3
	VPANDNQ Z2, Z19, Z4
	VPORQ Z4, Z3, Z3
	VPANDQ Z1, Z3, Z3
	BEHIND(Z18, Z4)
	VPANDQ Z21, Z4, Z4
	VPORQ Z17, Z4, Z4
	BEFORE(Z3, Z5)
	VPANDQ Z4, Z5, Z5
	VPORQ Z5, Z3, Z3
	BEFORE(Z3, Z5)
	VPANDQ Z4, Z5, Z5
	VPORQ Z5, Z3, Z3
	BEFORE(Z3, Z5)
	VPANDQ Z4, Z5, Z5
	VPORQ Z5, Z3, Z3
	LOAD(const_maskHex, Z9)
	VPANDNQ Z20, Z9, Z5
	LOAD(const_maskThird, Z10)
	VPANDNQ Z5, Z10, Z5
	BEHIND(Z5, Z5)
	VPANDQ Z17, Z5, Z5
	VPSRLQ $2, Z8, Z10
	VPORQ LAST2, Z10, Z10
	VPANDQ Z10, Z5, Z5
	BEHIND(Z8, Z8)
	VPTERNLOGQ $0xf8, Z8, Z18, Z5
	BEFORE(Z3, Z3)
	VPANDQ Z5, Z3, Z3
	STORE(const_signBreak, Z3)

	// Marks of encodings.
	LOAD(const_maskEscape, Z1)
	NEXT(const_maskEscape, Z2)
	VPSHRDQ $1, Z2, Z1, Z1
	VPANDQ Z17, Z1, Z1
	VPORQ Z20, Z17, Z2
	BEHIND(Z2, Z2)
	VPANDQ Z17, Z2, Z2
	VPORQ Z18, Z2, Z2
	VPSRLQ $1, Z9, Z4
	VPSRLQ $2, Z9, Z5
	VPANDQ Z5, Z4, Z4
	VPSRLQ $1, Z2, Z5
	VPORQ Z5, Z4, Z4
	VPORQ Z2, Z21, Z5
	VPSRLQ $2, Z5, Z5
	VPSRLQ $1, Z21, Z6
	VPANDQ Z6, Z5, Z5
	VPORQ Z5, Z4, Z4
	VPORQ LAST2, Z4, Z4
	LOAD(const_maskPercent, Z6)
	VPORQ Z22, Z6, Z5
	VPANDQ Z5, Z4, Z4
	VPORQ Z4, Z1, Z1
	LOAD(const_maskEntity, Z4)
	BEHIND(Z4, Z4)
	LOAD(const_maskAmpersand, Z23)
	VPANDQ Z23, Z4, Z4
	VPORQ Z4, Z1, Z1
	LOAD(const_maskTilde, Z4)
	BEHIND(Z4, Z4)
	LOAD(const_maskLess, Z5)
	VPANDQ Z5, Z4, Z4
	VPORQ Z4, Z1, Z1
	LOAD(const_maskQuote, Z4)
	LOAD(const_maskOperator, Z5)
	VPORQ Z21, Z5, Z5
	VPORQ Z17, Z5, Z5
	VPORQ Z20, Z5, Z6
	VMOVDQA64 Z4, Z7
	LEADTO(Z7, Z6, Z8)
	VPORQ Z4, Z5, Z5
	VPANDQ Z5, Z7, Z7
	BEHIND(Z7, Z7)
	VPTERNLOGQ $0xf8, Z7, Z4, Z1
	STORE(const_signMark, Z1)

	// What is rare.
	LOAD(const_maskDash, Z1)
	BEHIND(Z1, Z2)
	VPANDQ Z1, Z2, Z2
	LOAD(const_maskAt, Z3)
	VPORQ Z3, Z2, Z2
	LOAD(const_maskDigit, Z4)
	VPORQ Z4, Z21, Z3
	VPORQ Z1, Z3, Z3
	INROW(Z3, Z5)
	VPOPCNTQ Z4, Z4
	VPCMPUQ $5, Z26, Z4, K3
	VPORQ Z3, Z2, K3, Z2
	LOAD(const_maskUpper, Z4)
	BEFORE(Z4, Z5)
	BEHIND(Z4, Z6)
	VPANDQ Z6, Z5, Z5
	VPANDQ Z23, Z5, Z5
	VPORQ Z5, Z2, Z2
	LOAD(const_maskPair, Z3)
	VPORQ Z3, Z2, Z2
	STORE(const_signRare, Z2)

	// Characters on their own.
	VPXORQ Z2, Z2, Z2
	VPSLLQ $1, Z16, Z3
	VPANDNQ Z16, Z3, Z3
	STEPS(Z3, Z2, Z5, Z6)
	STORE(const_signSingle, Z2)
	LOAD(const_maskJoiner, Z3)
	VPXORQ Z2, Z2, Z2
	STEPS(Z3, Z2, Z5, Z6)
	VMOVDQA64.Z Z2, K2, Z2
	STORE(const_signJoined, Z2)

	// Characters that are not ASCII.
	LOAD(const_maskLead, Z0)
	LOAD(const_maskHigh, Z1)
	VPANDNQ Z1, Z0, Z1
	BEHIND(Z1, Z1)
	VPANDQ Z0, Z1, Z1
	VPANDNQ Z0, Z1, Z0
	VPOPCNTQ Z0, Z0
	VPCMPUQ $2, Z15, Z0, K3
	VMOVDQA64.Z Z1, K3, Z1
	LOAD(const_maskControl, Z2)
	VPSRLQ $1, Z2, Z3
	VPORQ Z2, Z3, Z3
	SPREAD(VPSRLQ, 2, Z3, Z4)
	SPREAD(VPSRLQ, 4, Z3, Z4)
	SPREAD(VPSLLQ, 1, Z2, Z4)
	SPREAD(VPSLLQ, 2, Z2, Z4)
	SPREAD(VPSLLQ, 4, Z2, Z4)
	VPSLLQ $9, Z2, Z4
	SPREAD(VPSLLQ, 8, Z2, Z5)
	VPORQ Z4, Z2, Z2
	SPREAD(VPSRLQ, 8, Z3, Z4)
	VPORQ Z3, Z2, Z2
	VPANDNQ Z1, Z2, Z1
	STORE(const_signFold, Z1)

	ADDQ $64, SI
	ADDQ $64, DI
	INCQ R8
	DECQ CX
	JNZ blocks
	VZEROUPPER
	RET
