package arn_test

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/policy"
)

// partitions are a region of each, as AWS's SDKs list them.
var partitions = map[string]string{
	"eu-central-1": "aws", "us-east-1": "aws", "ap-southeast-7": "aws", "il-central-1": "aws", "mx-central-1": "aws",
	"cn-north-1": "aws-cn", "cn-northwest-1": "aws-cn",
	"us-gov-west-1": "aws-us-gov", "us-gov-east-1": "aws-us-gov",
	"us-iso-east-1": "aws-iso", "us-isob-east-1": "aws-iso-b", "eu-isoe-west-1": "aws-iso-e",
	"us-isof-south-1": "aws-iso-f",
	"eusc-de-east-1":  "aws-eusc",
}

func TestPartitionOf(t *testing.T) {
	for region, want := range partitions {
		if got := arn.PartitionOf(region); got != want {
			t.Errorf("%s is in %s, want %s", region, got, want)
		}
		if !arn.IsRegion(region) {
			t.Errorf("%s is not taken for a region", region)
		}
	}
	for _, region := range []string{"", "r", "local", "xx-isolated-1", "gov-west-1", "us-isobar-east-1"} {
		if got := arn.PartitionOf(region); got != arn.AWS {
			t.Errorf("%q is in %s", region, got)
		}
	}
}

// The list is that of the SDK in go.mod, which AWS writes.
func TestRegionsAreThoseOfTheSDK(t *testing.T) {
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-sdk-go-v2").Output()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "internal/endpoints/awsrulesfn/partitions.json"))
	if err != nil {
		t.Fatal(err)
	}
	var known struct {
		Partitions []struct {
			ID      string
			Regions map[string]any
		}
	}
	if err := json.Unmarshal(text, &known); err != nil {
		t.Fatal(err)
	}
	for _, partition := range known.Partitions {
		if strings.HasPrefix(partition.ID, "aws-iso") { // which are not public
			continue
		}
		delete(partition.Regions, partition.ID+"-global")
		if diff := cmp.Diff(slices.Sorted(maps.Keys(partition.Regions)), arn.Regions(partition.ID)); diff != "" {
			t.Errorf("%s: %s", partition.ID, diff)
		}
	}
	for _, region := range arn.Regions("aws") {
		if !arn.IsRegion(region) || arn.PartitionOf(region) != "aws" {
			t.Errorf("%s is not taken for a region of its partition", region)
		}
	}
}

func TestIsRegion(t *testing.T) {
	for text, want := range map[string]bool{
		"eu-west-12": true, "us-gov-west-1": true,
		"": false, "eu": false, "eu-1": false, "eu-west": false, "eu-west-123": false, "EU-WEST-1": false,
		"e-west-1":   false,
		"eur-west-1": false, "eu--1": false, "eu-west-1 ": false, "eu-west-1.": false, "eu-west-%31": false,
		"eu-wést-1": false,
		"-west-1":   false, "eu-west-": false, "eusc-1": false, "eu-west-1:": false, "eu-w3st-1": false,
		"eu-" + strings.Repeat("a", 40) + "-1": false,
	} {
		if got := arn.IsRegion(text); got != want {
			t.Errorf("IsRegion(%q) is %t", text, got)
		}
	}
}

