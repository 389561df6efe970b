package isa

import "golang.org/x/sys/cpu"

// f16c is the bit of CPUID's leaf 1, ECX, for conversions of binary16 (Intel SDM, volume 2A, CPUID). All processors with AVX2 have it.
const f16c = 1 << 29

// Supported lists the tiers that this machine can run, from the plainest.
func Supported() []Tier {
	tiers := []Tier{Generic}
	x := &cpu.X86
	if _, _, features, _ := cpuid(1, 0); x.HasAVX2 && x.HasFMA && x.HasBMI2 && features&f16c != 0 {
		tiers = append(tiers, AVX2)
		if x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL {
			tiers = append(tiers, AVX512)
		}
	}
	return tiers
}

// WideCarryless reports whether the tier in use may multiply polynomials over GF(2) in vectors of 256 bits, by VPCLMULQDQ.
func WideCarryless() bool {
	_, _, ecx, _ := cpuid(7, 0)
	return Active() >= AVX2 && ecx>>10&1 == 1
}
