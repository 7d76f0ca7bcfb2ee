#include "go_asm.h"
#include "textflag.h"

#define MOVV VMOVDQU
#define ANDV VPAND
#define ANDNV VPANDN
#define ORV VPOR
#define SHLV VPSLLQ
#define SHRV VPSRLQ
#define LANES 4
#define V0 Y0
#define V1 Y1
#define V2 Y2
#define V3 Y3
#define V4 Y4
#define V5 Y5
#define V6 Y6
#define V7 Y7
#define V8 Y8
#define V9 Y9

// What stands before and behind a block in the places where that is not asked for.
#define ONE Y13
#define LAST Y12
#define LAST2 Y11
#define LAST4 CONST(const_signLastFour)

// R11 to R13 are what RIGHTLEAST and RIGHTREST shift by.
#define SETUP \
	MOVQ $64, R11 \
	SUBQ R10, R11 \
	LEAQ -8(R10), R12 \
	LEAQ 8(R11), R13 \
	VPXOR Y14, Y14, Y14 \
	VMOVDQU CONST(const_signOne), ONE \
	VMOVDQU CONST(const_signLast), LAST \
	VMOVDQU CONST(const_signLastTwo), LAST2

// STORE notes a sign, and which of the blocks have it.
#define STORE(sign, v) \
	VMOVDQU v, OUT(sign) \
	NONZERO(v) \
	SHLL CX, AX \
	ORL AX, (sign*4)(R8)

#define ADVANCE // STORE goes by CX

// What may be one instruction with three operands, the first of which it leaves its
// result in; the last may be in memory.
#define AND3(a, b, c) \
	VPAND b, a, a \
	VPAND c, a, a

#define OR3(a, b, c) \
	VPOR b, a, a \
	VPOR c, a, a

#define ANDOR(a, b, c) \
	VPAND b, a, a \
	VPOR c, a, a

#define ORTOAND(a, b, c) \
	VPOR b, a, a \
	VPAND c, a, a

#define ORAND(a, b, c) \
	VPAND c, b, Y15 \
	VPOR Y15, a, a

#define NEITHER(a, b, c) \
	VPOR c, b, b \
	VPANDN a, b, a

// CHOOSE takes a where b has a bit, and c elsewhere.
#define CHOOSE(a, b, c) \
	VPAND b, a, a \
	VPANDN c, b, Y15 \
	VPOR Y15, a, a

// BEFORE is in << 1 | ONE, BEHIND is in >> 1 | LAST, BEHIND2 is in >> 2 | LAST2.
#define BEFORE(in, out) \
	VPSLLQ $1, in, out \
	VPOR ONE, out, out

#define BEHIND(in, out) \
	VPSRLQ $1, in, out \
	VPOR LAST, out, out

#define BEHIND2(in, out) \
	VPSRLQ $2, in, out \
	VPOR LAST2, out, out

// LEADSTEP is one step of LEADTO.
#define LEADSTEP(n, last, ends, through) \
	VPSRLQ $n, ends, Y15 \
	VPOR last, Y15, Y15 \
	ORAND(ends, through, Y15) \
	VPSRLQ $n, through, Y15 \
	VPOR last, Y15, Y15 \
	VPAND Y15, through, through

// STEP adds to out where six bits start, each n behind the last.
#define STEP(n, n3, m, out, t) \
	VPSRLQ $n, m, t \
	VPAND m, t, t \
	VPSRLQ $n, t, Y15 \
	VPAND Y15, t, t \
	VPSRLQ $n3, t, Y15 \
	ORAND(out, t, Y15)

#define STEPS(m, out, t) \
	VPXOR out, out, out \
	STEP(2, 6, m, out, t) \
	STEP(3, 9, m, out, t) \
	STEP(4, 12, m, out, t) \
	STEP(5, 15, m, out, t) \
	STEP(6, 18, m, out, t)

// SIX goes on elsewhere if no long run has a bit of m in its block.
#define SIX(m, elsewhere) \
	VPANDN m, Y10, Y15 \
	VPTEST Y15, Y15 \
	JZ elsewhere

// RIGHT is m>>n with what next has above it, LEFT is m<<n with that of prev below.
#define RIGHT(n, m, next, out) \
	VPSLLQ $(64-n), next, Y15 \
	VPSRLQ $n, m, out \
	VPOR Y15, out, out

#define LEFT(n, m, prev, out) \
	VPSRLQ $(64-n), prev, Y15 \
	VPSLLQ $n, m, out \
	VPOR Y15, out, out

// RIGHTBY is RIGHT by a number, of which of 64 leave the other.
#define RIGHTBY(n, other, m, next, out) \
	VMOVQ n, X15 \
	VPSRLQ X15, m, out \
	VMOVQ other, X15 \
	VPSLLQ X15, next, Y15 \
	VPOR Y15, out, out

#define RIGHTLEAST(m, next, out) RIGHTBY(R10, R11, m, next, out)
#define RIGHTREST(m, next, out) RIGHTBY(R12, R13, m, next, out)

// NONZERO has in AX which of the lanes are not zero.
#define NONZERO(v) \
	VPCMPEQQ Y14, v, Y15 \
	VMOVMSKPD Y15, AX \
	XORL $15, AX

// HOLD keeps which of the lanes are not zero, HELD leaves those in v.
#define HOLD(v) VPCMPEQQ Y14, v, Y10
#define HELD(v) VPANDN v, Y10, v

// POPCOUNT counts by nibbles (Muła, Kurz, Lemire: Faster Population Counts Using AVX2
// Instructions, section 3).
#define POPCOUNT(m, out) \
	VMOVDQU CONST(const_signCounts), Y8 \
	VPAND CONST(const_signNibble), m, Y9 \
	VPSHUFB Y9, Y8, Y9 \
	VPSRLW $4, m, out \
	VPAND CONST(const_signNibble), out, out \
	VPSHUFB out, Y8, out \
	VPADDB Y9, out, out \
	VPSADBW Y14, out, out

// MORE leaves v where a count is more than a limit, NOTMORE where it is not.
#define MORE(limit, count, v) \
	VPCMPGTQ limit, count, Y15 \
	VPAND Y15, v, v

#define NOTMORE(limit, count, v) \
	VPCMPGTQ limit, count, Y15 \
	VPANDN v, Y15, v

// func findSignsAVX2(out *uint64, some *uint32, masks *byte, least, blocks uint64, consts *signConsts)
TEXT ·findSignsAVX2(SB), NOSPLIT, $0-48
#include "signs_amd64.h"
