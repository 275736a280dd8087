package verify

// The readers, for their fuzz targets.
var (
	ReadMedia        = readMedia
	ReadMultivariant = readMultivariant
	ReadManifest     = readManifest
)

// Playlists is multivariant.playlists.
func (m *multivariant) Playlists() []string { return m.playlists() }
