package verify

// The readers, for their fuzz targets.
var (
	ReadMedia        = readMedia
	ReadMultivariant = readMultivariant
	ReadManifest     = readManifest
	Refresh          = refresh
)

// Playlists is multivariant.playlists.
func (m *multivariant) Playlists() []string { return m.playlists() }