// TestAccountsAndPartitionsAreThoseOfPolicy holds package policy, which imports nothing of ours, to the same answers.
func TestAccountsAndPartitionsAreThoseOfPolicy(t *testing.T) {
	for text, want := range map[string]bool{
		"123456789012": true, "000000000000": true, "": false, "12345678901": false, "1234567890123": false,
		"12345678901x": false, "x23456789012": false, "123456x89012": false, "١٢٣٤٥٦": false, "12345678901 ": false,
	} {
		if got := arn.IsAccount(text); got != want {
			t.Errorf("IsAccount(%q) is %t", text, got)
		}
		if _, err := policy.ParsePrincipal("arn:aws:iam::" + text + ":user/u"); (err == nil) != want {
			t.Errorf("policy has another answer for the account %q: %v", text, err)
		}
	}
	for text, want := range map[string]bool{
		"aws": true, "aws-cn": true, "aws-us-gov": true, "aws-iso": true, "aws-iso-b": true, "aws-eusc": true,
		"": false, "AWS": false, "awsx": false, "amazon": false, "aws cn": false, "aws_cn": false, "aws-cn1": false,
	} {
		if got := arn.IsPartition(text); got != want {
			t.Errorf("IsPartition(%q) is %t", text, got)
		}
		if _, err := policy.ParsePrincipal("arn:" + text + ":iam::123456789012:user/u"); (err == nil) != want {
			t.Errorf("policy has another answer for the partition %q: %v", text, err)
		}
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string]arn.ARN{
		"arn:aws:s3:::shelf/a:b":                     {"aws", "s3", "", "", "shelf/a:b"},
		"arn:aws-cn:logs:cn-north-1:123456789012:x:": {"aws-cn", "logs", "cn-north-1", "123456789012", "x:"},
		"arn:p:s:r:a:x":                              {"p", "s", "r", "a", "x"},
		"":                                           {}, "arn": {}, "arn:aws:s3::": {}, "arn:aws:s3:::": {},
		"arn::s3:::x": {}, "arn:aws::::x": {},
		"ARN:aws:s3:::x": {}, " arn:aws:s3:::x": {}, "aws:s3:::x:y": {},
	} {
		got, err := arn.Parse(text)
		if got != want || (err == nil) != (want != arn.ARN{}) {
			t.Errorf("%q is %+v, %v; want %+v", text, got, err, want)
		}
		if err != nil && !strings.Contains(err.Error(), `"`+text+`" is not an ARN`) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestAccountOf(t *testing.T) {
	for text, want := range map[string]string{
		"arn:aws:lambda:eu-central-1:123456789012:function:f": "123456789012", "arn:aws:s3:::shelf": "",
		"arn:aws:iam::aws:policy/p": "",
		"123456789012":              "", "": "", "x:aws:s3:r:123456789012:y": "",
	} {
		if got := arn.AccountOf(text); got != want {
			t.Errorf("%q is of %q, want %q", text, got, want)
		}
	}
}

func TestParseFunction(t *testing.T) {
	const region, account, other = "eu-central-1", "111111111111", "222222222222"
	web := arn.Function{Region: region, Account: account, Name: "web"}
	of := func(region, account, name, qualifier string) arn.Function {
		return arn.Function{Region: region, Account: account, Name: name, Qualifier: qualifier}
	}
	tests := map[string]arn.Function{ // zero: refused
		"web":                         web,
		"web:prod":                    of(region, account, "web", "prod"),
		"web:$LATEST":                 of(region, account, "web", "$LATEST"),
		"web:42":                      of(region, account, "web", "42"),
		"Web_1-x":                     of(region, account, "Web_1-x", ""),
		other + ":function:web":       of(region, other, "web", ""),
		other + ":function:web:prod":  of(region, other, "web", "prod"),
		other + ":web":                of(region, other, "web", ""),
		"us-east-1:" + other + ":web": of("us-east-1", other, "web", ""),
		"function:web":                web,
		"function":                    of(region, account, "function", ""),
		"function:$LATEST":            of(region, account, "function", "$LATEST"),
		"function:function:function":  of(region, account, "function", "function"),
		"us-east-1":                   of(region, account, "us-east-1", ""),
		"us-east-1:$LATEST":           of(region, account, "us-east-1", "$LATEST"),
		other:                         of(region, account, other, ""),
		strings.Repeat("a", 64):       of(region, account, strings.Repeat("a", 64), ""),
		"arn:aws:lambda:function:web": web,
		"arn:aws:lambda:us-east-1:" + other + ":function:web":                of("us-east-1", other, "web", ""),
		"arn:aws:lambda:us-east-1:" + other + ":function:web:prod":           of("us-east-1", other, "web", "prod"),
		"arn:aws-cn:lambda:cn-north-1:" + other + ":function:web":            of("cn-north-1", other, "web", ""),
		"arn:aws-eusc:lambda:eusc-de-east-1:" + other + ":function:web:prod": of("eusc-de-east-1", other, "web", "prod"),

		"": {}, "we b": {}, "web/../x": {}, "web:": {}, ":web": {}, "web:pr od": {}, "web:a:b": {}, "wéb": {}, "web%20": {},
		"web.": {}, "web.x": {}, "web:$latest": {}, "$LATEST": {}, "web\n": {}, "web:\x00": {},
		strings.Repeat("a", 65): {}, strings.Repeat("a", 1000): {},
		"arn:": {}, "arn:aws:lambda": {}, "arn:aws:lambda:": {}, "arn:aws:lambda:web": {},
		"arn:aws:lambda:us-east-1:" + other + ":layer:web":         {},
		"arn:aws:lambda:us-east-1:" + other + ":web":               {},
		"arn:aws:iam::" + other + ":role/r":                        {},
		"ARN:aws:lambda:us-east-1:" + other + ":function:web":      {},
		"arn:aws:lambda:US-EAST-1:" + other + ":function:web":      {},
		"arn:aws:lambda:us-east-1:" + other + ":function:":         {},
		"arn:aws:lambda:us-east-1:" + other + ":function:web:":     {},
		"arn:aws:lambda:us-east-1:" + other + ":function:web:a:b":  {},
		"arn:aws:lambda:us-east-1:22222222222:function:web":        {},
		"arn:aws:lambda:cn-north-1:" + other + ":function:web":     {},
		"arn:aws-cn:lambda:us-east-1:" + other + ":function:web":   {},
		"arn:aws-us-gov:lambda:us-east-1:" + other + ":function:x": {},
		"arn::lambda:us-east-1:" + other + ":function:web":         {},
		"arn:nonsense:lambda:us-east-1:" + other + ":function:web": {},
	}
	for text, want := range tests {
		got, err := arn.ParseFunction(text, region, account)
		if (err != nil) != (want == arn.Function{}) || got != want {
			t.Errorf("%q is %+v, %v; want %+v", text, got, err, want)
		}
	}
}

// TestLookupFunction: the Lambda API looks for functions by names that it would give to none.
func TestLookupFunction(t *testing.T) {
	const region, account = "eu-central-1", "111111111111"
	long := strings.Repeat("a", 65)
	for text, want := range map[string]arn.Function{
		"web": {Region: region, Account: account, Name: "web"},
		long:  {Region: region, Account: account, Name: long},
		"arn:aws:lambda:us-east-1:222222222222:function": {Region: "us-east-1", Account: "222222222222", Name: "function"},
		"arn:aws:lambda:us-east-1:222222222222:function:$LATEST": {
			Region: "us-east-1", Account: "222222222222", Name: "function", Qualifier: "$LATEST"},
		"arn:aws:lambda:us-east-1:222222222222:web": {Region: "us-east-1", Account: "222222222222", Name: "web"},
		"arn:aws:lambda:us-east-1:222222222222:function:" + long + ":1": {
			Region: "us-east-1", Account: "222222222222", Name: long, Qualifier: "1"},
		"": {}, "web:a:b": {}, "a.b": {}, "arn:aws:lambda:cn-north-1:222222222222:function:web": {},
	} {
		got, err := arn.LookupFunction(text, region, account)
		if (err != nil) != (want == arn.Function{}) || got != want {
			t.Errorf("%q is %+v, %v; want %+v", text, got, err, want)
		}
	}
}

func TestQualifiers(t *testing.T) {
	for qualifier, want := range map[string]string{
		"prod": "alias", "v2": "alias", "2v": "alias", "a-b_c": "alias", strings.Repeat("a", 128): "alias",
		"1": "version", "042": "version",
		"": "", "$LATEST": "", "a b": "", "a.b": "", "é": "", "a:b": "", strings.Repeat("a", 129): "",
	} {
		f := arn.Function{Qualifier: qualifier}
		if got := f.IsAlias(); got != (want == "alias") {
			t.Errorf("IsAlias(%q) is %t", qualifier, got)
		}
		if got := f.IsVersion(); got != (want == "version") {
			t.Errorf("IsVersion(%q) is %t", qualifier, got)
		}
	}
}

func TestParseFunctionARN(t *testing.T) {
	for region, partition := range partitions {
		text := "arn:" + partition + ":lambda:" + region + ":222222222222:function:web:prod"
		if f, err := arn.ParseFunctionARN(text); err != nil || f.String() != text || f.Partition() != partition {
			t.Errorf("%s became %s, %v", text, f, err)
		}
	}
	for text, want := range map[string]string{
		"web":                         `"web" is not the ARN of a Lambda function`,
		"222222222222:function:web":   "is not the ARN of a Lambda function",
		"arn:aws:lambda:function:web": "is not the ARN of a Lambda function",
		"arn:aws:lambda:us-east-1:function:web:prod":               "is not the ARN of a Lambda function",
		"arn:aws:lambda:222222222222:function:web:prod":            "is not the ARN of a Lambda function",
		"arn:aws:lambda:us-east-1:222222222222:layer:web":          "is not the ARN of a Lambda function",
		"arn:aws:lambda:cn-north-1:222222222222:function:web":      "cn-north-1 is in the partition aws-cn, not in aws",
		"arn:aws-cn:lambda:eusc-de-east-1:222222222222:function:x": "the region eusc-de-east-1 is in the partition aws-eusc",
	} {
		if f, err := arn.ParseFunctionARN(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is taken for %s, or refused with %v", text, f, err)
		}
	}
}

func FuzzParseFunction(f *testing.F) {
	for _, seed := range []string{
		"web", "web:prod", "arn:aws:lambda:us-east-1:222222222222:function:web:prod", "::", "arn:aws:lambda:",
		"function:$LATEST",
		"us-east-1:222222222222:function:$LATEST", "arn:aws-cn:lambda:cn-north-1:function:web",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		function, err := arn.ParseFunction(text, "eu-central-1", "111111111111")
		if err != nil {
			return
		}
		again, err := arn.ParseFunctionARN(function.String())
		if err != nil || again != function {
			t.Errorf("%q became %s, which reads as %s, %v", text, function, again, err)
		}
		full, err := arn.ParseFunctionARN(text)
		if err == nil && (full != function || full.String() != text) {
			t.Errorf("%q became %s", text, full)
		}
	})
}

func TestParsePrincipal(t *testing.T) {
	const account = "111111111111"
	tests := map[string]arn.Principal{ // zero: refused
		"arn:aws:iam::111111111111:root":                    arn.Root(account),
		"arn:aws-cn:iam::111111111111:root":                 arn.Root(account).In("aws-cn"),
		"arn:aws:iam::111111111111:role/caller":             arn.IAM(account, "role", "/", "caller"),
		"arn:aws-us-gov:iam::111111111111:user/a/b/alice":   arn.IAM(account, "user", "/a/b/", "alice").In("aws-us-gov"),
		"arn:aws:iam::aws:policy/service-role/P":            arn.IAM("aws", "policy", "/service-role/", "P"),
		"arn:aws-eusc:iam::111111111111:oidc-provider/h/p":  arn.IAM(account, "oidc-provider", "/h/", "p").In("aws-eusc"),
		"arn:aws:sts::111111111111:assumed-role/caller/s":   arn.Session(account, "caller", "s"),
		"arn:aws-iso:sts::111111111111:federated-user/some": arn.FederatedUser(account, "some").In("aws-iso"),

		"": {}, "alice": {}, account: {}, "arn:aws:iam::111111111111:role/": {}, "arn:aws:iam::111111111111:role": {},
		"arn:aws:iam::111111111111:role/a/": {}, "arn:aws:iam::111111111111:/x": {},
		"arn:aws:iam::111111111111:root/x": {}, "arn:aws:iam::111111111111:root/": {}, "arn:aws:iam::111111111111:": {},
		"arn:aws:lambda:eu-west-1:111111111111:function:f": {}, "arn:aws:s3::111111111111:user/x": {},
		"arn:aws:iam:eu-west-1:111111111111:role/r": {}, "arn:aws:iam::1:role/r": {}, "arn:aws:iam:::role/r": {},
		"arn:aws:iam::aws:role/r": {}, "arn:AWS:iam::111111111111:role/r": {}, "arn:nonsense:iam::111111111111:role/r": {},
		"arn:aws:IAM::111111111111:role/r": {},
	}
	for text, want := range tests {
		got, err := arn.ParsePrincipal(text)
		if want.Path == "" && want.Type != "" {
			want.Path = "/"
		}
		if (err != nil) != (want == arn.Principal{}) || got != want {
			t.Errorf("%q is %+v, %v; want %+v", text, got, err, want)
		}
		if err == nil && got.String() != text {
			t.Errorf("%q is printed %s", text, got)
		}
	}
}

func FuzzParsePrincipal(f *testing.F) {
	for _, seed := range []string{
		"arn:aws:iam::111111111111:root", "arn:aws-cn:iam::111111111111:role/a/b",
		"arn:aws:sts::111111111111:assumed-role/r/s",
		"arn:aws:iam::aws:policy//P",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if p, err := arn.ParsePrincipal(text); err == nil && p.String() != text {
			t.Errorf("%q became %s", text, p)
		}
	})
}

