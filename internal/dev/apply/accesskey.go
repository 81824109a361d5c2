//go:build unix

package apply

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/furl-dev/furl/internal/template"
)

// accessKey is one as it is declared or present.
type accessKey struct {
	template.AccessKey
	logical string
	id      string // of one that is present
	secret  string
	ring    *keyRing
}

func (k *accessKey) key() key { return key{"access key", k.logical + " of user " + k.User} }

func (k *accessKey) complete() {
	k.User = arnName(k.User)
	k.Status = cmp.Or(k.Status, string(iamtypes.StatusTypeActive))
}

func (k *accessKey) parts() []part { return nil }

func (k *accessKey) properties() (all properties) {
	all.add("Status", k.Status)
	return all
}

// present is the access key that the stack has made for the logical id, if its secret is known: no API tells it again.
func (k *accessKey) present(w *world) thing {
	u := w.users[k.User]
	if u == nil {
		return nil
	}
	id := u.owner.numbered(tagAccessKey, w.stack)[k.logical]
	status, ok := u.keys[id]
	secret, known := k.ring.secret(id)
	if !ok || !known {
		return nil
	}
	have := *k
	have.Status, have.id, have.secret = status, id, secret
	return &have
}

func (k *accessKey) attributes() map[string]string {
	return map[string]string{"Ref": k.id, "Id": k.id, "SecretAccessKey": k.secret}
}

func (k *accessKey) put(ctx context.Context, r *run, was thing) (thing, error) {
	made := *k
	if have, ok := was.(*accessKey); ok {
		made.id, made.secret = have.id, have.secret
	} else {
		if err := k.removeLost(ctx, r); err != nil {
			return nil, err
		}
		got, err := r.a.iam.CreateAccessKey(ctx, &awsiam.CreateAccessKeyInput{UserName: &k.User})
		if err != nil {
			return nil, err
		}
		made.id, made.secret = aws.ToString(got.AccessKey.AccessKeyId), aws.ToString(got.AccessKey.SecretAccessKey)
		if err := k.ring.add(made.id, made.secret); err != nil {
			return nil, err
		}
		err = r.addTags(ctx, key{kindUser, k.User}, map[string]string{tagAccessKey + k.logical: r.stack.Name + "/" + made.id})
		if err != nil {
			return nil, err
		}
		if k.Status == string(iamtypes.StatusTypeActive) {
			return &made, nil
		}
	}
	_, err := r.a.iam.UpdateAccessKey(ctx, &awsiam.UpdateAccessKeyInput{
		UserName: &k.User, AccessKeyId: &made.id, Status: iamtypes.StatusType(k.Status),
	})
	return &made, err
}

// removeLost deletes access keys of the user that an earlier run made and did not come to note. A user has two at most.
func (k *accessKey) removeLost(ctx context.Context, r *run) error {
	u := r.plan.world.users[k.User]
	if u == nil {
		return nil
	}
	noted := slices.Collect(maps.Values(u.owner.numbered(tagAccessKey, r.stack.Name)))
	for id := range u.keys {
		if _, made := k.ring.secret(id); !made || slices.Contains(noted, id) {
			continue
		}
		if err := r.a.removePart(ctx, part{u.key(), partKey, id}); err != nil {
			return err
		}
		if err := k.ring.remove(id); err != nil {
			return err
		}
	}
	return nil
}

// keyRing has the secrets of the access keys that were made.
type keyRing struct {
	file string

	mu   sync.Mutex
	byID map[string]string
}

// openKeyRing reads the file; "" is a ring that is gone with the process.
func openKeyRing(file string) (*keyRing, error) {
	ring := &keyRing{file: file, byID: map[string]string{}}
	if file == "" {
		return ring, nil
	}
	text, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ring, nil
	case err != nil:
		return nil, err
	}
	if err := json.Unmarshal(text, &ring.byID); err != nil || ring.byID == nil {
		return nil, fmt.Errorf("%s is damaged: remove it, and access keys of templates are made anew", file)
	}
	return ring, nil
}

func (r *keyRing) secret(id string) (secret string, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	secret, ok = r.byID[id]
	return secret, ok
}

func (r *keyRing) secrets() (all []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, secret := range r.byID {
		all = append(all, secret)
	}
	return all
}

func (r *keyRing) add(id, secret string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.byID[id] = secret
	return r.save()
}

func (r *keyRing) remove(id string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.byID[id]; !ok {
		return nil
	}
	delete(r.byID, id)
	return r.save()
}

// save replaces the file, which only its user may read.
func (r *keyRing) save() error {
	if r.file == "" {
		return nil
	}
	text, err := json.Marshal(r.byID)
	if err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(r.file), ".keys-*") // which is made with mode 0600
	if err != nil {
		return err
	}
	_, err = temporary.Write(append(text, '\n'))
	if err := errors.Join(err, temporary.Close()); err != nil {
		return errors.Join(err, os.Remove(temporary.Name()))
	}
	return os.Rename(temporary.Name(), r.file)
}
