//go:build unix

package app_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/furl-dev/furl/internal/code"
	"github.com/furl-dev/furl/internal/trash"
)

// What a function has of its layers stays, also when their versions were deleted; what nothing has goes.
func TestContentOfLayersIsKeptWhileSomethingHasIt(t *testing.T) {
	parent := t.TempDir()
	data := filepath.Join(parent, "data")
	t.Cleanup(func() { // packages cannot be written to
		if err := (trash.Bin{Dir: parent}).Remove(context.Background(), "data"); err != nil {
			t.Error(err)
		}
	})
	server, stop := run(t, configFor(data))
	deploy(t, server)
	client := lambda.NewFromConfig(awsConfig(server))
	publish := func(name string) (arn, content string) {
		t.Helper()
		var archive bytes.Buffer
		writer := zip.NewWriter(&archive)
		_, err := writer.Create(name)
		if err := errors.Join(err, writer.Close()); err != nil {
			t.Fatal(err)
		}
		published, err := client.PublishLayerVersion(t.Context(), &lambda.PublishLayerVersionInput{
			LayerName: aws.String(name), Content: &types.LayerVersionContentInput{ZipFile: archive.Bytes()},
		})
		if err != nil {
			t.Fatal(err)
		}
		sum, err := base64.StdEncoding.DecodeString(aws.ToString(published.Content.CodeSha256))
		if err != nil {
			t.Fatal(err)
		}
		return aws.ToString(published.LayerVersionArn), hex.EncodeToString(sum)
	}
	firstARN, first := publish("first")
	secondARN, second := publish("second")
	_, unused := publish("unused")
	_, deleted := publish("deleted")
	if _, err := client.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{
		FunctionName: aws.String("function"), Layers: []string{firstARN, secondARN},
	}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"first", "deleted"} {
		if _, err := client.DeleteLayerVersion(t.Context(), &lambda.DeleteLayerVersionInput{
			LayerName: aws.String(name), VersionNumber: aws.Int64(1),
		}); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	longAgo := time.Now().Add(-time.Hour) // the store leaves alone what is new
	stored, err := filepath.Glob(filepath.Join(data, "code", "*"))
	if err != nil || len(stored) != 6 { // the function, four layers, and two of them merged
		t.Fatalf("stored: %q, %v", stored, err)
	}
	for _, path := range stored {
		if err := os.Chtimes(path, longAgo, longAgo); err != nil {
			t.Fatal(err)
		}
	}
	_, stop = run(t, configFor(data))
	defer stop()
	for has(data, deleted) {
		time.Sleep(10 * time.Millisecond) // the sweep is on its way; the test's deadline ends this
	}
	for name, content := range map[string]string{
		"of a function": second, "of a deleted version that a function has": first, "of a version": unused,
		"merged": code.LayersName([]string{first, second}),
	} {
		if !has(data, content) {
			t.Errorf("the content %s is gone", name)
		}
	}
}

func has(data, content string) bool {
	_, err := os.Stat(filepath.Join(data, "code", content))
	return err == nil
}
