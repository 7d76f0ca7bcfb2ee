#include "go_asm.h"
#include "textflag.h"

#define MOVV VMOVDQU
#define ANDV VPAND
#define ANDNV VPANDN
#define ORV VPOR
#define XORV VPXOR
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
#define V10 Y10
#define V11 Y11
#define V12 Y12
#define V13 Y13
#define V14 Y14
#define V15 Y15

// RIGHT is m>>n with what next has above it, LEFT1 is m<<1 with that of prev below.
#define RIGHT(n, m, next, out) \
	VPSLLQ $(64-n), next, Y15 \
	VPSRLQ $n, m, out \
	VPOR Y15, out, out

#define LEFT1(m, prev, out) \
	VPSRLQ $63, prev, Y15 \
	VPSLLQ $1, m, out \
	VPOR Y15, out, out

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

// func findSignsAVX2(out *uint64, some *uint16, masks *uint64, least, blocks uint64, consts *signConsts)
TEXT ·findSignsAVX2(SB), NOSPLIT, $0-48
#include "signs_amd64.h"
