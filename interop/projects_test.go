//go:build unix

package interop_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/furl-dev/furl/internal/trash"
)

const adminARN = "arn:aws:iam::" + account + ":user/admin"

// wholeProject is a copy of a project in testdata/projects, with packages in its directories.
func wholeProject(t *testing.T, name string, packages map[string]string) string {
	t.Helper()
	parent := t.TempDir()
	dir := filepath.Join(parent, name)
	copyInto(t, dir, filepath.Join("testdata", "projects", name))
	for place, from := range packages {
		copyInto(t, filepath.Join(dir, place), from)
	}
	t.Cleanup(func() {
		bin := trash.Bin{Dir: parent} // t.TempDir cannot remove the data directory, which has files that are read-only
		if err := bin.Remove(context.Background(), name); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func copyInto(t *testing.T, dir, from string) {
	t.Helper()
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// edit replaces a text of a file, as an editor would.
func edit(t *testing.T, file, from, to string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), from) {
		t.Fatalf("%s has no %q", file, from)
	}
	write(t, file, strings.ReplaceAll(string(text), from, to))
}

const firstEdition, secondEdition = "first edition", "second edition"

// TestProjectSAM runs FastAPI under Mangum, and a function that calls it with both permissions.
func TestProjectSAM(t *testing.T) {
	t.Parallel()
	need(t, "python", "package")
	dir := wholeProject(t, "sam", map[string]string{"web": installed(t, "package", "web"), "caller": installed(t, "package", "caller")})
	d := startDev(t, dir)
	books, reader := d.url(t, "books"), d.url(t, "reader")
	if books.AuthType != "AWS_IAM" || books.InvokeMode != "BUFFERED" || books.LogicalID != "Books" {
		t.Errorf("the URL is told as %+v", books)
	}
	d.refuses(t, books.URL+"books/7")
	d.becomes(t, http.MethodGet, books.URL+"books/7", "", `{"number":7,"title":"first edition","caller":"`+adminARN+`"}`)
	response, text := d.call(t, http.MethodGet, reader.URL, "")
	got := decode[struct{ Title, Caller string }](t, text)
	if got.Title != firstEdition || !regexp.MustCompile(`^arn:aws:sts::`+account+`:assumed-role/[^/]*Reader[^/]*/reader$`).MatchString(got.Caller) {
		t.Errorf("the calling function: %s %s", response.Status, text)
	}
	edit(t, filepath.Join(dir, "web", "main.py"), firstEdition, secondEdition)
	d.becomes(t, http.MethodGet, books.URL+"books/7", "", secondEdition)

	// Without the second permission, the calling function gets 403. Declared again, it is let in again.
	const second, other = "Action: lambda:InvokeFunction\n      InvokedViaFunctionUrl: true", "Action: lambda:GetFunction"
	edit(t, filepath.Join(dir, "template.yaml"), second, other)
	d.becomes(t, http.MethodGet, reader.URL, "", "Forbidden")
	edit(t, filepath.Join(dir, "template.yaml"), other, second)
	d.becomes(t, http.MethodGet, reader.URL, "", secondEdition)
	d.ends(t)
}

// TestProjectCDK runs what CDK synthesizes for a function with an alias behind a distribution of CloudFront. A new asset
// has a new directory: that is what a change is.
func TestProjectCDK(t *testing.T) {
	t.Parallel()
	needProgram(t, "node")
	dir := wholeProject(t, "cdk", nil)
	d := startDev(t, dir)
	live := d.await(t, "the URL", func(e devEvent) bool { return e.Event == "url" })
	if live.Qualifier != "live" || live.AuthType != "AWS_IAM" {
		t.Errorf("the URL is told as %+v", live)
	}
	d.refuses(t, live.URL)
	d.becomes(t, http.MethodGet, live.URL, "", "first edition for "+adminARN)
	policy, err := lambda.NewFromConfig(d.config()).GetPolicy(t.Context(), &lambda.GetPolicyInput{FunctionName: &live.Function, Qualifier: aws.String("live")})
	if err != nil {
		t.Fatal(err)
	}
	distribution := regexp.MustCompile(`"AWS:SourceArn":"arn:aws:cloudfront::` + account + `:distribution/[A-Z0-9]+"`)
	if found := distribution.FindAllString(*policy.Policy, -1); len(found) != 2 || found[0] != found[1] {
		t.Errorf("two statements should name one distribution: %s", *policy.Policy)
	}

	edit(t, filepath.Join(dir, "cdk.out", "asset.4b0a", "index.js"), firstEdition, "middle edition")
	d.becomes(t, http.MethodGet, live.URL, "", "middle edition")
	copyInto(t, filepath.Join(dir, "cdk.out", "asset.5c1b"), filepath.Join(dir, "cdk.out", "asset.4b0a"))
	edit(t, filepath.Join(dir, "cdk.out", "asset.5c1b", "index.js"), "middle edition", secondEdition)
	edit(t, filepath.Join(dir, "cdk.out", "Shop.template.json"), "4b0a", "5c1b")
	d.becomes(t, http.MethodGet, live.URL, "", secondEdition)
	d.ends(t)
}

// TestProjectServerless runs Express from the package that osls makes. A package that is made again is what a change is.
func TestProjectServerless(t *testing.T) {
	t.Parallel()
	need(t, "projects")
	needProgram(t, "node")
	dir := wholeProject(t, "osls", nil)
	index := filepath.Join(dir, "index.js")
	modules := t.TempDir()
	copyInto(t, filepath.Join(modules, "node_modules"), installed(t, "projects", "node_modules"))
	pack := func() {
		made := writeZip(t, []string{modules}, map[string]string{"index.js": index})
		if err := os.Rename(made, filepath.Join(dir, ".serverless", "shop.zip")); err != nil {
			t.Fatal(err)
		}
	}
	pack()
	d := startDev(t, dir)
	api := d.url(t, "shop-dev-api")
	d.refuses(t, api.URL+"books/7")
	d.becomes(t, http.MethodGet, api.URL+"books/7", "", `{"number":7,"title":"first edition","caller":"`+adminARN+`"}`)
	edit(t, index, firstEdition, secondEdition)
	pack()
	d.becomes(t, http.MethodGet, api.URL+"books/7", "", secondEdition)
	d.ends(t)
}

// TestProjectHono runs a source directory whose pages are streamed.
func TestProjectHono(t *testing.T) {
	t.Parallel()
	need(t, "projects")
	needProgram(t, "node")
	dir := wholeProject(t, "hono", map[string]string{"node_modules": installed(t, "projects", "node_modules")})
	d := startDev(t, dir, "--handler", "index.handler", "--invoke-mode", "RESPONSE_STREAM")
	pages := d.url(t, "hono")
	if pages.InvokeMode != "RESPONSE_STREAM" {
		t.Errorf("the URL is told as %+v", pages)
	}
	d.refuses(t, pages.URL+"pages?pause=0")
	d.becomes(t, http.MethodGet, pages.URL+"pages?pause=0", "", "first edition\n"+adminARN+"\n")

	// The first line has to come while the other is not yet written.
	const pause = time.Second
	response := d.open(t, http.MethodGet, pages.URL+"pages?pause=1000", "")
	defer response.Body.Close()
	reader := bufio.NewReader(response.Body)
	first, err := reader.ReadString('\n')
	begin := time.Now()
	rest, errRest := io.ReadAll(reader)
	if err != nil || errRest != nil || first != "first edition\n" || string(rest) != adminARN+"\n" {
		t.Errorf("%q, %q, %v, %v", first, rest, err, errRest)
	}
	if lag := time.Since(begin); lag < pause/2 {
		t.Errorf("the rest came %s after the first line: that is not a stream", lag)
	}
	edit(t, filepath.Join(dir, "index.js"), firstEdition, secondEdition)
	d.becomes(t, http.MethodGet, pages.URL+"pages?pause=0", "", secondEdition)
	d.ends(t)
}

// TestProjectGo builds a program when its source changes. One that does not compile leaves the one before.
func TestProjectGo(t *testing.T) {
	t.Parallel()
	dir := wholeProject(t, "go", nil)
	sums, err := os.ReadFile("../go.sum")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "go.sum"), string(sums))
	write(t, filepath.Join(dir, "go.mod"), "module example.com/pages\n\ngo 1.26\n\n"+requirement(t, "github.com/aws/aws-lambda-go"))
	d := startDev(t, dir, "--build", "CGO_ENABLED=0 go build -tags lambda.norpc -o bootstrap .", "--runtime", "provided.al2023", "--handler", "bootstrap")
	pages := d.url(t, "go")
	d.refuses(t, pages.URL)
	d.becomes(t, http.MethodGet, pages.URL, "", "first edition for "+adminARN)
	edit(t, filepath.Join(dir, "main.go"), "const text", "const no text")
	d.await(t, "the error of the compiler", func(e devEvent) bool { return e.Event == "output" && strings.Contains(e.Text, "undefined: text") })
	d.becomes(t, http.MethodGet, pages.URL, "", firstEdition)
	edit(t, filepath.Join(dir, "main.go"), "const no text", "const text")
	edit(t, filepath.Join(dir, "main.go"), firstEdition, secondEdition)
	d.becomes(t, http.MethodGet, pages.URL, "", secondEdition)
	d.ends(t)
}

