// Waiting on processors without a spin-wait hint.

//go:build !amd64 && !arm64

package par

// pause passes some tens of nanoseconds.
//
//go:noinline
func pause() {
	for range 32 {
		idle()
	}
}

//go:noinline
func idle() {}
