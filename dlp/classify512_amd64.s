#include "go_asm.h"
#include "textflag.h"

// STRIDE is the size of what masks has for a class.
#define STRIDE 512
#define CLASSED(class) (class*STRIDE)(DI)

// What FUSE does to its operands is told by what it does to these.
#define A 0xf0
#define B 0xcc
#define C 0xaa

// FUSE leaves in a what f makes of three vectors, MAKE leaves it in dst.
#define FUSE(f, a, b, c) VPTERNLOGQ $((f)&0xff), c, b, a
#define MAKE(f, a, b, c, dst) \
	VMOVDQA64 a, dst \
	FUSE(f, dst, b, c)

#define STORE(v, class) VMOVDQU64 v, CLASSED(class)

// DIAGONAL is a matrix of bits. Eight bytes times it are their planes, the first byte the
// top bit of each; it times a plane has the first byte the lowest bit.
#define DIAGONAL Z30
#define TURN Z31

// PLANES has in each lane of out a plane of a block.
#define PLANES(block, out) \
	VGF2P8AFFINEQB $0, block, DIAGONAL, out \
	VPERMB out, TURN, out

// EXCHANGE makes of four vectors of four pairs of lanes those of the first pairs, of the
// second ones, and so on.
#define EXCHANGE(a, b, c, d, out0, out1, out2, out3) \
	VSHUFI64X2 $0x88, b, a, Z24 \
	VSHUFI64X2 $0xdd, b, a, Z25 \
	VSHUFI64X2 $0x88, d, c, Z26 \
	VSHUFI64X2 $0xdd, d, c, Z27 \
	VSHUFI64X2 $0x88, Z26, Z24, out0 \
	VSHUFI64X2 $0x88, Z27, Z25, out1 \
	VSHUFI64X2 $0xdd, Z26, Z24, out2 \
	VSHUFI64X2 $0xdd, Z27, Z25, out3

#define ORDER(plane) VGF2P8AFFINEQB $0, DIAGONAL, plane, plane

// LAST has in at the block with an index, or the last of those there are.
#define LAST(index, at) \
	LEAQ (index*64)(SI), at \
	CMPQ at, R13 \
	CMOVQHI R13, at

// BUCKETS looks the bytes of v up in two tables, by nibble. A vector looks up by six
// bits, and has its table four times: what is above the nibble may be anything.
#define BUCKETS(v, low, high, out, outHigh) \
	VPSRLW $4, v, outHigh \
	VPERMB low, v, out \
	VPERMB high, outHigh, outHigh

// The rows of ASCII, by the high nibble: one in R2, either of two in R46, and so on.
#define R0 Z8
#define R01 Z9
#define R2 Z10
#define R3 Z11
#define R4 Z12
#define R5 Z13
#define R6 Z14
#define R7 Z15
#define R46 Z16
#define R57 Z17
#define R4567 Z18
#define LETTERS Z6
#define PHRASE Z7
#define LOWER Z19

// func classifyGFNI(out *byte, text *byte, blocks int, t *classTables)
//
// The planes of eight blocks are made at once, and classed as planeClasses does. Where
// there are fewer, the last stands for those behind it.
TEXT ·classifyGFNI(SB), NOSPLIT, $0-32
	MOVQ out+0(FP), DI
	MOVQ text+8(FP), SI
	MOVQ blocks+16(FP), CX
	MOVQ t+24(FP), DX
	MOVQ $0x8040201008040201, AX
	VPBROADCASTQ AX, DIAGONAL
	VMOVDQU64 classTables_turn(DX), TURN

blocks:
	MOVL $8, AX
	CMPQ CX, AX
	JLT few
	PLANES((0*64)(SI), Z16)
	PLANES((1*64)(SI), Z17)
	PLANES((2*64)(SI), Z18)
	PLANES((3*64)(SI), Z19)
	PLANES((4*64)(SI), Z20)
	PLANES((5*64)(SI), Z21)
	PLANES((6*64)(SI), Z22)
	PLANES((7*64)(SI), Z23)
	JMP planes

