#include "go_asm.h"
#include "textflag.h"

#define MOVV VMOVDQU64
#define ANDV VPANDQ
#define ANDNV VPANDNQ
#define ORV VPORQ
#define XORV VPXORQ
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
#define V10 Z10
#define V11 Z11
#define V12 Z12
#define V13 Z13
#define V14 Z14
#define V15 Z15
#define RIGHT(n, m, next, out) VPSHRDQ $n, next, m, out
#define LEFT1(m, prev, out) VPSHLDQ $1, prev, m, out

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

// func findSignsAVX512(out *uint64, some *uint16, masks *uint64, least, blocks uint64, consts *signConsts)
TEXT ·findSignsAVX512(SB), NOSPLIT, $0-48
#include "signs_amd64.h"
