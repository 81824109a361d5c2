//go:build unix

package lambdaapi_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"github.com/furl-dev/furl/internal/code"
	"github.com/google/go-cmp/cmp"
)

func TestCreateFunctionTakesEverySetting(t *testing.T) {
	s := start(t)
	got := s.must(request{method: "POST", path: "/2015-03-31/functions", body: createBody("books", `,
		"Description": "<all> & more", "Timeout": 1800, "MemorySize": 10240, "Architectures": ["arm64"], "PackageType": "Zip",
		"Environment": {"Variables": {"STAGE": "test", "EMPTY": ""}}, "EphemeralStorage": {"Size": 1024},
		"TracingConfig": {"Mode": "Active"}, "SnapStart": {"ApplyOn": "None"}, "Publish": false, "Tags": {"team": "blue"},
		"LoggingConfig": {"LogFormat": "JSON", "LogGroup": "mine", "ApplicationLogLevel": "WARN"},
		"VpcConfig": {"SubnetIds": [], "SecurityGroupIds": [], "Ipv6AllowedForDualStack": false}, "Layers": [], "KMSKeyArn": "",
		"DeadLetterConfig": null, "Unknown": {"is": "ignored"}`)})
	if !strings.Contains(got.body, `"Description":"<all> & more"`) {
		t.Errorf("characters are escaped that AWS does not escape: %s", got.body)
	}
	want := shown(t, func(c map[string]any) {
		c["Description"], c["Timeout"], c["MemorySize"] = "<all> & more", 1800.0, 10240.0
		c["Architectures"] = []any{"arm64"}
		c["Environment"] = map[string]any{"Variables": map[string]any{"STAGE": "test", "EMPTY": ""}}
		c["EphemeralStorage"] = map[string]any{"Size": 1024.0}
		c["TracingConfig"] = map[string]any{"Mode": "Active"}
		c["LoggingConfig"] = map[string]any{"LogFormat": "JSON", "LogGroup": "mine", "ApplicationLogLevel": "WARN", "SystemLogLevel": "INFO"}
	})
	got = s.must(request{method: "GET", path: "/2015-03-31/functions/books/configuration"})
	if diff := cmp.Diff(want, seen(t, got.body)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"team": "blue"}, s.function("books").Tags); diff != "" {
		t.Errorf("tags: %s", diff)
	}
	exec, _ := s.world.Now().Role(account, "exec")
	if s.function("books").RoleID != exec.ID {
		t.Errorf("the function keeps role id %q, want %q", s.function("books").RoleID, exec.ID)
	}
}

const (
	namePattern = `(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?`
	rolePattern = `arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+`
	currentEnum = `[nodejs26.x, nodejs24.x, nodejs22.x, nodejs20.x, nodejs18.x, nodejs16.x, python3.15, python3.14, python3.13, python3.12, python3.11, python3.10, python3.9, python3.8, java25, java21, java17.al2023, java17, java11.al2023, java11, java8.al2023, java8.al2, dotnet10, dotnet8, dotnet6, ruby4.0, ruby3.4, ruby3.3, ruby3.2, provided.al2023, provided.al2]`
)