// requirement is the line of go.mod for a module at the version that furl itself needs.
func requirement(t *testing.T, module string) string {
	t.Helper()
	text, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^\s*` + regexp.QuoteMeta(module) + ` v\S+`).FindString(string(text))
	if found == "" {
		t.Fatalf("go.mod does not name %s", module)
	}
	return "require " + strings.TrimSpace(found) + "\n"
}

// goCaches are where Go has what it compiled and downloaded: the build of a test needs neither anew.
var goCaches = sync.OnceValues(func() ([]string, error) {
	out, err := exec.Command("go", "env", "-json", "GOCACHE", "GOMODCACHE", "GOPROXY").Output()
	if err != nil {
		return nil, err
	}
	var values map[string]string
	if err := json.Unmarshal(out, &values); err != nil {
		return nil, err
	}
	env := []string{"GOFLAGS=-mod=mod"}
	for name, value := range values {
		env = append(env, name+"="+value)
	}
	return env, nil
})

func goEnv(t *testing.T) []string {
	t.Helper()
	return must(t, goCaches)
}

// TestProjectFlask has an application that knows nothing of Lambda answer signed calls only. Its own reloader sees a
// change.
func TestProjectFlask(t *testing.T) {
	t.Parallel()
	need(t, "python")
	dir := wholeProject(t, "flask", nil)
	d := startDev(t, dir, "--http", "exec '"+python(t)+"' -m flask --app app --debug run --port $PORT")
	app := d.await(t, "the URL", func(e devEvent) bool { return e.Event == "url" })
	if app.AuthType != "AWS_IAM" {
		t.Errorf("the URL is told as %+v", app)
	}
	d.refuses(t, app.URL)
	d.becomes(t, http.MethodGet, app.URL, "", firstEdition)
	response, text := d.call(t, http.MethodPost, app.URL+"login", `{"user":"my-user"}`)
	if response.StatusCode != http.StatusOK || decode[map[string]string](t, text)["user"] != "my-user" {
		t.Errorf("POST: %s %s", response.Status, text)
	}
	_, text = d.call(t, http.MethodGet, app.URL, "")
	type context struct {
		Authorizer struct{ IAM struct{ UserARN string } }
	}
	if got := decode[context](t, decode[struct{ Caller string }](t, text).Caller); got.Authorizer.IAM.UserARN != adminARN {
		t.Errorf("the application sees the caller %+v: %s", got, text)
	}
	edit(t, filepath.Join(dir, "app.py"), firstEdition, secondEdition)
	d.becomes(t, http.MethodGet, app.URL, "", secondEdition)
	d.ends(t)
}
