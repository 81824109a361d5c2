package code

// The limits of Lambda on a deployment package (AWS Lambda Developer Guide, "Lambda quotas"): 50 MB zipped, 250 MB
// unzipped, both counted in binary megabytes, as the error messages of the API show.
const (
	MaxZipped   = 52_428_800
	MaxUnzipped = 262_144_000
)

// limits are what an archive is held against.
type limits struct {
	zipped   int64 // bytes of the archive
	unzipped int64 // bytes of all files together
	entries  int   // files, directories and links
}

// defaultLimits has Lambda's sizes. Lambda does not document a number of entries; this one is as many as an archive
// without the zip64 extension can have.
var defaultLimits = limits{zipped: MaxZipped, unzipped: MaxUnzipped, entries: 65_535}
