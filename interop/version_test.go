//go:build unix

package interop_test

import (
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// TestWeightedAlias has the Go SDK publish versions, and sends half of what calls the URL of an alias to each of two.
func TestWeightedAlias(t *testing.T) {
	s := startServer(t)
	const name = "go-versions"
	s.createFunction(t, name, types.RuntimeProvidedal2023, "bootstrap", echoZip(t), types.InvokeModeBuffered)
	client, ctx, function := lambda.NewFromConfig(s.config()), t.Context(), aws.String(name)
	ok := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	for _, stage := range []string{"one", "two"} {
		_, err := client.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{
			FunctionName: function, Environment: &types.Environment{Variables: map[string]string{"STAGE": stage}},
		})
		ok("UpdateFunctionConfiguration", err)
		_, err = client.PublishVersion(ctx, &lambda.PublishVersionInput{FunctionName: function, Description: &stage})
		ok("PublishVersion", err)
	}
	versions, err := lambda.NewListVersionsByFunctionPaginator(client, &lambda.ListVersionsByFunctionInput{FunctionName: function}).NextPage(ctx)
	ok("ListVersionsByFunction", err)
	if len(versions.Versions) != 3 || aws.ToString(versions.Versions[2].Description) != "two" {
		t.Errorf("versions: %+v", versions.Versions)
	}
	_, err = client.CreateAlias(ctx, &lambda.CreateAliasInput{FunctionName: function, Name: aws.String("live"), FunctionVersion: aws.String("1")})
	ok("CreateAlias", err)
	_, err = client.UpdateAlias(ctx, &lambda.UpdateAliasInput{
		FunctionName: function, Name: aws.String("live"),
		RoutingConfig: &types.AliasRoutingConfiguration{AdditionalVersionWeights: map[string]float64{"2": 0.5}},
	})
	ok("UpdateAlias", err)
	alias, err := client.GetAlias(ctx, &lambda.GetAliasInput{FunctionName: function, Name: aws.String("live")})
	ok("GetAlias", err)
	aliases, err := client.ListAliases(ctx, &lambda.ListAliasesInput{FunctionName: function})
	ok("ListAliases", err)
	if alias.RoutingConfig.AdditionalVersionWeights["2"] != 0.5 || len(aliases.Aliases) != 1 {
		t.Errorf("alias %+v, list %+v", alias, aliases.Aliases)
	}

	url, err := client.CreateFunctionUrlConfig(ctx, &lambda.CreateFunctionUrlConfigInput{
		FunctionName: function, Qualifier: aws.String("live"), AuthType: types.FunctionUrlAuthTypeAwsIam,
	})
	ok("CreateFunctionUrlConfig", err)
	seen := map[string]int{}
	for i := 0; i < 2000 && len(seen) < 2; i++ {
		response, text := s.call(t, http.MethodGet, aws.ToString(url.FunctionUrl)+"version", "")
		if response.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", response.Status, text)
		}
		seen[decode[struct{ Version string }](t, text).Version]++
	}
	if seen["1"] == 0 || seen["2"] == 0 || len(seen) != 2 {
		t.Errorf("called %v", seen)
	}
	ran := map[string]bool{}
	for i := 0; i < 2000 && len(ran) < 2; i++ {
		out, err := client.Invoke(ctx, &lambda.InvokeInput{FunctionName: function, Qualifier: aws.String("live"), Payload: []byte(`{}`)})
		ok("Invoke", err)
		ran[aws.ToString(out.ExecutedVersion)] = true
	}
	if !ran["1"] || !ran["2"] {
		t.Errorf("ran %v", ran)
	}

	_, err = client.DeleteAlias(ctx, &lambda.DeleteAliasInput{FunctionName: function, Name: aws.String("live")})
	ok("DeleteAlias", err)
	if response, text := s.call(t, http.MethodGet, aws.ToString(url.FunctionUrl), ""); response.StatusCode != http.StatusForbidden {
		t.Errorf("the URL of the deleted alias: %s: %s", response.Status, text)
	}
	_, err = client.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: function, Qualifier: aws.String("2")})
	ok("DeleteFunction", err)
}
