// The spin-wait hint of processors that have one.

//go:build amd64 || arm64

package par

// pause idles for up to some tens of nanoseconds and leaves the core's other
// hardware thread its execution units.
//
//go:noescape
func pause()
