// Waiting on processors without a spin-wait hint.

//go:build !amd64 && !arm64

package par

func pause() {}
