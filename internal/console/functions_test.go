//go:build unix

package console_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/console"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/invoke"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/runtime"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/store"
	"github.com/furl-dev/furl/policy"
)

const (
	mine     = "111122223333"
	theirs   = "444455556666"
	hostile  = "<script>alert(1)</script>\x1b[2J\u202e\x00\"'&"
	identity = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"lambda:InvokeFunctionUrl","Resource":"*"}]}`
)

// worldly is a console over a world that a test makes.
type worldly struct {
	*console.Console
	t testing.TB
}

// pool has the environments that a test says, and is a console.Concurrency.
type pool struct{ found runtime.Occupancy }

func (p pool) Occupancy(_, _, _ string) runtime.Occupancy    { return p.found }
func (pool) Limit(f *lambda.Function) (int, bool)            { return 900, f.Reserved != nil }
func (pool) Provisioned(lambda.ARN) (ready int, failed bool) { return 1, true }

func newWorldly(t testing.TB) *worldly {
	t.Helper()
	world := emptyState(t)
	s := &worldly{t: t, Console: &console.Console{
		State: world, Now: time.Now, Traffic: &invoke.Traffic{},
		FunctionURL: func(id, region string) string { return "http://" + id + "." + region + "/" },
	}}
	s.Open()
	s.update(func(tx *state.Tx) error {
		tx.SetAccount(&iam.Account{ID: mine, RootKey: iam.AccessKey{ID: "AKIAROOT", Secret: "root secret"}})
		tx.SetAccount(&iam.Account{ID: theirs, RootKey: iam.AccessKey{ID: "AKIAOTHER", Secret: "root secret"}})
		return nil
	})
	return s
}

// emptyState is a world without anything in it.
func emptyState(t testing.TB) *state.State {
	t.Helper()
	db, err := store.Open(t.Context(), store.Memory)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	world, err := state.Load(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return world
}

func (s *worldly) update(change func(*state.Tx) error) {
	s.t.Helper()
	if err := s.State.Update(s.t.Context(), change); err != nil {
		s.t.Fatal(err)
	}
}

// get answers the status and the JSON, read into a value.
func (s *worldly) get(path string, into any) (int, string) {
	s.t.Helper()
	recorder := httptest.NewRecorder()
	s.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/_furl/v1"+path, nil))
	if into != nil && recorder.Code == http.StatusOK {
		if err := json.Unmarshal(recorder.Body.Bytes(), into); err != nil {
			s.t.Fatalf("%s: %v: %s", path, err, recorder.Body)
		}
	}
	return recorder.Code, recorder.Body.String()
}

func function(account, region, name string) *lambda.Function {
	return &lambda.Function{ARN: lambda.ARN{Region: region, Account: account, Name: name},
		Configuration: lambda.Configuration{Runtime: "python3.13", Timeout: 3 * time.Second}}
}

type functionList struct {
	Functions []struct {
		ARN, Name, Account, Region, Runtime string
		URLs                                []struct{ Qualifier, URL, AuthType, InvokeMode string }
		Calls, Errors                       int
	}
	Total int
}

func (l functionList) names() (names []string) {
	for _, one := range l.Functions {
		names = append(names, one.Name)
	}
	return names
}

func TestFunctionsAreListedInPages(t *testing.T) {
	s := newWorldly(t)
	s.update(func(tx *state.Tx) error {
		for i := range 120 {
			if err := tx.Put(function(mine, "eu-west-1", fmt.Sprintf("f%03d", i))); err != nil {
				return err
			}
		}
		web := function(theirs, "us-east-1", "Web")
		web.Upstream = "http://127.0.0.1:8000"
		web.URLs = map[string]*lambda.URLConfig{
			"":     {ID: "aaaabbbb", AuthType: lambda.AuthNone},
			"live": {ID: "ccccdddd", AuthType: lambda.AuthIAM, InvokeMode: lambda.ResponseStream},
			"gone": {ID: "eeeeffff", AuthType: lambda.AuthIAM},
		}
		live := web.ARN
		live.Qualifier = "live"
		return errorsOf(tx.Put(web), tx.Put(&lambda.Alias{ARN: live, Target: "1"}))
	})
	for query, want := range map[string]string{
		"limit=2":                          "Web f000 of 121",
		"limit=2&offset=2":                 "f001 f002 of 121",
		"offset=120":                       "f119 of 121",
		"offset=1000":                      "of 121",
		"limit=0":                          "of 121",
		"search=F11&limit=3&offset=8":      "f118 f119 of 10",
		"search=web":                       "Web of 1",
		"search=ccccdddd":                  "Web of 1",
		"search=%20web%20":                 "Web of 1",
		"account=" + theirs:                "Web of 1",
		"region=us-east-1":                 "Web of 1",
		"region=us-east-1&account=" + mine: "of 0",
		"search=%3Cscript%3E":              "of 0",
	} {
		var list functionList
		s.get("/functions?"+query, &list)
		if got := strings.TrimSpace(strings.Join(list.names(), " ") + " of " + strconv.Itoa(list.Total)); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	var list functionList
	s.get("/functions?search=web", &list)
	if got := fmt.Sprint(list.Functions[0].Runtime, list.Functions[0].URLs); got != "upstream[{ http://aaaabbbb.us-east-1/ NONE BUFFERED} "+
		"{live http://ccccdddd.us-east-1/ AWS_IAM RESPONSE_STREAM}]" {
		t.Errorf("got %s", got)
	}
	s.get("/functions?limit=100000", &list)
	if len(list.Functions) != 121 {
		t.Errorf("%d functions", len(list.Functions))
	}
}

func TestNumbersOfListsAreChecked(t *testing.T) {
	s := newWorldly(t)
	for _, query := range []string{"limit=-1", "limit=x", "offset=1.5", "offset=-2", "limit=99999999999999999999", "offset=%00"} {
		for _, list := range []string{"/functions", "/accounts/" + mine + "/users"} {
			name, _, _ := strings.Cut(query, "=")
			if status, text := s.get(list+"?"+query, nil); status != http.StatusBadRequest || !strings.Contains(text, name+": ") {
				t.Errorf("%s?%s: %d %s", list, query, status, text)
			}
		}
	}
}

func TestUnknownFunctions(t *testing.T) {
	s := newWorldly(t)
	for _, name := range []string{"", "f", "arn:aws:lambda:eu-west-1:" + mine + ":function:none", "arn:aws:s3:::b", hostile} {
		status, text := s.get("/function?arn="+url.QueryEscape(name), nil)
		if name == hostile {
			name = "script"
		}
		if status != http.StatusNotFound || !strings.Contains(text, name) || strings.Contains(text, "\x1b") {
			t.Errorf("%q: %d %s", name, status, text)
		}
	}
}

func TestFunctionShowsAllOfIt(t *testing.T) {
	s := newWorldly(t)
	reserved := 5
	web := function(mine, "cn-north-1", "web")
	web.Description, web.Handler, web.Reserved, web.CodeDir = hostile+strings.Repeat("long", 64), "app.main", &reserved, "/src"
	web.Provisioned = map[string]lambda.Provisioned{"live": {Concurrency: 3}}
	s.update(func(tx *state.Tx) error {
		errs := []error{tx.Put(web)}
		named := web.ARN
		for i := range 130 {
			named.Qualifier = strconv.Itoa(i + 1)
			errs = append(errs, tx.Put(&lambda.Version{ARN: named}))
		}
		named.Qualifier = "live"
		errs = append(errs, tx.Put(&lambda.Alias{ARN: named, Target: "9", Weights: map[string]float64{"8": 0.75}}))
		return errorsOf(errs...)
	})
	p := pool{runtime.Occupancy{InUse: 2, Stages: []runtime.StageCount{
		{Version: "$LATEST", Stage: "idle", Count: 1}, {Version: "9", Stage: "idle", Count: 4}, {Version: "9", Stage: "busy", Count: 2},
	}}}
	s.Pool, s.Concurrency = p, p
	s.Traffic.Record(web.ARN, s.Now(), time.Second, true)
	var got struct {
		Description, Handler, CodeDir string
		Timeout                       float64
		Calls, Errors                 int
		Versions                      []struct{ Version string }
		Aliases, Environments         json.RawMessage
		Concurrency                   json.RawMessage
		Traffic                       struct {
			Seconds     int
			Calls       []int
			Errors, P99 []int
		}
	}
	s.get("/function?arn="+url.QueryEscape(web.ARN.String()+":live"), &got)
	if got.Description != web.Description || got.Handler != "app.main" || got.CodeDir != "/src" || got.Timeout != 3 {
		t.Errorf("%+v", got)
	}
	if len(got.Versions) != 100 || got.Versions[0].Version != "130" || got.Versions[99].Version != "31" {
		t.Errorf("versions %v", got.Versions)
	}
	for got, want := range map[string]string{
		string(got.Aliases):      `[{"name":"live","weights":[{"version":"8","weight":0.75},{"version":"9","weight":0.25}]}]`,
		string(got.Environments): `[{"version":"$LATEST","stages":[{"stage":"idle","count":1}]},{"version":"9","stages":[{"stage":"idle","count":4},{"stage":"busy","count":2}]}]`,
		string(got.Concurrency): `{"inUse":2,"limit":900,"reserved":true,"provisioned":[{"qualifier":"live","requested":3,` +
			`"available":1,"status":"FAILED"}]}`,
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	sum := 0
	for _, n := range got.Traffic.Calls {
		sum += n
	}
	if sum != 1 || got.Traffic.Seconds != 10 || slices.Max(got.Traffic.P99) < 900_000 || got.Calls != 1 || got.Errors != 1 {
		t.Errorf("traffic %+v", got)
	}
}

func errorsOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

type entityList struct {
	Entities []struct {
		ARN, Name, Kind, Principal, Boundary string
		Keys                                 []struct{ ID, Status string }
		Groups, Members                      []string
		Tags                                 [][2]string
		Policies                             []struct{ ID, Kind, Name string }
		Findings                             int
	}
	Total int
}

func parsed(t testing.TB, text string, kind policy.Kind) iam.Policy {
	t.Helper()
	made, err := iam.ParsePolicy(text, kind)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestEntitiesOfAnAccount(t *testing.T) {
	s := newWorldly(t)
	now := s.Now()
	inline := map[string]iam.Policy{"p": parsed(t, identity, policy.Identity)}
	boundary := "arn:aws:iam::" + mine + ":policy/b"
	s.update(func(tx *state.Tx) error {
		session := func(id string, change func(*iam.Session)) {
			one := &iam.Session{Account: mine, AccessKeyID: id, Secret: "hidden secret", Token: "hidden token", Expires: now.Add(time.Hour),
				Role: "r", RoleID: "AROAR", SessionName: "s"}
			change(one)
			tx.PutTransientSession(one)
		}
		session("ASIAALIVE", func(*iam.Session) {})
		session("ASIAUSER", func(one *iam.Session) {
			one.Role, one.RoleID, one.User, one.UserID, one.SessionName = "", "", "alice", "AIDAA", ""
		})
		session("ASIAEXPIRED", func(one *iam.Session) { one.Expires = now.Add(-time.Second) })
		session("ASIAOLDROLE", func(one *iam.Session) { one.RoleID = "AROAOLD" })
		return errorsOf(
			tx.Put(&iam.User{Account: mine, Name: "alice", Path: "/", ID: "AIDAA", Groups: []string{"g"}, Boundary: boundary,
				Tags:   map[string]string{"b": "2", "a": hostile},
				Keys:   []iam.AccessKey{{ID: "AKIAONE", Secret: "hidden secret"}, {ID: "AKIATWO", Secret: "hidden secret", Inactive: true}},
				Grants: iam.Grants{Inline: inline, Attached: []string{"arn:aws:iam::aws:policy/AWSLambda_FullAccess"}}}),
			tx.Put(&iam.User{Account: theirs, Name: "bob", Path: "/", ID: "AIDAB", Groups: []string{"g"}}),
			tx.Put(&iam.Role{Account: mine, Name: "r", Path: "/x/", ID: "AROAR", Trust: parsed(t,
				`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"`+mine+`"},"Action":"sts:AssumeRole"}]}`, policy.Trust)}),
			tx.Put(&iam.Group{Account: mine, Name: "g", Path: "/", ID: "AGPAG", Grants: iam.Grants{Inline: inline}}),
			tx.Put(&iam.ManagedPolicy{Account: mine, Name: "b", Path: "/", ID: "ANPAB", Default: "v1",
				Versions: []iam.PolicyVersion{{ID: "v1", Policy: inline["p"]}}}),
		)
	})
	lists := map[string]entityList{}
	for _, kind := range []string{"users", "roles", "groups", "policies", "sessions"} {
		var list entityList
		status, text := s.get("/accounts/"+mine+"/"+kind, &list)
		if status != http.StatusOK || strings.Contains(text, "hidden") {
			t.Fatalf("%s: %d %s", kind, status, text)
		}
		lists[kind] = list
	}
	alice := lists["users"].Entities[0]
	if lists["users"].Total != 1 || fmt.Sprint(alice.Keys, alice.Groups) != "[{AKIAONE Active} {AKIATWO Inactive}] [g]" ||
		alice.Boundary != boundary || alice.Tags[0] != [2]string{"a", hostile} || len(alice.Policies) != 3 {
		t.Errorf("alice is %+v", alice)
	}
	if role := lists["roles"].Entities[0]; role.ARN != "arn:aws:iam::"+mine+":role/x/r" || role.Policies[0].Kind != "trust" {
		t.Errorf("the role is %+v", role)
	}
	// A policy for lambda:InvokeFunctionUrl alone lacks the other action.
	if group := lists["groups"].Entities[0]; fmt.Sprint(group.Members) != "[alice]" || group.Findings == 0 {
		t.Errorf("the group is %+v", group)
	}
	if managed := lists["policies"].Entities[0]; managed.Policies[0].ID != "managed/"+boundary || managed.Findings == 0 {
		t.Errorf("the policy is %+v", managed)
	}
	alive := lists["sessions"]
	if alive.Total != 2 || alive.Entities[0].Principal != "arn:aws:iam::"+mine+":user/alice" ||
		alive.Entities[1].ARN != "arn:aws:sts::"+mine+":assumed-role/r/s" || alive.Entities[1].Principal != "arn:aws:iam::"+mine+":role/x/r" {
		t.Errorf("alive are %+v", alive)
	}
	_, text := s.get("/accounts", nil)
	want := `{"accounts":[{"account":"111122223333","users":1,"roles":1,"groups":1,"policies":1,"sessions":2,"functions":0},` +
		`{"account":"444455556666","users":1,"roles":0,"groups":0,"policies":0,"sessions":0,"functions":0}]}`
	if strings.TrimSpace(text) != want {
		t.Errorf("got %s, want %s", text, want)
	}
	for path, name := range map[string]string{"/accounts/999999999999/users": "999999999999", "/accounts/" + mine + "/pets": "pets"} {
		if status, text := s.get(path, nil); status != http.StatusNotFound || !strings.Contains(text, name) {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
}

// A list is right after a change, also while others read.
func TestListsFollowTheWorld(t *testing.T) {
	s := newWorldly(t)
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for range 50 {
				s.get("/functions", nil)
				s.get("/accounts/"+mine+"/users?search=u", nil)
			}
		})
	}
	for i := range 50 {
		s.update(func(tx *state.Tx) error {
			return errorsOf(tx.Put(function(mine, "eu-west-1", "f"+strconv.Itoa(i))),
				tx.Put(&iam.User{Account: mine, Name: "u" + strconv.Itoa(i), ID: "AIDA" + strconv.Itoa(i)}))
		})
		var list functionList
		if s.get("/functions?search=:function:", &list); list.Total != i+1 {
			t.Fatalf("%d functions after %d were made", list.Total, i+1)
		}
	}
	readers.Wait()
}

// BenchmarkLists asks for a page of 10,000 things.
func BenchmarkLists(b *testing.B) {
	s := newWorldly(b)
	inline := map[string]iam.Policy{"p": parsed(b, identity, policy.Identity)}
	for quarter := range 4 { // a commit has 10,000 changes at most
		s.update(func(tx *state.Tx) error {
			for i := quarter * 2500; i < (quarter+1)*2500; i++ {
				made := function(mine, "eu-west-1", fmt.Sprintf("f%05d", i))
				made.URLs = map[string]*lambda.URLConfig{"": {ID: fmt.Sprintf("url%029d", i), AuthType: lambda.AuthIAM}}
				if err := errorsOf(tx.Put(made), tx.Put(&iam.User{
					Account: mine, Name: fmt.Sprintf("u%05d", i), ID: "AIDA" + strconv.Itoa(i), Grants: iam.Grants{Inline: inline},
				})); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for name, path := range map[string]string{
		"functions": "/functions?limit=100&offset=5000", "search": "/functions?search=99", "users": "/accounts/" + mine + "/users?search=u09",
		"accounts": "/accounts", "matrix": "/access?callerOffset=5000&urlOffset=5000",
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				s.get(path, nil)
			}
		})
	}
}
