package harness

import (
	"encoding/json"
	"net/http"
	"regexp"
	"testing"
	"time"
)

// Project is a game with the credentials it was made with.
type Project struct {
	Slug        string
	Secret      string // of the whole project
	Publishable map[string]string
	Server      map[string]string // both by environment
}

var credentialLine = regexp.MustCompile(`(?m)^  (whole project|[a-z-]+) .*(ow_(?:sec|pub|srv)_[0-9A-Za-z]+)$`)

// ReadCredentials reads what the program prints of a new project.
func ReadCredentials(slug, printed string) Project {
	p := Project{Slug: slug, Publishable: map[string]string{}, Server: map[string]string{}}
	for _, found := range credentialLine.FindAllStringSubmatch(printed, -1) {
		switch place, token := found[1], found[2]; token[:7] {
		case "ow_sec_":
			p.Secret = token
		case "ow_pub_":
			p.Publishable[place] = token
		case "ow_srv_":
			p.Server[place] = token
		}
	}
	return p
}

// Project makes a project through the command line.
func (s *Stack) Project(t testing.TB, slug string) Project {
	t.Helper()
	p := ReadCredentials(slug, s.Must(t, "project", "create", slug))
	if p.Secret == "" || len(p.Publishable) != 3 || len(p.Server) != 3 {
		t.Fatalf("the command did not print the credentials of %s", slug)
	}
	return p
}

// Key is a credential made through the API.
type Key struct {
	ID    string `json:"id"`
	Token string `json:"token"`
}

// Key makes a credential in an environment of the project, or, if that is empty, in the project.
func (c Client) Key(t testing.TB, project, environment string, spec map[string]any) Key {
	t.Helper()
	var key Key
	c.Do(t, "POST", KeysPath(project, environment), spec).Want(t, http.StatusCreated).Into(t, &key)
	return key
}

// KeysPath is where the credentials of an environment, or of a project, are.
func KeysPath(project, environment string) string {
	path := "/v1/projects/" + project
	if environment != "" {
		path += "/environments/" + environment
	}
	return path + "/keys"
}

// Grant is what a signed-in player holds.
type Grant struct {
	PlayerID     string `json:"player_id"`
	SessionID    string `json:"session_id"`
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	Created      bool   `json:"created"`
	DeviceSecret string `json:"device_secret"`
}

// Guest signs a new player in; the client's credential is a publishable key.
func (c Client) Guest(t testing.TB) Grant {
	t.Helper()
	var grant Grant
	c.Do(t, "POST", "/v1/auth/guest", map[string]any{}).Want(t, http.StatusCreated).Into(t, &grant)
	return grant
}

// Refresh presents a refresh token; the client's credential is a publishable key.
func (c Client) Refresh(t testing.TB, token string) Reply {
	t.Helper()
	return c.Do(t, "POST", "/v1/auth/refresh", map[string]any{"refresh_token": token})
}

// Document is a document as the API shows it.
type Document struct {
	Collection string          `json:"collection"`
	Key        string          `json:"key"`
	Value      json.RawMessage `json:"value"`
	Version    int64           `json:"version"`
	Read       string          `json:"read"`
	Write      string          `json:"write"`
	CreatedAt  time.Time       `json:"created_at"`
	UpdatedAt  time.Time       `json:"updated_at"`
}

// Document reads the reply as one.
func (r Reply) Document(t testing.TB) Document {
	t.Helper()
	var d Document
	r.Into(t, &d)
	return d
}
