//go:build unix

package apply

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"golang.org/x/sync/errgroup"

	"github.com/furl-dev/furl/internal/template"
)

// layer is a layer's version as it is declared or present.
type layer struct {
	template.Layer
	code   source
	owner  owner // by its description
	id     string
	number int64
	arn    string
}

func (l *layer) key() key { return key{kindLayer, l.Name} }

func (l *layer) parts() []part { return nil }

func (l *layer) properties() (all properties) {
	all.add("Content", l.code.String())
	all.add("Description", l.Description)
	all.add("LicenseInfo", l.License)
	all.list("CompatibleRuntimes", l.Runtimes)
	all.list("CompatibleArchitectures", l.Architectures)
	return all
}

func (l *layer) present(w *world) thing {
	if found := w.layers[l.Name]; len(found) > 0 {
		return found[len(found)-1]
	}
	return nil
}

func (l *layer) attributes() map[string]string {
	return map[string]string{"Ref": l.arn, "LayerVersionArn": l.arn}
}

// maxDescription is the longest description of a layer (API reference of PublishLayerVersion).
const maxDescription = 256

// note is what follows the description of a layer's version, which cannot have tags, to tell whose it is.
func (l *layer) note(stack string) string { return fmt.Sprintf("(furl: %s/%s)", stack, l.id) }

// described is the description with the note.
func (l *layer) described(stack string) string {
	note := l.note(stack)
	text := l.Description
	if most := maxDescription - len(note) - 1; len(text) > most {
		text = strings.ToValidUTF8(text[:max(0, most)], "")
	}
	return strings.TrimSpace(text + " " + note)
}

func (l *layer) put(ctx context.Context, r *run, _ thing) (thing, error) {
	description := l.described(r.stack.Name)
	in := &awslambda.PublishLayerVersionInput{
		LayerName: &l.Name, Description: &description, LicenseInfo: optional(l.License),
		Content: &types.LayerVersionContentInput{ZipFile: l.code.zip},
	}
	for _, runtime := range l.Runtimes {
		in.CompatibleRuntimes = append(in.CompatibleRuntimes, types.Runtime(runtime))
	}
	for _, architecture := range l.Architectures {
		in.CompatibleArchitectures = append(in.CompatibleArchitectures, types.Architecture(architecture))
	}
	got, err := r.a.lambda.PublishLayerVersion(ctx, in)
	if err != nil {
		return nil, err
	}
	made := *l
	made.arn, made.number = aws.ToString(got.LayerVersionArn), got.Version
	return &made, nil
}

// readLayers reads the versions of layers that the stack has published, the latest of each last and with its content.
func (a *Applier) readLayers(ctx context.Context, w *world) error {
	pages := awslambda.NewListLayersPaginator(a.lambda, &awslambda.ListLayersInput{})
	var names []string
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, l := range page.Layers {
			names = append(names, aws.ToString(l.LayerName))
		}
	}
	found := make([][]*layer, len(names))
	all, ctx := errgroup.WithContext(ctx)
	for i, name := range names {
		all.Go(func() error {
			return a.do(ctx, func() (err error) {
				found[i], err = a.readLayer(ctx, name, w.stack)
				return err
			})
		})
	}
	err := all.Wait()
	for i, name := range names {
		if len(found[i]) > 0 {
			w.layers[name] = found[i]
		}
	}
	return err
}

// readLayer reads the versions of one layer that the stack has published.
func (a *Applier) readLayer(ctx context.Context, name, stack string) (found []*layer, err error) {
	pages := awslambda.NewListLayerVersionsPaginator(a.lambda, &awslambda.ListLayerVersionsInput{LayerName: &name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, unlessAbsent(err)
		}
		for _, c := range page.LayerVersions {
			version := &layer{
				Layer:  template.Layer{Name: name, License: aws.ToString(c.LicenseInfo)},
				number: c.Version, arn: aws.ToString(c.LayerVersionArn),
			}
			if !version.readNote(aws.ToString(c.Description)) || !version.owner.is(stack) {
				continue
			}
			for _, runtime := range c.CompatibleRuntimes {
				version.Runtimes = append(version.Runtimes, string(runtime))
			}
			for _, architecture := range c.CompatibleArchitectures {
				version.Architectures = append(version.Architectures, string(architecture))
			}
			found = append(found, version)
		}
	}
	if len(found) == 0 {
		return nil, nil
	}
	slices.SortFunc(found, func(x, y *layer) int { return int(x.number - y.number) })
	latest := found[len(found)-1]
	got, err := a.lambda.GetLayerVersion(ctx, &awslambda.GetLayerVersionInput{
		LayerName: &name, VersionNumber: &latest.number,
	})
	if err == nil && got.Content != nil {
		latest.code.sha = aws.ToString(got.Content.CodeSha256)
	}
	return found, unlessAbsent(err)
}

// readNote takes the note off a description. It reports whether there was one.
func (l *layer) readNote(description string) bool {
	text, note, ok := strings.Cut(description, "(furl: ")
	note, closed := strings.CutSuffix(note, ")")
	stack, id, both := strings.Cut(note, "/")
	if !ok || !closed || !both {
		return false
	}
	l.Description, l.id = strings.TrimSpace(text), id
	l.owner = owner{own(stack, id)}
	return true
}
