package isa

import (
	"fmt"
	"strings"
	"testing"
)

func TestTheMachineHasCaches(t *testing.T) {
	c := machineCaches().completed()
	t.Logf("caches of %v", c)
	if c.L1 < 4<<10 || c.L1 > 1<<20 || c.L2 < c.L1 || c.L2 > 1<<27 || c.L3 < c.L2 {
		t.Errorf("caches of %v", c)
	}
}

func TestCacheSizesAreReadAsTheyAreWritten(t *testing.T) {
	for text, want := range map[string]CacheSizes{
		"48K,2M,32M":      {48 << 10, 2 << 20, 32 << 20},
		"32K,512K,8M":     {32 << 10, 512 << 10, 8 << 20},
		"32K,256K,256K":   {32 << 10, 256 << 10, 256 << 10},
		"128K,12M,1024M":  {128 << 10, 12 << 20, 1 << 30},
		"32K,1280K,1280K": {32 << 10, 1280 << 10, 1280 << 10},
	} {
		if got, err := parseCaches(text); err != nil || got != want || got.String() != text {
			t.Errorf("%s is read as %+v, which is written %v; error %v", text, got, got, err)
		}
	}
	if got, err := parseCaches(" 48K, 2M ,32M"); err != nil || got.L2 != 2<<20 {
		t.Errorf("with spaces: %+v, error %v", got, err)
	}
}

func TestAWrongCacheSizeIsAnErrorThatSaysHowToWriteIt(t *testing.T) {
	for _, text := range []string{
		"48K", "48K,2M", "48K,2M,32M,64M", "48,2M,32M", "48K,2G,32M", "K,M,M", "48K,,32M", ",,", "-48K,2M,32M", "0K,2M,32M",
		"4.5K,2M,32M", "48KM,2M,32M", "48K,2M,1025M", "2M,48K,32M", "48K,32M,2M", "99999999999999999999K,2M,32M", "auto",
	} {
		_, err := parseCaches(text)
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("CORNU_CACHE=%q", text)) || !strings.Contains(err.Error(), "48K,2M,32M") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestAMachineThatTellsNoSizesGetsAssumedOnes(t *testing.T) {
	for _, c := range []struct{ told, want CacheSizes }{
		{CacheSizes{}, CacheSizes{32 << 10, 512 << 10, 8 << 20}},
		{CacheSizes{L1: 128 << 10, L2: 16 << 20}, CacheSizes{128 << 10, 16 << 20, 16 << 20}},
		{CacheSizes{L1: 64 << 10}, CacheSizes{64 << 10, 512 << 10, 8 << 20}},
	} {
		if got := c.told.completed(); got != c.want {
			t.Errorf("%+v becomes %v, want %v", c.told, got, c.want)
		}
	}
}