func TestParseURLHost(t *testing.T) {
	abc := func(region, suffix string) arn.URLHost { return arn.URLHost{ID: "abc", Region: region, Suffix: suffix} }
	port := abc("eu-central-1", "localhost")
	port.Port = "9000"
	cell := abc("us-east-1", "on.aws")
	cell.Cell = "cell-1"
	tests := map[string]arn.URLHost{ // zero: refused
		"abc.lambda-url.eu-central-1.localhost":                 abc("eu-central-1", "localhost"),
		"abc.lambda-url.eu-central-1.localhost:9000":            port,
		"abc.lambda-url.eu-central-1.on.aws":                    abc("eu-central-1", "on.aws"),
		"ABC.Lambda-URL.EU-Central-1.On.AWS":                    abc("eu-central-1", "on.aws"),
		"abc.lambda-url.us-gov-west-1.on.aws":                   abc("us-gov-west-1", "on.aws"),
		"abc.lambda-url.eusc-de-east-1.on.amazonwebservices.eu": abc("eusc-de-east-1", "on.amazonwebservices.eu"),
		"abc.lambda-url.cn-north-1.example.com":                 abc("cn-north-1", "example.com"),
		"abc.lambda-url.eu-central-1.on.aws.":                   abc("eu-central-1", "on.aws."),
		"abc.cell-1-lambda-url.us-east-1.on.aws":                cell,
		"ABC.CELL-1-LAMBDA-URL.us-east-1.on.aws":                cell,

		"": {}, "127.0.0.1": {}, "[::1]:9000": {}, "abc.lambda-url..localhost": {},
		".lambda-url.eu-central-1.localhost": {},
		"abc.lambda-url.localhost":           {}, "lambda-url.eu-central-1.on.aws": {}, "abc.lambda-url.eu-central-1.": {},
		"abc.lambda-url.eu-central-1..": {}, "abc.lambda-url.eu-central-1.on..aws": {}, "abc.lambda-url.eu-central-1": {},
		"abc.lambda-urls.eu-central-1.on.aws": {}, "abc.cell--lambda-url.eu-central-1.on.aws": {},
		"abc.-lambda-url.r.on.aws":                {},
		"abc.evil-lambda-url.eu-central-1.on.aws": {}, "abc.evildoer-lambda-url.r.on.aws": {},
		"abc.lambda%2durl.eu-central-1.on.aws": {},
		"a%62c.lambda-url.eu-central-1.on.aws": {}, "abc.lambda-url.eu central.on.aws": {}, "a/b.lambda-url.r.on.aws": {},
		"x.abc.lambda-url.eu-central-1.on.aws": {}, "abc.lambda-url.eu-central-1.on.aws:x": {},
		"abc.lambda-url.r.on.aws:1:2":             {},
		"user@abc.lambda-url.eu-central-1.on.aws": {}, "abc.lambda-url.eu-central-1.on.aws/": {},
	}
	for text, want := range tests {
		got, err := arn.ParseURLHost(text)
		if (err != nil) != (want == arn.URLHost{}) || got != want {
			t.Errorf("%q is %+v, %v; want %+v", text, got, err, want)
		}
		if err == nil && got.String() != strings.ToLower(text) {
			t.Errorf("%q is printed %s", text, got)
		}
		if err != nil && !strings.Contains(err.Error(), "is not the host of a function URL: ID.lambda-url.REGION") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzParseURLHost(f *testing.F) {
	for _, seed := range []string{
		"abc.lambda-url.eu-central-1.on.aws", "abc.cell-1-lambda-url.us-east-1.on.aws:443",
		"ABC.lambda-url.r.localhost.:", "a.b.c.d",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		host, err := arn.ParseURLHost(text)
		if err != nil {
			return
		}
		if again, err := arn.ParseURLHost(host.String()); err != nil || again != host {
			t.Errorf("%q became %s, which reads as %+v, %v", text, host, again, err)
		}
	})
}

func TestParseLayer(t *testing.T) {
	const region, account, other = "eu-central-1", "111111111111", "222222222222"
	for text, want := range map[string]string{ // "" is refused
		"books":   "arn:aws:lambda:eu-central-1:111111111111:layer:books:0",
		"Books_1": "arn:aws:lambda:eu-central-1:111111111111:layer:Books_1:0",
		"arn:aws:lambda:us-east-1:" + other + ":layer:books":                        "arn:aws:lambda:us-east-1:222222222222:layer:books:0",
		"arn:aws:lambda:us-east-1:" + other + ":layer:books:12":                     "arn:aws:lambda:us-east-1:222222222222:layer:books:12",
		"arn:aws-cn:lambda:cn-north-1:" + other + ":layer:books:1":                  "arn:aws-cn:lambda:cn-north-1:222222222222:layer:books:1",
		"arn:aws:lambda:cn-north-1:" + other + ":layer:books:1":                     "",
		"arn:aws:lambda:us-east-1:" + other + ":function:books":                     "",
		"arn:aws:lambda:us-east-1:" + other + ":layer:books:x":                      "",
		"arn:aws:lambda:us-east-1:" + other + ":layer:books:1:2":                    "",
		"arn:aws:lambda:us-east-1:" + other + ":layer:b:" + strings.Repeat("9", 20): "",
		"arn:aws:lambda:::awslayer:books":                                           "",
		"books:1":                                                                   "",
		"a/b":                                                                       "",
		"":                                                                          "",
	} {
		got, err := arn.ParseLayer(text, region, account)
		if (err != nil) != (want == "") || err == nil && got.String() != want {
			t.Errorf("%q: %s, %v; want %s", text, got, err, want)
		}
		if err == nil && (got.Layer.Version(got.Number) != got || got.Layer.String()+":"+strconv.Itoa(got.Number) != want) {
			t.Errorf("%q: the layer is %s", text, got.Layer)
		}
	}
}
