//go:build unix

package lambdaapi

import (
	"crypto/sha256"
	"encoding/base64"
	"net/url"

	"github.com/furl-dev/furl/internal/lambda"
)

// Buckets that stand for code which is not in S3: a directory of this machine that is used in place, as LocalStack's
// users write it (localstack/docs, "Hot Reloading"), and a web server that runs.
const (
	bucketHotReload  = "hot-reload"
	bucketHTTPServer = "http-server"
)

// codeInput is where a function's code is.
type codeInput struct {
	S3Bucket        *string
	S3Key           *string
	S3ObjectVersion *string
	ZipFile         []byte
}

// supported refuses what is not one source of code. The prefix is that of the members' names.
func (in *codeInput) supported(prefix string) error {
	switch {
	case len(in.ZipFile) > 0 && (in.S3Bucket != nil || in.S3Key != nil || in.S3ObjectVersion != nil):
		return invalidParameter("Please do not provide other FunctionCode parameters when providing a ZipFile.") // assumed
	case len(in.ZipFile) > 0:
		return nil
	case in.S3Bucket != nil && *in.S3Bucket != bucketHotReload && *in.S3Bucket != bucketHTTPServer:
		return unsupported(prefix+"S3Bucket", "it has no S3. Send the package as ZipFile, or have the server use a directory in "+
			"place: S3Bucket "+bucketHotReload+" with the directory as S3Key.")
	case in.S3Bucket == nil || in.S3Key == nil:
		return invalidParameter("Please provide a source for function code.")
	case in.S3ObjectVersion != nil:
		return unsupported(prefix+"S3ObjectVersion", "the S3Bucket "+*in.S3Bucket+" has no versions of its objects.")
	}
	return nil
}

// putCode makes what the request names the code of a configuration, which has its runtime and its layers.
func (s *service) putCode(r *request, function *lambda.Configuration, in codeInput) error {
	if err := s.findCode(r, function, in); err != nil {
		return err
	}
	if err := s.checkSize(function.CodeHex, function.Layers); err != nil {
		return err
	}
	return s.checkPackage(r.Context(), function)
}

// findCode keeps a package, or finds the place that is used instead of one.
func (s *service) findCode(r *request, function *lambda.Configuration, in codeInput) error {
	if len(in.ZipFile) > 0 {
		kept, err := s.keep(r.Context(), in.ZipFile)
		function.CodeSHA256, function.CodeHex, function.CodeSize = kept.SHA256, kept.Hex, kept.Size
		return err
	}
	places := s.config.Places
	var err error
	switch *in.S3Bucket {
	case bucketHotReload:
		function.CodeDir, err = places.CodeDir(*in.S3Key)
	case bucketHTTPServer:
		function.Upstream, err = places.Upstream(*in.S3Key)
	}
	if err != nil {
		return invalidParameter("S3Bucket %s: %v", *in.S3Bucket, err)
	}
	// The content changes under way, so this is of the place.
	sum := sha256.Sum256([]byte(*in.S3Bucket + "\n" + function.CodeDir + function.Upstream))
	function.CodeSHA256 = base64.StdEncoding.EncodeToString(sum[:])
	return nil
}

// setCode gives a function the code of another configuration.
func setCode(function, of *lambda.Configuration) {
	function.CodeSHA256, function.CodeHex, function.CodeSize = of.CodeSHA256, of.CodeHex, of.CodeSize
	function.CodeDir, function.Upstream = of.CodeDir, of.Upstream
}

// shownCode is where GetFunction says that the code is.
type shownCode struct{ RepositoryType, Location string }

func (s *service) codeOf(function *lambda.Configuration) shownCode {
	switch {
	case function.CodeDir != "":
		return shownCode{bucketHotReload, (&url.URL{Scheme: "file", Path: function.CodeDir}).String()}
	case function.Upstream != "":
		return shownCode{bucketHTTPServer, function.Upstream}
	}
	return shownCode{"S3", s.config.Links.CodeURL(function.CodeHex)}
}
