#include "go_asm.h"
#include "textflag.h"

// STRIDE is the size of what masks has for a class.
#define STRIDE 512

// NIBBLES looks the bytes in v up in two tables, by nibble, and ands them to dst.
#define NIBBLES(v, n, dst) \
	VPAND Y15, v, Y9 \
	VPSHUFB Y9, n, dst \
	VPSRLW $4, v, Y9 \
	VPAND Y15, Y9, Y9

// PAIRS has in dst the buckets of the bytes of v that have those of next behind them.
#define PAIRS(v, next, dst) \
	NIBBLES(v, Y10, dst) \
	VPSHUFB Y9, Y11, Y9 \
	VPAND Y9, dst, dst \
	NIBBLES(next, Y12, Y8) \
	VPSHUFB Y9, Y13, Y9 \
	VPAND Y9, Y8, Y8 \
	VPAND Y8, dst, dst

// PLANE takes the top bit of each byte, SHIFTED of each that is shifted by one.
#define PLANE(n) \
	VPMOVMSKB Y0, AX \
	VPMOVMSKB Y1, BX \
	MOVL AX, (n*STRIDE)(DI) \
	MOVL BX, (n*STRIDE+4)(DI)

#define SHIFTED(n) \
	VPADDB Y0, Y0, Y0 \
	VPADDB Y1, Y1, Y1 \
	PLANE(n)

#define CLASSED(class) (class*STRIDE)(DI)

// func classifyAVX2(out *byte, text *byte, blocks int, t *classTables)
//
// The planes of each block come first, to where the first classes will stand. Then four
// blocks at a time are classed as planeClasses does.
TEXT ·classifyAVX2(SB), NOSPLIT, $0-32
	MOVQ out+0(FP), DI
	MOVQ text+8(FP), SI
	MOVQ blocks+16(FP), CX
	MOVQ t+24(FP), DX
	VPXOR Y14, Y14, Y14
	MOVQ $0x0f0f0f0f0f0f0f0f, AX
	VMOVQ AX, X15
	VPBROADCASTQ X15, Y15
	VBROADCASTI128 classTables_pairs(DX), Y10
	VBROADCASTI128 (classTables_pairs+16)(DX), Y11
	VBROADCASTI128 (classTables_pairs+32)(DX), Y12
	VBROADCASTI128 (classTables_pairs+48)(DX), Y13

	// There may be fewer than four blocks at the end.
	LEAQ -1(CX), AX
	ANDQ $~3, AX
	LEAQ (DI)(AX*8), R8
	VMOVDQU Y14, (0*STRIDE)(R8)
	VMOVDQU Y14, (1*STRIDE)(R8)
	VMOVDQU Y14, (2*STRIDE)(R8)
	VMOVDQU Y14, (3*STRIDE)(R8)
	VMOVDQU Y14, (4*STRIDE)(R8)
	VMOVDQU Y14, (5*STRIDE)(R8)
	VMOVDQU Y14, (6*STRIDE)(R8)
	VMOVDQU Y14, (7*STRIDE)(R8)

block:
	VMOVDQU 0(SI), Y0
	VMOVDQU 32(SI), Y1
	VMOVDQU 1(SI), Y2
	VMOVDQU 33(SI), Y3
	PAIRS(Y0, Y2, Y4)
	PAIRS(Y1, Y3, Y5)
	VPCMPEQB Y14, Y4, Y4
	VPCMPEQB Y14, Y5, Y5
	VPMOVMSKB Y4, AX
	VPMOVMSKB Y5, BX
	SHLQ $32, BX
	ORQ BX, AX
	NOTQ AX
	MOVQ AX, CLASSED(const_maskPair)
	PLANE(7)
	SHIFTED(6)
	SHIFTED(5)
	SHIFTED(4)
	SHIFTED(3)
	SHIFTED(2)
	SHIFTED(1)
	SHIFTED(0)
	ADDQ $64, SI
	ADDQ $8, DI
	DECQ CX
	JNZ block
	MOVQ out+0(FP), DI
	MOVQ blocks+16(FP), CX

