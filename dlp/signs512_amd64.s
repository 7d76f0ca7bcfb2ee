#include "go_asm.h"
#include "textflag.h"

#define MOVV VMOVDQU64
#define ANDV VPANDQ
#define ANDNV VPANDNQ
#define ORV VPORQ
#define SHLV VPSLLQ
#define SHRV VPSRLQ
#define LANES 8
#define V0 Z0
#define V1 Z1
#define V2 Z2
#define V3 Z3
#define V4 Z4
#define V5 Z5
#define V6 Z6
#define V7 Z7
#define V8 Z8
#define V9 Z9

// What a block has before and behind it where that is not asked for.
#define ONES Z31
#define LAST2 Z28

// Z30 and Z29 are what RIGHTLEAST and RIGHTREST shift by.
#define SETUP \
	VPTERNLOGQ $0xff, ONES, ONES, ONES \
	VPBROADCASTQ R10, Z30 \
	SUBQ $8, R10 \
	VPBROADCASTQ R10, Z29 \
	VMOVDQU64 CONST(const_signLastTwo), LAST2

// STORE notes a sign, and which of the blocks have it.
#define STORE(sign, v) \
	VMOVDQU64 v, OUT(sign) \
	VPTESTMQ v, v, K1 \
	KMOVB K1, (sign*4)(R8)

// One instruction with three operands, the first of which it leaves its result in; the
// last may be in memory.
#define AND3(a, b, c) VPTERNLOGQ $0x80, c, b, a
#define OR3(a, b, c) VPTERNLOGQ $0xfe, c, b, a
#define ANDOR(a, b, c) VPTERNLOGQ $0xea, c, b, a
#define ORTOAND(a, b, c) VPTERNLOGQ $0xa8, c, b, a
#define ORAND(a, b, c) VPTERNLOGQ $0xf8, c, b, a
#define NEITHER(a, b, c) VPTERNLOGQ $0x10, c, b, a
#define CHOOSE(a, b, c) VPTERNLOGQ $0xe2, c, b, a // a where b has a bit, and c elsewhere

// ADVANCE goes on to the byte of the next blocks in what tells which have a sign.
#define ADVANCE INCQ R8

#define RIGHT(n, m, next, out) VPSHRDQ $n, next, m, out
#define LEFT(n, m, prev, out) VPSHLDQ $n, prev, m, out
#define BEFORE(in, out) VPSHLDQ $1, ONES, in, out
#define BEHIND(in, out) VPSHRDQ $1, ONES, in, out
#define BEHIND2(in, out) VPSHRDQ $2, ONES, in, out

#define RIGHTLEAST(m, next, out) \
	VMOVDQA64 m, out \
	VPSHRDVQ Z30, next, out

#define RIGHTREST(m, next, out) \
	VMOVDQA64 m, out \
	VPSHRDVQ Z29, next, out

// LEADSTEP is one step of LEADTO.
#define LEADSTEP(n, last, ends, through) \
	VPSHRDQ $n, ONES, ends, Z15 \
	ORAND(ends, through, Z15) \
	VPSHRDQ $n, ONES, through, Z15 \
	VPANDQ Z15, through, through

// STEPS leaves in out where six bits start, each 2 to 6 behind the last: where three
// start, as far before three more.
#define STEPS(m, out, t) \
	VPSRLQ $2, m, Z16 \
	VPSRLQ $3, m, Z17 \
	VPSRLQ $4, m, Z18 \
	VPSRLQ $5, m, Z19 \
	VPSRLQ $6, m, Z20 \
	VPSRLQ $8, m, Z21 \
	VPSRLQ $10, m, Z22 \
	VPSRLQ $12, m, Z23 \
	AND3(Z16, m, Z18) \
	AND3(Z17, m, Z20) \
	AND3(Z18, m, Z21) \
	AND3(Z19, m, Z22) \
	AND3(Z20, m, Z23) \
	VPSRLQ $6, Z16, out \
	VPANDQ Z16, out, out \
	VPSRLQ $9, Z17, t \
	ORAND(out, Z17, t) \
	VPSRLQ $12, Z18, t \
	ORAND(out, Z18, t) \
	VPSRLQ $15, Z19, t \
	ORAND(out, Z19, t) \
	VPSRLQ $18, Z20, t \
	ORAND(out, Z20, t)

// SIX goes on elsewhere if no block with a long run has six bits in m.
#define SIX(m, elsewhere) \
	VPOPCNTQ m, Z15 \
	VPCMPUQ $6, CONST(const_signFive), Z15, K2, K1 \
	KTESTB K1, K1 \
	JZ elsewhere

#define NONZERO(v) \
	VPTESTMQ v, v, K1 \
	KMOVW K1, AX

#define HOLD(v) VPTESTMQ v, v, K2
#define HELD(v) VMOVDQA64.Z v, K2, v

#define POPCOUNT(m, out) VPOPCNTQ m, out

#define MORE(limit, count, v) \
	VPCMPUQ $6, limit, count, K1 \
	VMOVDQA64.Z v, K1, v

#define NOTMORE(limit, count, v) \
	VPCMPUQ $2, limit, count, K1 \
	VMOVDQA64.Z v, K1, v

// func findSignsAVX512(out *uint64, some *uint32, masks *byte, least, blocks uint64, consts *signConsts)
TEXT ·findSignsAVX512(SB), NOSPLIT, $0-48
#include "signs_amd64.h"
