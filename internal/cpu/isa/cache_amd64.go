package isa

// cpuid executes the instruction CPUID for a leaf and a subleaf.
func cpuid(leaf, subleaf uint32) (eax, ebx, ecx, edx uint32)

// machineCaches asks the processor: Intel's describe their caches in leaf 4, AMD's in leaf
// 0x8000001D in the same form (Intel SDM, volume 2A, CPUID; AMD64 APM, volume 3, E.4.15).
func machineCaches() (c CacheSizes) {
	for _, leaf := range []uint32{4, 0x8000001D} {
		if last, _, _, _ := cpuid(leaf&0x80000000, 0); last < leaf {
			continue
		}
		for sub := uint32(0); sub < 16; sub++ {
			eax, ebx, ecx, _ := cpuid(leaf, sub)
			kind, level := eax&31, eax>>5&7
			if kind == 0 {
				break
			}
			if kind == 2 { // instructions
				continue
			}
			ways, partitions, line, sets := ebx>>22+1, ebx>>12&0x3ff+1, ebx&0xfff+1, ecx+1
			c.set(int(level), int(ways)*int(partitions)*int(line)*int(sets))
		}
		if c.L1 > 0 {
			return c
		}
	}
	return c
}