func TestCreateFunctionRefuses(t *testing.T) {
	s := start(t)
	s.create("taken")
	// with is a body whose members replace those of a good one; null removes.
	with := func(members string) string {
		var body, change map[string]any
		if err := json.Unmarshal([]byte(createBody("new", "")), &body); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(members), &change); err != nil {
			t.Fatalf("%v: %s", err, members)
		}
		for name, value := range change {
			body[name] = value
			if value == nil {
				delete(body, name)
			}
		}
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	tooMuch := strings.Repeat("x", 4096)
	const notSet = "1 validation error detected: Value null at '%' failed to satisfy constraint: Member must not be null"
	for _, test := range []struct {
		body string
		want fault
	}{
		{with(`{"FunctionName": null}`), violates(strings.ReplaceAll(notSet, "%", "functionName"))},
		{with(`{"Role": null}`), violates(strings.ReplaceAll(notSet, "%", "role"))},
		{with(`{"Code": null}`), violates(strings.ReplaceAll(notSet, "%", "code"))},
		{"", violates("3 validation errors detected: Value null at 'functionName' failed to satisfy constraint: Member must not be null; Value null at 'role' failed to satisfy constraint: Member must not be null; Value null at 'code' failed to satisfy constraint: Member must not be null")},
		{with(`{"FunctionName": "no spaces"}`), violates("1 validation error detected: Value 'no spaces' at 'functionName' failed to satisfy constraint: Member must satisfy regular expression pattern: " + namePattern)},
		{with(`{"FunctionName": "` + strings.Repeat("n", 65) + `"}`), invalid("1 validation error detected: Value '" + strings.Repeat("n", 65) + "' at 'functionName' failed to satisfy constraint: Member must have length less than or equal to 64")},
		{with(`{"FunctionName": "` + prefix + strings.Repeat("n", 65) + `"}`), invalid("1 validation error detected: Value '" + strings.Repeat("n", 65) + "' at 'functionName' failed to satisfy constraint: Member must have length less than or equal to 64")},
		{with(`{"FunctionName": "arn:aws:lambda:us-west-2:123456789012:function:new"}`), missing("Functions from 'us-west-2' are not reachable in this region ('eu-west-1')")},
		{with(`{"FunctionName": "taken"}`), conflicts("Function already exist: taken")},
		{with(`{"Role": "r1"}`), violates("1 validation error detected: Value 'r1' at 'role' failed to satisfy constraint: Member must satisfy regular expression pattern: " + rolePattern)},
		{with(`{"Role": "arn:aws:iam::123456789012:role/unknown"}`), invalid("The role defined for the function cannot be assumed by Lambda.")},
		{with(`{"Role": "arn:aws:iam::123456789012:role/exec"}`), invalid("The role defined for the function cannot be assumed by Lambda.")}, // its path is missing
		{with(`{"Role": "arn:aws:iam::123456789012:role/not-for-lambda"}`), invalid("The role defined for the function cannot be assumed by Lambda.")},
		{with(`{"Role": "arn:aws:iam::210987654321:role/service-role/exec"}`), denied("Cross-account pass role is not allowed.")},
		{with(`{"Runtime": "non-existent-runtime"}`), invalid("Value non-existent-runtime at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: " + currentEnum + " or be a valid ARN")},
		{with(`{"Runtime": "python3.7"}`), invalid("The runtime parameter of python3.7 is no longer supported for creating or updating AWS Lambda functions. We recommend you use a supported runtime while creating or updating functions.")},
		{with(`{"Runtime": "java21"}`), invalid("java21 functions need a Java 21 runtime on PATH: install one and start furl again")},
		{with(`{"Runtime": null}`), invalid("Runtime and Handler are mandatory parameters for functions created with deployment packages.")},
		{with(`{"Handler": null}`), invalid("Runtime and Handler are mandatory parameters for functions created with deployment packages.")},
		{with(`{"Handler": "a b"}`), violates(`1 validation error detected: Value 'a b' at 'handler' failed to satisfy constraint: Member must satisfy regular expression pattern: [^\s]+`)},
		{with(`{"Timeout": 0}`), violates("1 validation error detected: Value '0' at 'timeout' failed to satisfy constraint: Member must have value greater than or equal to 1")},
		{with(`{"Timeout": 1801}`), violates("1 validation error detected: Value '1801' at 'timeout' failed to satisfy constraint: Member must have value less than or equal to 1800")},
		{with(`{"MemorySize": 127}`), violates("1 validation error detected: Value '127' at 'memorySize' failed to satisfy constraint: Member must have value greater than or equal to 128")},
		{with(`{"MemorySize": 10241}`), invalid("'MemorySize' value failed to satisfy constraint: Member must have value less than or equal to 10240")},
		{with(`{"MemorySize": 32769}`), violates("1 validation error detected: Value '32769' at 'memorySize' failed to satisfy constraint: Member must have value less than or equal to 32768")},
		{with(`{"EphemeralStorage": {"Size": 511}}`), violates("1 validation error detected: Value '511' at 'ephemeralStorage.size' failed to satisfy constraint: Member must have value greater than or equal to 512")},
		{with(`{"EphemeralStorage": {}}`), violates("1 validation error detected: Value null at 'ephemeralStorage.size' failed to satisfy constraint: Member must not be null")},
		{with(`{"Architectures": []}`), violates("1 validation error detected: Value '[]' at 'architectures' failed to satisfy constraint: Member must have length greater than or equal to 1")},
		{with(`{"Architectures": ["x86_64", "arm64"]}`), violates("1 validation error detected: Value '[x86_64, arm64]' at 'architectures' failed to satisfy constraint: Member must have length less than or equal to 1")},
		{with(`{"Architectures": ["X86_64"]}`), violates("1 validation error detected: Value '[X86_64]' at 'architectures' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be null]")},
		{with(`{"Architectures": [null]}`), violates("1 validation error detected: Value '[null]' at 'architectures' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be null]")},
		{with(`{"TracingConfig": {"Mode": "On"}}`), violates("1 validation error detected: Value 'On' at 'tracingConfig.mode' failed to satisfy constraint: Member must satisfy enum value set: [Active, PassThrough]")},
		{with(`{"LoggingConfig": {"LogFormat": "XML"}}`), violates("1 validation error detected: Value 'XML' at 'loggingConfig.logFormat' failed to satisfy constraint: Member must satisfy enum value set: [JSON, Text]")},
		{with(`{"LoggingConfig": {"SystemLogLevel": "DEBUG"}}`), invalid(`LogLevel is not supported when LogFormat is set to "Text". Remove LogLevel from your request or change the LogFormat to "JSON" and try again.`)},
		{with(`{"SnapStart": {"ApplyOn": "PublishedVersions"}}`), invalid("provided.al2023 is not supported for SnapStart enabled functions.")},
		{with(`{"SnapStart": {"ApplyOn": "PublishedVersions"}, "Runtime": "python3.12"}`), invalid("furl does not support SnapStart: environments start without snapshots.")},
		{with(`{"SnapStart": {"ApplyOn": "All"}}`), violates("1 validation error detected: Value 'All' at 'snapStart.applyOn' failed to satisfy constraint: Member must satisfy enum value set: [PublishedVersions, None]")},
		{with(`{"PackageType": "Image"}`), invalid("furl does not support PackageType Image: it runs .zip packages, not container images.")},
		{with(`{"PackageType": "Tar"}`), violates("1 validation error detected: Value 'Tar' at 'packageType' failed to satisfy constraint: Member must satisfy enum value set: [Image, Zip]")},
		{with(`{"PublishTo": "LATEST_PUBLISHED"}`), invalid("furl does not support PublishTo: functions run as processes of this machine.")},
		{with(`{"CodeSigningConfigArn": "arn:x"}`), invalid("furl does not support CodeSigningConfigArn: it does not check code signatures.")},
		{with(`{"TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}}`), invalid("furl does not support TenancyConfig: it has no tenant isolation.")},
		{with(`{"VpcConfig": {"SubnetIds": ["subnet-1"]}}`), invalid("furl does not support VpcConfig: functions use this machine's network.")},
		{with(`{"KMSKeyArn": "arn:aws:kms:x"}`), invalid("furl does not support KMSKeyArn: environment variables are not encrypted here.")},
		{with(`{"DeadLetterConfig": {"TargetArn": "arn:aws:sqs:x"}}`), invalid("furl does not support DeadLetterConfig: there is no queue or topic to send to.")},
		{with(`{"FileSystemConfigs": [{"Arn": "x", "LocalMountPath": "/mnt/x"}]}`), invalid("furl does not support FileSystemConfigs: functions see this machine's file system.")},
		{with(`{"ImageConfig": {"Command": ["x"]}}`), invalid("furl does not support ImageConfig: it runs .zip packages, not container images.")},
		{with(`{"DurableConfig": {"ExecutionTimeout": 1}}`), invalid("furl does not support DurableConfig: it has no durable functions.")},
		{with(`{"CapacityProviderConfig": {"X": 1}}`), invalid("furl does not support CapacityProviderConfig: functions run as processes of this machine.")},
		{with(`{"Code": {}}`), invalid("Please provide a source for function code.")},
		{with(`{"Code": {"ZipFile": ""}}`), invalid("Please provide a source for function code.")},
		{with(`{"Code": {"S3Bucket": "artifacts", "S3Key": "k"}}`), invalid("furl does not support Code.S3Bucket: it has no S3. Send the package as ZipFile, or have the server use a directory in place: S3Bucket hot-reload with the directory as S3Key.")},
		{with(`{"Code": {"ImageUri": "x"}}`), invalid("furl does not support Code.ImageUri: it runs .zip packages, not container images.")},
		{with(`{"Code": {"ZipFile": "UEs=", "SourceKMSKeyArn": "arn:x"}}`), invalid("furl does not support Code.SourceKMSKeyArn: packages are not encrypted here.")},
		{with(`{"Environment": {"Variables": {"1ST": "x"}}}`), violates("1 validation error detected: Value at 'environment.variables' failed to satisfy constraint: Map keys must satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+, Member must not be null]")},
		{with(`{"Environment": {"Variables": {"AB": null}}}`), violates("1 validation error detected: Value at 'environment.variables' failed to satisfy constraint: Map value must satisfy constraint: [Member must not be null]")},
		{with(`{"Environment": {"Variables": {"AWS_REGION": "x", "OK": "", "AWS_LAMBDA_MAX_CONCURRENCY": "9", "AWS_ACCESS_KEY_ID": "y"}}}`), invalid("Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: AWS_ACCESS_KEY_ID, AWS_LAMBDA_MAX_CONCURRENCY, AWS_REGION")},
		{with(`{"Environment": {"Variables": {"BIG": "` + tooMuch + `"}}}`), invalid(`Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit. String measured: {"BIG":"` + tooMuch + `"}`)},
		{with(`{"Environment": {"Variables": {"NUL": "a\u0000b"}}}`), invalid("The value of the environment variable NUL has a NUL character, which no process can be given.")},
		{with(`{"Tags": {"aws:x": "y"}}`), invalid(`The tag key "aws:x" is reserved: keys must not begin with aws:.`)},
		{with(`{"FunctionName": 5}`), unreadable("NUMBER_VALUE can not be converted to a String")},
		{with(`{"FunctionName": true}`), unreadable("TRUE_VALUE can not be converted to a String")},
		{with(`{"FunctionName": {}}`), unreadable("Start of structure or map found where not expected.")},
		{with(`{"FunctionName": []}`), unreadable("Start of list found where not expected")},
		{with(`{"Timeout": "3"}`), unreadable("STRING_VALUE can not be converted to an Integer")},
		{with(`{"Timeout": 1.5}`), unreadable("NUMBER_VALUE can not be converted to an Integer")},
		{with(`{"Publish": "yes"}`), unreadable("STRING_VALUE can not be converted to a Boolean")},
		{with(`{"TracingConfig": "Active"}`), unreadable("Expected structure or null")},
		{with(`{"Environment": {"Variables": false}}`), unreadable("Expected structure or null")},
		{with(`{"Architectures": "arm64"}`), unreadable("Expected list or null")},
		{with(`{"Code": {"ZipFile": 5}}`), unreadable("NUMBER_VALUE can not be converted to a ByteBuffer")},
		{with(`{"Code": {"ZipFile": "not base64!"}}`), unreadable("A blob is not valid base64: illegal base64 data at input byte 3")},
		{`{"FunctionName": "x"`, unreadable("The request body is not valid JSON: unexpected end of JSON input")},
		{`[]`, unreadable("Start of list found where not expected")},
		{`"text"`, unreadable("Expected structure or null")},
	} {
		s.expect(request{method: "POST", path: "/2015-03-31/functions", body: test.body}, test.want)
	}
	if n := s.world.Now().Functions.Len(); n != 1 {
		t.Errorf("there are %d functions, want the one that was there", n)
	}
	if s.code.puts != 1 {
		t.Errorf("%d packages were unpacked, want that of the one good request", s.code.puts)
	}
}