classes:
	VMOVDQU (0*STRIDE)(DI), Y0
	VMOVDQU (1*STRIDE)(DI), Y1
	VMOVDQU (2*STRIDE)(DI), Y2
	VMOVDQU (3*STRIDE)(DI), Y3
	VMOVDQU (4*STRIDE)(DI), Y4
	VMOVDQU (5*STRIDE)(DI), Y5
	VMOVDQU (6*STRIDE)(DI), Y6
	VMOVDQU (7*STRIDE)(DI), Y7
	VMOVDQU Y7, CLASSED(const_maskHigh)
	VPAND Y7, Y6, Y8
	VMOVDQU Y8, CLASSED(const_maskLead)

	// Rows, by the high nibble: r1 in Y11, r2 in Y12, r3 in Y8, r4 to r7 in Y7, Y6,
	// Y14 and Y13, all but r0 in Y10.
	VPOR Y7, Y6, Y8
	VPANDN Y6, Y7, Y9
	VPOR Y5, Y8, Y10
	VPANDN Y4, Y10, Y11
	VPOR Y4, Y10, Y10
	VPOR Y4, Y8, Y12
	VPANDN Y5, Y12, Y12
	VPAND Y4, Y5, Y13
	VPANDN Y13, Y8, Y8
	VPAND Y9, Y13, Y13
	VPAND Y5, Y9, Y14
	VPANDN Y14, Y4, Y14
	VPANDN Y9, Y5, Y5
	VPAND Y4, Y5, Y6
	VPANDN Y5, Y4, Y7

	// White space, and controls that are none.
	VPAND Y3, Y0, Y4
	VPANDN Y4, Y1, Y4 // 9 and D
	VPOR Y2, Y0, Y5
	VPAND Y3, Y1, Y9
	VPANDN Y9, Y5, Y5 // A
	VPANDN Y5, Y10, Y9
	VMOVDQU Y9, CLASSED(const_maskLine)
	VPOR Y4, Y5, Y5
	VPANDN Y5, Y10, Y9
	VPOR Y10, Y5, Y5
	VPCMPEQQ Y15, Y15, Y15
	VPXOR Y15, Y5, Y5
	VPOR Y11, Y5, Y5
	VMOVDQU Y5, CLASSED(const_maskControl)
	VPOR Y2, Y3, Y10
	VPOR Y0, Y1, Y5
	VPOR Y5, Y10, Y5 // all but 0
	VPANDN Y12, Y5, Y11
	VPOR Y11, Y9, Y9 // Y9 becomes the bytes of phrases
	VMOVDQU Y9, CLASSED(const_maskBlank)
	VPANDN Y7, Y5, Y11
	VMOVDQU Y11, CLASSED(const_maskAt)
	VPANDN Y14, Y5, Y11
	VPXOR Y2, Y0, Y15
	VPOR Y3, Y15, Y15
	VPANDN Y1, Y15, Y15
	VPAND Y12, Y15, Y15
	VPOR Y15, Y9, Y9
	VPOR Y15, Y11, Y11
	VMOVDQU Y11, CLASSED(const_maskQuote)
	VPANDN Y4, Y2, Y4
	VPAND Y12, Y4, Y4
	VPOR Y4, Y9, Y9

	// Letters and digits.
	VPAND Y1, Y0, Y10
	VPOR Y2, Y10, Y11
	VPAND Y3, Y11, Y11 // B to F
	VPAND Y7, Y5, Y4
	VPANDN Y6, Y11, Y15
	VPOR Y15, Y4, Y4
	VMOVDQU Y4, CLASSED(const_maskUpper)
	VPAND Y14, Y5, Y5
	VPANDN Y13, Y11, Y15
	VPOR Y15, Y5, Y5
	VMOVDQU Y5, CLASSED(const_maskLower)
	VPOR Y5, Y9, Y9
	VPOR Y2, Y1, Y10
	VPAND Y3, Y10, Y10 // A to F
	VPANDN Y8, Y10, Y11
	VMOVDQU Y11, CLASSED(const_maskDigit)
	VPOR Y11, Y9, Y9
	VPOR Y4, Y5, Y4
	VPAND Y0, Y10, Y10
	VPAND Y12, Y10, Y10
	VMOVDQU Y10, CLASSED(const_maskParts)
	VPAND Y1, Y0, Y5
	VPAND Y12, Y5, Y5
	VPOR Y3, Y2, Y15
	VPANDN Y5, Y15, Y5
	VPOR Y4, Y5, Y5
	VMOVDQU Y5, CLASSED(const_maskEntity)
	VPAND Y3, Y2, Y15
	VPAND Y1, Y15, Y15
	VPAND Y0, Y15, Y15 // F
	VPAND Y6, Y15, Y5
	VPOR Y5, Y10, Y10
	VMOVDQU Y10, CLASSED(const_maskJoiner)
	VPOR Y11, Y4, Y4
	VPOR Y10, Y4, Y4
	VMOVDQU Y4, CLASSED(const_maskRun)

	// Escapes, hex, prefixes.
	VPAND Y12, Y15, Y11
	VPOR Y3, Y2, Y5
	VPANDN Y8, Y5, Y5
	VPOR Y5, Y11, Y11
	VPOR Y2, Y1, Y5
	VPOR Y0, Y5, Y5
	VPANDN Y3, Y5, Y15 // 8
	VPAND Y13, Y15, Y15
	VPOR Y15, Y11, Y11
	VPOR Y3, Y1, Y10
	VPAND Y2, Y0, Y15
	VPANDN Y15, Y10, Y10 // 5
	VPOR Y6, Y13, Y4
	VPAND Y10, Y4, Y15
	VPOR Y15, Y11, Y11
	VMOVDQU Y11, CLASSED(const_maskEscape)
	VPAND Y12, Y10, Y10
	VMOVDQU Y10, CLASSED(const_maskPercent)
	VPAND Y2, Y1, Y11
	VPAND Y0, Y11, Y11
	VPOR Y3, Y11, Y11
	VPANDN Y5, Y11, Y5 // 1 to 6
	VPOR Y7, Y14, Y10
	VPAND Y10, Y5, Y5
	VPOR Y15, Y5, Y5
	VPOR CLASSED(const_maskDigit), Y5, Y5
	VMOVDQU Y5, CLASSED(const_maskHex)
	VPOR Y3, Y0, Y5
	VPANDN Y1, Y5, Y5 // 2 and 6
	VPAND Y10, Y5, Y11
	VPOR Y15, Y11, Y11
	VPANDN Y5, Y2, Y10
	VPAND Y4, Y10, Y10
	VPOR Y10, Y11, Y11
	VPAND Y2, Y5, Y5
	VPAND Y12, Y5, Y10 // Y10 becomes the operators
	VMOVDQU Y10, CLASSED(const_maskAmpersand)
	VPAND Y3, Y2, Y15
	VPAND Y15, Y1, Y4
	VPANDN Y4, Y0, Y4 // E
	VPAND Y14, Y4, Y5
	VPOR Y5, Y11, Y11
	VPOR Y3, Y1, Y5
	VPOR Y0, Y5, Y5
	VPANDN Y2, Y5, Y5 // 4
	VPAND Y13, Y5, Y5
	VPOR Y5, Y11, Y11
	VMOVDQU Y11, CLASSED(const_maskPrefix)

	// Single bytes.
	VPAND Y12, Y4, Y5
	VMOVDQU Y5, CLASSED(const_maskDot)
	VPOR Y5, Y9, Y9
	VPOR Y5, Y10, Y10
	VPAND Y13, Y4, Y4
	VMOVDQU Y4, CLASSED(const_maskTilde)
	VPOR Y4, Y10, Y10
	VPOR Y1, Y0, Y4
	VPANDN Y15, Y4, Y4 // C
	VPAND Y6, Y4, Y5
	VMOVDQU Y5, CLASSED(const_maskSlash)
	VPOR Y5, Y9, Y9
	VPAND Y8, Y4, Y5
	VMOVDQU Y5, CLASSED(const_maskLess)
	VPAND Y13, Y4, Y5
	VPOR Y5, Y10, Y10
	VPAND Y12, Y4, Y4
	VPOR Y4, Y9, Y9
	VPAND Y15, Y0, Y4
	VPANDN Y4, Y1, Y4 // D
	VPAND Y8, Y4, Y5
	VMOVDQU Y5, CLASSED(const_maskEquals)
	VPAND Y12, Y4, Y4
	VMOVDQU Y4, CLASSED(const_maskDash)
	VPAND Y3, Y1, Y5
	VPAND Y0, Y5, Y4
	VPANDN Y4, Y2, Y4 // B
	VPAND Y12, Y4, Y4
	VPOR Y4, Y9, Y9
	VPOR Y4, Y10, Y10
	VMOVDQU Y10, CLASSED(const_maskOperator)
	VPOR Y2, Y0, Y4
	VPANDN Y5, Y4, Y4 // A
	VPAND Y8, Y4, Y4
	VPOR Y4, Y9, Y9
	VMOVDQU Y9, CLASSED(const_maskPhrase)

	// What bytes of base64 lack.
	VMOVDQU CLASSED(const_maskUpper), Y4
	VMOVDQU CLASSED(const_maskLower), Y5
	VMOVDQU CLASSED(const_maskDigit), Y6
	VPAND Y2, Y1, Y7
	VPAND Y0, Y7, Y7
	VPOR Y3, Y7, Y8
	VPOR Y13, Y8, Y8
	VPANDN Y5, Y8, Y8
	VPOR Y4, Y8, Y8
	VMOVDQU Y8, CLASSED(const_maskFirst)
	VPXOR Y3, Y7, Y7
	VPAND Y5, Y7, Y7
	VPOR Y2, Y1, Y8
	VPOR Y0, Y8, Y8
	VPXOR Y3, Y8, Y8
	VPAND Y4, Y8, Y8
	VPOR Y8, Y7, Y7
	VPXOR Y3, Y2, Y8
	VPANDN Y6, Y8, Y8
	VPOR Y8, Y7, Y7
	VMOVDQU Y7, CLASSED(const_maskSecond)
	VPXOR Y1, Y0, Y8
	VPAND Y4, Y8, Y4
	VPANDN Y5, Y8, Y5
	VPANDN Y6, Y1, Y6
	VPOR Y5, Y4, Y4
	VPOR Y6, Y4, Y4
	VMOVDQU Y4, CLASSED(const_maskThird)

	// What notWords tells of the small letters.
	VMOVDQU CLASSED(const_maskLower), Y0
	VMOVDQU CLASSED(const_maskSlash), Y1
	VPCMPEQQ Y15, Y15, Y15
	VPSRLQ $63, Y15, Y6
	VPSLLQ $63, Y15, Y7
	VPSLLQ $62, Y15, Y8
	VPADDQ Y0, Y0, Y2
	VPADDQ Y1, Y1, Y1
	VPOR Y1, Y2, Y2
	VPOR Y6, Y2, Y2
	VPANDN Y0, Y2, Y2
	VPSRLQ $1, Y0, Y3
	VPSRLQ $2, Y0, Y4
	VPOR Y7, Y3, Y5
	VPOR Y8, Y4, Y4
	VPAND Y5, Y4, Y4
	VPANDN Y2, Y4, Y2
	VPAND Y3, Y0, Y0
	VPSRLQ $2, Y0, Y3
	VPAND Y3, Y0, Y3
	VPSRLQ $4, Y3, Y4
	VPAND Y4, Y3, Y3
	VPSRLQ $8, Y0, Y0
	VPAND Y3, Y0, Y0 // ten in a row
	VPOR Y0, Y2, Y2
	VPANDN CLASSED(const_maskPhrase), Y2, Y2
	VMOVDQU Y2, CLASSED(const_maskPhrase)

	ADDQ $32, DI
	SUBQ $4, CX
	JGT classes
	VZEROUPPER
	RET
