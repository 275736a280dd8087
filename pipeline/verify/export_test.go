package verify

// The readers, for their fuzz targets.
var (
	ReadMedia        = readMedia
	ReadMultivariant = readMultivariant
	ReadManifest     = readManifest
)

// Playlists is multivariant.playlists.
func (m *multivariant) Playlists() []string { return m.playlists() }

// JudgeSound is what comparing the samples [at, at+n) of two outputs tells: by how many those of b are late, and how far
// they are from a in their place, relative to their power.
func JudgeSound(a, b []int16, at, n int) (lag int, difference float64) {
	t := sound.tryTone(a, b, at, n)
	return t.lag, t.difference
}