func TestPackagesThatCanNotBeKeptAreRefused(t *testing.T) {
	s := start(t)
	s.create("books")
	for _, test := range []struct {
		err  error
		want fault
	}{
		{fmt.Errorf("read: %w", code.ErrNotZip), invalid("Could not unzip uploaded file. Please check your file, then try to upload again.")},
		{code.ErrEmpty, invalid("Uploaded file must be a non-empty zip")},
		{code.ErrZippedTooLarge, fault{413, "RequestEntityTooLargeException", `{"message":"Zipped size must be smaller than 52428800 bytes"}`}},
		{code.ErrUnzippedTooLarge, invalid("Unzipped size must be smaller than 262144000 bytes")},
		{fmt.Errorf("%w: ../x", code.ErrUnsafeEntry), invalid("zip archive has an unsafe entry: ../x")},
		{&fs.PathError{Op: "open", Path: "/secret/place", Err: syscall.EMFILE}, fault{429, "TooManyRequestsException",
			`{"Reason":"CallerRateLimitExceeded","Type":"User","message":"Rate Exceeded."}`}},
	} {
		s.code.err = test.err
		s.expect(request{method: "POST", path: "/2015-03-31/functions", body: createBody("new", "")}, test.want)
		s.expect(request{method: "PUT", path: "/2015-03-31/functions/books/code", body: `{"ZipFile":"UEs="}`}, test.want)
	}
}

func TestWhatIsTheServersFaultIsLoggedAndNotTold(t *testing.T) {
	s := start(t)
	s.code.err = errors.New("disk full at /secret/place")
	got := s.do(request{method: "POST", path: "/2015-03-31/functions", body: createBody("new", "")})
	if got.status != 500 || got.name != "ServiceException" || strings.Contains(got.body, "secret") ||
		!strings.Contains(got.body, got.header.Get("x-amzn-RequestId")) {
		t.Errorf("got %d %s %s", got.status, got.name, got.body)
	}
	if log := s.plane.Log.String(); !strings.Contains(log, "disk full") || !strings.Contains(log, got.header.Get("x-amzn-RequestId")) {
		t.Errorf("the log says %q", log)
	}
}
