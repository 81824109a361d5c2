package sam_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/template/sam"
	"github.com/furl-dev/furl/internal/template/tree"
)

func parse(t testing.TB, text string) *tree.Node {
	t.Helper()
	root, err := tree.Parse("t.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// plain is a node as encoding/json reads it, but for numbers.
func plain(node *tree.Node) any {
	switch {
	case node == nil || node.Kind == tree.Null:
		return nil
	case node.Is(tree.Bool):
		return strings.EqualFold(node.Text, "true")
	case node.Is(tree.List):
		out := []any{}
		for _, item := range node.Items {
			out = append(out, plain(item))
		}
		return out
	case node.Is(tree.Map):
		out := map[string]any{}
		for _, member := range node.Members {
			out[member.Name] = plain(member.Value)
		}
		return out
	}
	return node.Text
}

// function is a template of one function with properties besides those that it needs.
func function(properties string) string {
	return "Transform: AWS::Serverless-2016-10-31\nResources:\n  App:\n    Type: AWS::Serverless::Function\n" +
		"    Properties:\n      Handler: a.b\n      Runtime: python3.13\n      CodeUri: src\n" + properties
}

// TestSample makes of the sample what AWS's transform made of it: aws-sam-translator 1.115, which saw the path src/ as
// s3://bucket/src.
func TestSample(t *testing.T) {
	const samples = "../../../../shared/declarations/"
	text, err := os.ReadFile(samples + "sam-template.yaml")
	if err != nil {
		if os.Getenv("FURL_STRICT") == "1" {
			t.Fatal(err)
		}
		t.Skip("there are no samples of declarations beside the work tree")
	}
	out, notices, err := sam.Transform(parse(t, string(text)), nil)
	if err != nil || len(notices) > 0 {
		t.Fatal(err, notices)
	}
	want, err := os.ReadFile(samples + "sam-template.translated-1.115.json")
	if err != nil {
		t.Fatal(err)
	}
	source := strings.NewReplacer(`"Code":"src/"`, `"Code":{"S3Bucket":"bucket","S3Key":"src"}`,
		`"Fn::GetAtt":"App.Arn"`, `"Fn::GetAtt":["App","Arn"]`,
		`"Fn::GetAtt":"AppUrl.FunctionUrl"`, `"Fn::GetAtt":["AppUrl","FunctionUrl"]`,
		`"Fn::GetAtt":"PublicUrl.FunctionUrl"`, `"Fn::GetAtt":["PublicUrl","FunctionUrl"]`)
	made, err := json.Marshal(plain(out))
	if err != nil {
		t.Fatal(err)
	}
	var ours, theirs any
	if err := json.Unmarshal([]byte(source.Replace(string(made))), &ours); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(strings.ReplaceAll(string(want), `"Timeout": 10`, `"Timeout": "10"`)), &theirs); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(theirs, ours); diff != "" {
		t.Errorf("(-theirs +ours):\n%s", diff)
	}
}

// TestFaults has what is refused, and where, to the letter.
func TestFaults(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"a property": {
			function("      FunctionUrl: x\n"), "t.yaml:9:7: AWS::Serverless::Function has no property FunctionUrl",
		},
		"a kind": {function("      Layers: x\n"), "t.yaml:9:15: Layers must be a list, and this is a string"},
		"an auth type": {
			function("      FunctionUrlConfig: {AuthType: IAM}\n"), "t.yaml:9:37: AuthType must be AWS_IAM or NONE",
		},
		"no auth type": {
			function("      FunctionUrlConfig: {InvokeMode: BUFFERED}\n"),
			"t.yaml:9:26: FunctionUrlConfig has no AuthType, which must be AWS_IAM or NONE",
		},
		"a URL that is an intrinsic function": {
			function("      FunctionUrlConfig: !If [X, {AuthType: NONE}, !Ref AWS::NoValue]\n"),
			"t.yaml:9:26: FunctionUrlConfig must be a map, not an intrinsic function: put those into its properties, or give " +
				"the function a Condition",
		},
		"CORS": {
			function("      FunctionUrlConfig:\n        AuthType: NONE\n        Cors: {AllowOrigin: ['*'], MaxAge: x}\n"),
			"t.yaml:11:16: Cors has no property AllowOrigin; it has AllowCredentials, AllowHeaders, AllowMethods, " +
				"AllowOrigins, ExposeHeaders, MaxAge\nt.yaml:11:44: MaxAge must be a number, and this is a string",
		},
		"an alias that is not known": {
			"Parameters: {Alias: {Type: String}}\n" + function("      AutoPublishAlias: !Ref Alias\n"),
			"t.yaml:10:25: AutoPublishAlias must be a string or a Ref to a parameter with a value",
		},
		"the name of an alias": {
			function("      AutoPublishAlias: 'a b'\n"),
			`t.yaml:9:25: the alias "a b" must have letters, digits, hyphens and underscores only, and not only digits`,
		},
		"a statement without Statement": {
			function("      Policies:\n        - {Effect: Allow, Action: 's3:*', Resource: '*'}\n"),
			"t.yaml:10:11: an entry of Policies must be the name or the ARN of a managed policy, a policy with a Statement, " +
				"or a policy template of SAM with its parameters",
		},
		"a misspelled policy template": {
			function("      Policies:\n        - DynamoDbCrudPolicy: {TableName: x}\n"),
			"t.yaml:10:11: DynamoDbCrudPolicy is no policy template of SAM; DynamoDBCrudPolicy is one",
		},
		"a parameter of a policy template": {
			function("      Policies:\n        - DynamoDBStreamReadPolicy: {}\n"),
			"t.yaml:10:11: DynamoDBStreamReadPolicy has no StreamName and no TableName, which it needs",
		},
		"a policy template that is a string": {
			function("      Policies:\n        - CloudWatchPutMetricPolicy: x\n"),
			"t.yaml:10:38: CloudWatchPutMetricPolicy must be a map of its parameters, which is {} if it has none",
		},
		"Globals": {
			"Globals:\n  Function:\n    Policies: []\n  Table: {}\n" + function(""),
			"t.yaml:3:5: Globals cannot set Policies of Function; it can set Handler, Runtime, CodeUri, DeadLetterQueue, " +
				"Description, MemorySize, Timeout, VpcConfig, Environment, Tags, PropagateTags, Tracing, KmsKeyArn, " +
				"AutoPublishAlias, AutoPublishAliasAllProperties, Layers, DeploymentPreference, RolePath, " +
				"PermissionsBoundary, ReservedConcurrentExecutions, ProvisionedConcurrencyConfig, " +
				"AssumeRolePolicyDocument, EventInvokeConfig, FileSystemConfigs, CodeSigningConfigArn, Architectures, " +
				"SnapStart, EphemeralStorage, FunctionUrlConfig, RuntimeManagementConfig, LoggingConfig, RecursiveLoop, " +
				"SourceKMSKeyArn, TenancyConfig, DurableConfig, CapacityProviderConfig, FunctionScalingConfig, " +
				"PublishToLatestPublished, VersionDeletionPolicy\n" +
				"t.yaml:4:3: Globals has no section Table; it has Api, CapacityProvider, Function, HttpApi, LayerVersion, " +
				"MicrovmImage, NetworkConnector, SimpleTable, StateMachine and WebSocketApi",
		},
		"a name that SAM takes": {
			function("  AppRole: {Type: AWS::IAM::Role}\n"),
			"t.yaml:3:3: SAM makes the resource AppRole of App, and the template has another of that name",
		},
		"no handler": {
			strings.Replace(function(""), "      Handler: a.b\n", "", 1),
			"t.yaml:3:3: App has no Handler, which a function of PackageType Zip needs",
		},
		"a connector": {
			function("  C:\n    Type: AWS::Serverless::Connector\n    Properties:\n      Source: {Id: App}\n" +
				"      Destination: {Id: App}\n      Permissions: [Write, Read]\n"),
			"t.yaml:14:20: Permissions of a connector between functions must be [Write]",
		},
		"an end of a connector": {
			function("  C:\n    Type: AWS::Serverless::Connector\n    Properties:\n      Source: {Id: Ap}\n" +
				"      Destination: {Id: App}\n      Permissions: [Write]\n"),
			"t.yaml:12:15: there is no resource Ap in the template",
		},
		"no resources": {
			"Transform: AWS::Serverless-2016-10-31\n", "t.yaml:1:1: Resources must be a map of at least one resource",
		},
		"all at once": {
			function("      Nonsense: 1\n") + "  Other:\n    Type: AWS::Serverless::LayerVersion\n",
			"t.yaml:9:7: AWS::Serverless::Function has no property Nonsense\n" +
				"t.yaml:10:3: Other has no ContentUri, which a layer needs",
		},
	} {
		t.Run(name, func(t *testing.T) {
			out, _, err := sam.Transform(parse(t, test.text), nil)
			if err == nil {
				t.Fatalf("made %v", plain(out))
			}
			if err.Error() != test.want {
				t.Errorf("%s\nexpected\n%s", err, test.want)
			}
		})
	}
}

