package main

import (
	"encoding/json"
	"fmt"
	"strings"
)

// live is the configuration that players read. It is made when the first scenario of it begins.
type live struct {
	secret string // key of the project
	made   int    // releases
}

const (
	liveEnv = "/v1/projects/bench/environments/production"
	// liveEntries make a value of some 4 KB.
	liveEntries = 100
)

func livePath() string { return "/v1/config?platform=ios&app_version=1.12.0" }

// value is that of the n-th release.
func (l *live) value(n int) []byte {
	var items []string
	for i := range liveEntries {
		items = append(items, fmt.Sprintf(`"monster-%03d":{"health":%d,"drop":0.%02d}`, i, 10*i+n, i))
	}
	return []byte(`{"monsters":{` + strings.Join(items, ",") + `}}`)
}

// release gives everyone another value.
func (l *live) release(c *connection) error {
	l.made++
	reply, err := c.want(201, c.request("POST", liveEnv+"/bundles", l.secret, l.value(l.made)))
	if err != nil {
		return err
	}
	var bundle struct {
		SHA256 string `json:"sha256"`
	}
	if err := json.Unmarshal(reply, &bundle); err != nil {
		return err
	}
	_, err = c.want(201, c.request("POST", liveEnv+"/configs/gameplay/releases", l.secret, fmt.Appendf(nil, `{"bundle":%q}`, bundle.SHA256)))
	return err
}

func (l *live) make(c *connection) error {
	if l.made > 0 {
		return nil
	}
	return l.release(c)
}

// liveWhole has a player read the configuration.
func liveWhole(p place, c *connection) (operation, error) {
	if err := p.live.make(c); err != nil {
		return nil, err
	}
	g, err := signIn(p, c)
	return func() error {
		_, err := c.want(200, c.request("GET", livePath(), g.AccessToken, nil))
		return err
	}, err
}

// liveUnchanged has a player ask whether it is still what he has.
func liveUnchanged(p place, c *connection) (operation, error) {
	if err := p.live.make(c); err != nil {
		return nil, err
	}
	g, err := signIn(p, c)
	if err != nil {
		return nil, err
	}
	if _, err := c.want(200, c.request("GET", livePath(), g.AccessToken, nil)); err != nil {
		return nil, err
	}
	tag := string(c.tag)
	return func() error {
		_, err := c.want(304, c.unlessIs(tag, livePath(), g.AccessToken))
		return err
	}, nil
}
