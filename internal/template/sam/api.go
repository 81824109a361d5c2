package sam

import (
	"strings"

	"github.com/furl-dev/furl/internal/template/tree"
)

// APIs are not run, but templates name them and their stages, mostly in Outputs. So what SAM makes of them is there,
// without properties.

// stage is the stage of an API of the template, which {Ref: API.Stage} stands for.
func (t *transform) stage(api tree.Member, kind string) {
	name := t.resolve(api.Value.Path("Properties", "StageName"))
	switch {
	case kind == prefix+"Api":
		t.addStage(api, "AWS::ApiGateway::Stage", api.Name, stageName(name, ""))
	case kind == prefix+"HttpApi", kind == prefix+"WebSocketApi":
		t.addStage(api, "AWS::ApiGatewayV2::Stage", api.Name, stageName(name, "$default"))
	}
}

// stageName is the name of a stage as it is in a logical id; an intrinsic function is not.
func stageName(name *tree.Node, otherwise string) string {
	if name == nil {
		return otherwise
	}
	if name.Is(tree.String) {
		return name.Text
	}
	return ""
}

func (t *transform) addStage(source tree.Member, kind, api, name string) {
	id := api + "Stage" + hash(tree.Text(source.Pos, name))
	switch {
	case name == "":
		id = api + "Stage"
	case name == "$default":
		id = api + "ApiGatewayDefaultStage"
	case strings.Trim(name, letters+digits) == "":
		id = api + name + "Stage"
	}
	if t.source[id] == nil {
		t.parts[api] = map[string]string{"Stage": id}
		t.add(source, id, placeholderOf(source, kind))
	}
}

// placeholderOf is a resource without properties, under the condition of its source.
func placeholderOf(source tree.Member, kind string) *tree.Node {
	out := tree.Object(source.Value.Pos, "Type", tree.Text(source.Value.Pos, kind))
	if condition := source.Value.Get("Condition"); condition != nil {
		out.Set("Condition", condition)
	}
	return out
}

// implicitAPI is the API that SAM makes for an event that names none.
func (t *transform) implicitAPI(event tree.Member) {
	kind := event.Value.Get("Type")
	if !kind.Is(tree.String) {
		return
	}
	var id, of, stage, name string
	switch properties := event.Value.Get("Properties"); {
	case kind.Text == "Api" && properties.Get("RestApiId") == nil:
		id, of, stage, name = "ServerlessRestApi", "AWS::ApiGateway::RestApi", "AWS::ApiGateway::Stage", "Prod"
	case kind.Text == "HttpApi" && properties.Get("ApiId") == nil:
		id, of, stage, name = "ServerlessHttpApi", "AWS::ApiGatewayV2::Api", "AWS::ApiGatewayV2::Stage", "$default"
	default:
		return
	}
	if t.made[id] == nil && t.source[id] == nil {
		source := tree.Member{Name: id, Pos: event.Pos, Value: event.Value}
		t.add(source, id, tree.Object(event.Pos, "Type", tree.Text(event.Pos, of)))
		t.addStage(tree.Member{Name: id, Pos: event.Pos, Value: &tree.Node{Pos: event.Pos}}, stage, id, name)
	}
}