// TestNotices says what is read and not run.
func TestNotices(t *testing.T) {
	_, notices, err := sam.Transform(parse(t, function(`      AutoPublishAlias: live
      DeploymentPreference: {Type: AllAtOnce}
      FunctionUrlConfig: {AuthType: !Ref Auth}
      Events:
        Queue: {Type: SQS}
        Root: {Type: Api, Properties: {Path: /, Method: get}}
`)), nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, notice := range notices {
		got = append(got, notice.Pos.String()+": "+notice.Text)
	}
	want := []string{
		"t.yaml:11:37: SAM adds the permissions of a public URL only where AuthType is written out as NONE",
		"t.yaml:10:29: DeploymentPreference of App is not run here: the alias goes to the new version at once",
		"t.yaml:13:9: events of App are not run here: Queue, Root",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestPositions has what is made stand where its source does.
func TestPositions(t *testing.T) {
	out, _, err := sam.Transform(parse(t, function("      FunctionUrlConfig:\n        AuthType: NONE\n")), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, member := range out.Get("Resources").Members {
		if at := member.Pos.String(); at != "t.yaml:3:3" {
			t.Errorf("%s stands at %s, expected where App does", member.Name, at)
		}
		var visit func(node *tree.Node)
		visit = func(node *tree.Node) {
			if node.Pos.Line < 4 {
				t.Errorf("a value of %s stands at %s", member.Name, node.Pos)
			}
			for _, item := range node.Items {
				visit(item)
			}
			for _, inner := range node.Members {
				visit(inner.Value)
			}
		}
		visit(member.Value)
	}
	if at := out.Path("Resources", "AppUrl", "Properties", "AuthType").Pos.String(); at != "t.yaml:10:19" {
		t.Errorf("AuthType stands at %s", at)
	}
}

// TestUntouched leaves alone what is no template of SAM, other transforms, and other types of SAM.
func TestUntouched(t *testing.T) {
	root := parse(t, "Resources: {X: {Type: AWS::Serverless::Function}}\n")
	if out, _, err := sam.Transform(root, nil); err != nil || out != root {
		t.Errorf("%v, %v", out, err)
	}
	out, _, err := sam.Transform(parse(t, `Transform: [AWS::LanguageExtensions, AWS::Serverless-2016-10-31]
Globals: {SimpleTable: {SSESpecification: {SSEEnabled: true}}}
Resources:
  Table: {Type: AWS::Serverless::SimpleTable, IgnoreGlobals: "*"}
  App: {Type: AWS::Serverless::Application, Properties: {Location: x}}
`), nil)
	want := map[string]any{
		"Transform": []any{"AWS::LanguageExtensions"},
		"Resources": map[string]any{
			"Table": map[string]any{"Type": "AWS::Serverless::SimpleTable"},
			"App": map[string]any{
				"Type": "AWS::Serverless::Application", "Properties": map[string]any{"Location": "x"},
			},
		},
	}
	if diff := cmp.Diff(want, plain(out)); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// TestRegion has the ARNs of AWS's policies in the partition that is given, where X-Ray's has another name
// (aws-sam-translator, model/xray_utils.py).
func TestRegion(t *testing.T) {
	root := parse(t, function("      Tracing: Active\n      Policies: AWSLambdaRole\n"))
	out, _, err := sam.Transform(root, map[string]string{"AWS::Partition": "aws-cn"})
	want := []any{
		"arn:aws-cn:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
		"arn:aws-cn:iam::aws:policy/AWSXRayDaemonWriteAccess", "arn:aws-cn:iam::aws:policy/service-role/AWSLambdaRole",
	}
	got := plain(out.Path("Resources", "AppRole", "Properties", "ManagedPolicyArns"))
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

// TestPolicyTemplates has all of SAM's policy templates, none of which lets anyone call a function URL.
func TestPolicyTemplates(t *testing.T) {
	text, err := os.ReadFile("policytemplates.txt")
	if err != nil {
		t.Fatal(err)
	}
	const all = 81 // of aws-sam-translator 1.103 to 1.115
	count := 0
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "#") {
			count++
		}
	}
	if count != all || strings.Contains(string(text), "InvokeFunctionUrl") {
		t.Errorf("%d policy templates, expected %d, without lambda:InvokeFunctionUrl", count, all)
	}
}

// TestBounded refuses Globals that would fill the memory.
func TestBounded(t *testing.T) {
	var text strings.Builder
	text.WriteString("Transform: AWS::Serverless-2016-10-31\nGlobals: {Function: {Layers: [")
	text.WriteString(strings.Repeat("x,", 10_000) + "x]}}\nResources:\n")
	for i := range 300 {
		text.WriteString("  F" + string(rune('a'+i%26)) + strings.Repeat("x", i/26) +
			": {Type: AWS::Serverless::Function, Properties: {Layers: [y]}}\n")
	}
	_, _, err := sam.Transform(parse(t, text.String()), nil)
	const want = "t.yaml:2:10: Globals adds more than 2000000 values to the resources"
	if err == nil || err.Error() != want {
		t.Errorf("%v, expected %s", err, want)
	}
}

// TestMutated puts values of other kinds in place of each value of templates: something is made, or refused at a place
// in the template.
func TestMutated(t *testing.T) {
	files, err := filepath.Glob("../../../interop/testdata/sam/*.yaml")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d templates, %v", len(files), err)
	}
	var others []*tree.Node
	for _, text := range []string{"", "''", "0", "[]", "{}", "[x]", "{Ref: x}", "{'Fn::If': [a, b]}"} {
		others = append(others, parse(t, text))
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, "policies-all-templates.yaml") {
			continue // the same again and again
		}
		root := parse(t, string(text))
		var visit func(node *tree.Node)
		visit = func(node *tree.Node) {
			kept := *node
			for _, other := range others {
				*node = *other
				_, _, err := sam.Transform(root, map[string]string{"Alias": "x"})
				var faults tree.Faults
				if err != nil && (!errors.As(err, &faults) || len(faults) == 0 || faults[0].Pos.File != "t.yaml") {
					t.Fatalf("%s with %v at %s: %v", file, plain(other), kept.Pos, err)
				}
			}
			*node = kept
			for _, item := range node.Items {
				visit(item)
			}
			for _, member := range node.Members {
				visit(member.Value)
			}
		}
		visit(root)
	}
}

// FuzzTransform makes something of everything, or says what is wrong, and leaves its input as it was.
func FuzzTransform(f *testing.F) {
	f.Add(function("      FunctionUrlConfig: {AuthType: NONE, Cors: {MaxAge: 1}}\n      AutoPublishAlias: live\n"), "x")
	f.Add(function("      Role: !If [X, !Ref AWS::NoValue, x]\n      Policies: [!If [X, A, B], {S3ReadPolicy: {BucketName: x}}]\n"), "x")
	f.Add(function("      EventInvokeConfig: {DestinationConfig: {OnFailure: {Type: SQS}}}\n      Events: {A: {Type: Api}}\n"), "x")
	f.Add(function("      AutoPublishAliasAllProperties: true\n      AutoPublishAlias: !Ref P\n      Layers: [!Ref L]\n"+
		"  L: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: x, LayerName: !Sub \"${P}\"}}\n"), "live")
	f.Add("Globals: {Function: {Tags: {a: b}}}\n"+function("      Tags: {c: d}\n      PropagateTags: true\n"+
		"    Connectors: {C: {Properties: {Destination: [{Id: App}], Permissions: [Write]}}}\n    IgnoreGlobals: [Tags]\n"), "x")
	f.Add(function("      DeadLetterQueue: {Type: SNS, TargetArn: x}\n      CapacityProviderConfig: {Arn: x}\n"+
		"  C: {Type: AWS::Serverless::Connector, DependsOn: App, Properties: {Source: {Type: x}, Destination: {Id: App}, Permissions: [Write]}}\n"), "x")
	f.Fuzz(func(t *testing.T, text, parameter string) {
		root, err := tree.Parse("t.yaml", []byte(text))
		if err != nil {
			return
		}
		before, err := json.Marshal(root)
		if err != nil {
			t.Fatal(err)
		}
		out, _, err := sam.Transform(root, map[string]string{"P": parameter, "AWS::Region": "eu-central-1"})
		if (out == nil) != (err != nil) {
			t.Fatalf("%v and %v", out, err)
		}
		after, _ := json.Marshal(root)
		if string(before) != string(after) {
			t.Fatal("the template was changed")
		}
		if err != nil {
			return
		}
		seen := map[string]bool{}
		resources := out.Get("Resources")
		if resources.Is(tree.Map) && out != root {
			for _, member := range resources.Members {
				if seen[member.Name] || member.Value.Get("Type").Is(tree.String) &&
					member.Value.Get("Type").Text == "AWS::Serverless::Function" {
					t.Fatalf("%s is there twice, or still SAM", member.Name)
				}
				seen[member.Name] = true
			}
		}
	})
}