few:
	MOVQ CX, AX
	MOVQ CX, R13
	SHLQ $6, R13
	LEAQ -64(SI)(R13*1), R13
	LAST(1, BX)
	LAST(2, R8)
	LAST(3, R9)
	LAST(4, R10)
	LAST(5, R11)
	LAST(6, R12)
	PLANES((SI), Z16)
	PLANES((BX), Z17)
	PLANES((R8), Z18)
	PLANES((R9), Z19)
	PLANES((R10), Z20)
	PLANES((R11), Z21)
	PLANES((R12), Z22)
	PLANES((R13), Z23)

planes:
	VPUNPCKLQDQ Z17, Z16, Z8
	VPUNPCKHQDQ Z17, Z16, Z9
	VPUNPCKLQDQ Z19, Z18, Z10
	VPUNPCKHQDQ Z19, Z18, Z11
	VPUNPCKLQDQ Z21, Z20, Z12
	VPUNPCKHQDQ Z21, Z20, Z13
	VPUNPCKLQDQ Z23, Z22, Z14
	VPUNPCKHQDQ Z23, Z22, Z15
	EXCHANGE(Z8, Z10, Z12, Z14, Z0, Z2, Z4, Z6)
	EXCHANGE(Z9, Z11, Z13, Z15, Z1, Z3, Z5, Z7)
	ORDER(Z7)
	ORDER(Z6)
	ORDER(Z5)
	ORDER(Z4)
	ORDER(Z3)
	ORDER(Z2)
	ORDER(Z1)
	ORDER(Z0)

	STORE(Z7, const_maskHigh)
	VPANDQ Z6, Z7, Z20
	STORE(Z20, const_maskLead)
	MAKE(~A&~B&~C, Z7, Z6, Z5, R01)
	MAKE(A&~B&~C, Z5, Z6, Z7, R3)
	VPANDNQ Z6, Z7, R4567
	VPANDNQ R01, Z4, R0
	VPANDNQ R3, Z4, R2
	VPANDQ R3, Z4, R3
	VPANDNQ R4567, Z4, R46
	VPANDQ R4567, Z4, R57
	VPANDNQ R46, Z5, R4
	VPANDQ R46, Z5, R6
	VPANDNQ R57, Z5, R5
	VPANDQ R57, Z5, R7

	// White space, and controls that are none. R01 becomes what no ASCII text has.
	MAKE(A&~B&~C|~A&B, Z1, Z0, Z2, Z19)
	FUSE(A&B&C, Z19, Z3, R0) // 9, A and D
	VPANDNQ R01, Z19, Z20
	STORE(Z20, const_maskControl)
	VPORQ Z7, Z20, R01
	VPANDNQ Z19, Z0, Z20
	STORE(Z20, const_maskLine)
	MAKE(A|B|C, Z2, Z1, Z0, Z21)
	VPORQ Z3, Z21, Z22 // all but 0
	MAKE(A|B&~C, Z19, R2, Z22, Z20)
	STORE(Z20, const_maskBlank)
	VPANDNQ R4, Z22, Z20
	STORE(Z20, const_maskAt)

	// Letters and digits, and what bytes of base64 lack.
	MAKE(A|B&C, Z2, Z1, Z0, Z23)
	VPANDQ Z3, Z23, Z23 // B to F
	MAKE(A&~B|~A&C, Z4, Z23, Z22, LETTERS)
	VPANDQ R4567, LETTERS, LETTERS
	VPANDQ Z5, LETTERS, Z24
	STORE(Z24, const_maskLower)
	VPANDNQ LETTERS, Z5, Z25
	STORE(Z25, const_maskUpper)
	VPORQ Z19, Z24, PHRASE
	VMOVDQA64 Z24, LOWER
	FUSE(A|B&~C, PHRASE, R3, Z23)
	MAKE(A&B&C, Z2, Z1, Z0, Z26) // 7 and F
	MAKE(A&~B&~C, Z21, Z26, Z3, Z27) // 1 to 6
	FUSE(A|B&C, Z25, R6, Z27)
	STORE(Z25, const_maskFirst)
	MAKE(A&B|~A&C, Z5, Z26, Z21, Z28)
	FUSE((A^B)&C, Z28, Z3, LETTERS)
	MAKE(A&~B&~C, R3, Z3, Z2, Z29) // the digits 0 to 3
	VPORQ Z29, Z28, Z28
	STORE(Z28, const_maskSecond)
	MAKE(A&(B|C), Z3, Z2, Z1, Z23) // A to F
	VPANDNQ R3, Z23, Z24
	STORE(Z24, const_maskDigit)
	MAKE(A^B^C, Z1, Z0, Z5, Z28)
	VPANDQ LETTERS, Z28, Z28
	FUSE(A|B&~C, Z28, Z24, Z1)
	STORE(Z28, const_maskThird)
	FUSE(A&B&C, Z23, R2, Z0)
	STORE(Z23, const_maskParts)
	VPANDQ Z3, Z26, Z25 // F
	FUSE(A|B&C, Z23, R5, Z25)
	STORE(Z23, const_maskJoiner)
	FUSE(A|B|C, Z23, LETTERS, Z24)
	STORE(Z23, const_maskRun)
	MAKE(A&B&~C, Z0, Z1, Z2, Z28) // 3 and B
	MAKE(A&B&~C, R2, Z28, Z3, Z23)
	VPORQ LETTERS, Z23, Z23
	STORE(Z23, const_maskEntity)

	// Quotes and operators. LETTERS is another register from here on.
	MAKE(A&~(B^C), Z1, Z2, Z0, Z23)
	FUSE(A&B&~C, Z23, R2, Z3)
	FUSE(A|B&~C, Z23, R6, Z22)
	STORE(Z23, const_maskQuote)
	MAKE(A&B&~C, Z2, Z1, Z0, Z6) // 6 and E
	VPANDQ Z3, Z28, Z28
	FUSE((A|B)&C, Z28, Z6, R2)
	MAKE(A&B&~C, Z3, Z2, Z0, Z20) // C and E
	FUSE(A|B&C, Z28, R7, Z20)
	STORE(Z28, const_maskOperator)
	MAKE(A&B&~C, R2, Z6, Z3, Z28)
	STORE(Z28, const_maskAmpersand)
	MAKE(A&B&~C, R7, Z3, Z21, Z28) // x
	VPANDQ Z3, Z6, Z21 // E
	VPANDQ Z21, R2, Z23
	STORE(Z23, const_maskDot)
	VPANDQ Z21, R7, Z23
	STORE(Z23, const_maskTilde)

	// Hex and phrases.
	MAKE(A&B&~C, Z2, Z0, Z1, Z6) // 5 and D
	VPANDNQ Z6, Z3, Z22 // 5
	VPANDQ Z3, Z6, Z6 // D
	VPANDQ Z22, R57, Z23 // u and U
	FUSE(A|B&C, Z24, R46, Z27)
	VPORQ Z23, Z24, Z24
	STORE(Z24, const_maskHex)
	MAKE(A^B^C, Z3, Z2, Z0, Z24)
	FUSE(~A&~B&C, Z24, Z22, R2)
	VPANDQ Z22, R2, Z22
	STORE(Z22, const_maskPercent)
	VPANDNQ Z20, Z1, Z20 // C
	MAKE(A|B&~C, Z20, Z26, Z3, Z27) // 7 and C
	VPANDQ Z20, R5, Z26
	STORE(Z26, const_maskSlash)
	FUSE(A|B|C, PHRASE, Z24, Z26)

	// What notWords tells of the small letters.
	VPTERNLOGQ $0xff, Z8, Z8, Z8
	VPSHLDQ $1, Z8, Z26, Z26
	VPSHLDQ $1, Z8, LOWER, Z22
	MAKE(A&~B&~C, LOWER, Z22, Z26, Z24)
	VPSHRDQ $1, Z8, LOWER, Z22
	VPSHRDQ $2, Z8, LOWER, Z26
	FUSE(A&~(B&C), Z24, Z22, Z26)
	VPSRLQ $1, LOWER, Z22
	VPANDQ Z22, LOWER, LOWER
	VPSRLQ $2, LOWER, Z22
	VPANDQ Z22, LOWER, Z22
	VPSRLQ $4, Z22, Z26
	VPANDQ Z26, Z22, Z22
	VPSRLQ $8, LOWER, LOWER
	FUSE(A|B&C, Z24, Z22, LOWER) // ten in a row
	VPANDNQ PHRASE, Z24, PHRASE
	STORE(PHRASE, const_maskPhrase)

	// Other single bytes, escapes, prefixes.
	VPANDQ Z20, R3, Z24
	STORE(Z24, const_maskLess)
	VPANDQ Z6, R3, Z24
	STORE(Z24, const_maskEquals)
	VPANDQ Z6, R2, Z24
	STORE(Z24, const_maskDash)
	VPANDQ Z25, R2, Z25
	FUSE(A|B|C, Z25, Z23, Z28)
	VPORQ Z29, Z25, Z25
	STORE(Z25, const_maskEscape)
	MAKE(~A&B&~C, Z3, Z1, Z0, Z24) // 2 and 6
	FUSE(A&~(B&C), Z24, Z4, Z2)
	FUSE(A&B|C, Z24, R4567, Z23)
	FUSE(A|B&C, Z24, R6, Z21)
	MAKE(A&~B&~C, Z2, Z1, Z0, Z25) // 4 and C
	FUSE(A&~B&C, Z25, Z3, R7)
	VPORQ Z25, Z24, Z24
	STORE(Z24, const_maskPrefix)

	// The pairs that ASCII has: x before those of row 5, A and D of row 7 before those
	// of row 3. For the last block the byte behind it is looked up.
	VPTESTMQ R01, R01, K1
	KMOVW K1, BX
	TESTL BX, BX
	JNZ pairs
	MAKE(A&B&~C, Z3, Z1, Z0, Z24) // A and E
	FUSE(A|B&~C, Z6, Z24, Z2)
	VPANDQ R7, Z6, Z6
	VPANDQ R5, Z24, Z24
	VALIGNQ $1, Z24, Z24, Z25
	VPSHRDQ $1, Z25, Z24, Z24
	VPANDQ Z28, Z24, Z24
	VPANDQ R3, Z27, Z27
	VALIGNQ $1, Z27, Z27, Z25
	VPSHRDQ $1, Z25, Z27, Z27
	FUSE(A|B&C, Z24, Z6, Z27)
	STORE(Z24, const_maskPair)
	MOVQ AX, R8
	SHLQ $6, R8
	MOVBLZX -1(SI)(R8*1), BX
	MOVBLZX (SI)(R8*1), R8
	MOVBLZX classTables_firsts(DX)(BX*1), BX
	ANDB classTables_seconds(DX)(R8*1), BX
	MOVQ (const_maskPair*STRIDE-8)(DI)(AX*8), R8
	SHLQ $1, R8
	ADDB $0xff, BX // carries if there was a bit
	RCRQ $1, R8
	MOVQ R8, (const_maskPair*STRIDE-8)(DI)(AX*8)

next:
	ADDQ $(8*64), SI
	ADDQ $(8*8), DI
	SUBQ $8, CX
	JGT blocks
	VZEROUPPER
	RET

pairs:
	VBROADCASTI32X4 classTables_pairs(DX), Z0
	VBROADCASTI32X4 (classTables_pairs+16)(DX), Z1
	VBROADCASTI32X4 (classTables_pairs+32)(DX), Z2
	VBROADCASTI32X4 (classTables_pairs+48)(DX), Z3
	MOVQ SI, R8
	MOVQ DI, R9

pair:
	VMOVDQU64 (R8), Z4
	VMOVDQU64 1(R8), Z5
	BUCKETS(Z4, Z0, Z1, Z6, Z7)
	BUCKETS(Z5, Z2, Z3, Z8, Z9)
	FUSE(A&B&C, Z6, Z7, Z8)
	VPTESTMB Z6, Z9, K1
	KMOVQ K1, (const_maskPair*STRIDE)(R9)
	ADDQ $64, R8
	ADDQ $8, R9
	DECQ AX
	JNZ pair
	JMP next
