package cpu

// opsOf returns the primitives of a tier.
func opsOf(t Tier) *[numEOps]primitive {
	switch t {
	case AVX2:
		return &opsAVX2
	case AVX512:
		return &opsAVX512
	}
	return &genericOps
}

// What has no instructions of its own is plain Go.
func init() {
	for op, f := range genericOps {
		for _, t := range []*[numEOps]primitive{&opsAVX2, &opsAVX512} {
			if t[op] == nil {
				t[op] = f
			}
		}
	}
}
