package main

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// scenario is one kind of request, repeated.
type scenario struct {
	name string
	// most is the CPU seconds of server and database for 1,000 operations that we
	// allow ourselves on PostgreSQL and Redis at 64 connections; 0 is no target.
	most float64
	// cached tells that the cache's processor time counts as well.
	cached bool
	// path, if there is one, is read instead: a bare handler that answers the same bytes is
	// measured beside it.
	path func() string
	// unchanged tells that it is read by one who has what there is: neither reply has a body.
	unchanged bool
	// least is how much of its floor's throughput we demand of ourselves, on the same; 0 is no target.
	least float64
	// steady tells that the 99th percentile may be four times the median, on the same.
	steady bool
	// prepare makes what one connection needs and gives its next operation.
	prepare func(p place, c *connection) (operation, error)
}

// operation does one request and is an error if it is not answered as it should be.
type operation func() error

// place is where the load goes.
type place struct {
	address     string
	publishable string
	laps        *leaderboard
	live        *live
}

var scenarios = []scenario{
	{name: "guest-new", most: 0.30, prepare: guestNew},
	{name: "guest-known", most: 0.20, prepare: guestKnown},
	{name: "refresh", prepare: refresh},
	{name: "document-put", most: 0.20, prepare: documentPut},
	{name: "document-get", most: 0.12, prepare: documentGet},
	{name: "own-profile", most: 0.12, prepare: ownProfile},
	{name: "submit", most: 0.15, cached: true, least: 1.5, steady: true, prepare: submit},
	{name: "top-100", most: 0.15, cached: true, least: 0.35, path: topPath, prepare: ranks(topPath)},
	{name: "around-11", most: 0.15, cached: true, path: aroundPath, prepare: ranks(aroundPath)},
	{name: "one-standing", most: 0.10, cached: true, least: 0.35, path: standingPath, prepare: ranks(standingPath)},
	{name: "config-304", cached: true, least: 0.35, path: livePath, unchanged: true, prepare: liveUnchanged},
	{name: "config-full", cached: true, least: 0.35, path: livePath, prepare: liveWhole},
}

func scenarioOf(name string) scenario {
	return scenarios[slices.IndexFunc(scenarios, func(s scenario) bool { return s.name == name })]
}

// grant is what of a sign-in's reply is used.
type grant struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
}

func guestNew(p place, c *connection) (operation, error) {
	body := []byte(`{}`)
	return func() error {
		_, err := c.want(201, c.request("POST", "/v1/auth/guest", p.publishable, body))
		return err
	}, nil
}

// devices is how many devices each connection signs in in turn.
const devices = 8

func guestKnown(p place, c *connection) (operation, error) {
	bodies := make([][]byte, devices)
	for i := range bodies {
		var secret [24]byte
		rand.Read(secret[:])
		bodies[i] = fmt.Appendf(nil, `{"device_secret":%q}`, hex.EncodeToString(secret[:]))
		if _, err := c.want(201, c.request("POST", "/v1/auth/guest", p.publishable, bodies[i])); err != nil {
			return nil, err
		}
	}
	next := 0
	return func() error {
		next = (next + 1) % len(bodies)
		_, err := c.want(200, c.request("POST", "/v1/auth/guest", p.publishable, bodies[next]))
		return err
	}, nil
}

func signIn(p place, c *connection) (grant, error) {
	var g grant
	reply, err := c.want(201, c.request("POST", "/v1/auth/guest", p.publishable, []byte(`{}`)))
	if err == nil {
		err = json.Unmarshal(reply, &g)
	}
	return g, err
}

func refresh(p place, c *connection) (operation, error) {
	g, err := signIn(p, c)
	if err != nil {
		return nil, err
	}
	body := fmt.Appendf(nil, `{"refresh_token":%q}`, g.RefreshToken)
	member := []byte(`"refresh_token":"`)
	return func() error {
		reply, err := c.want(200, c.request("POST", "/v1/auth/refresh", p.publishable, body))
		if err != nil {
			return err
		}
		_, rest, found := bytes.Cut(reply, member)
		token, _, closed := bytes.Cut(rest, []byte{'"'})
		if !found || !closed {
			return errors.New("the reply has no refresh token")
		}
		body = append(append(append(body[:0], `{"refresh_token":"`...), token...), `"}`...)
		return nil
	}, nil
}

// slots is how many documents each connection's player has.
const slots = 8

func documentPut(p place, c *connection) (operation, error) {
	g, err := signIn(p, c)
	if err != nil {
		return nil, err
	}
	next := 0
	put := func(status int) error {
		next = (next + 1) % slots
		_, err := c.want(status, c.request("PUT", documentPath(next), g.AccessToken, documentBody))
		return err
	}
	for range slots {
		if err := put(201); err != nil {
			return nil, err
		}
	}
	return func() error { return put(200) }, nil
}

func documentGet(p place, c *connection) (operation, error) {
	g, err := signIn(p, c)
	if err != nil {
		return nil, err
	}
	for i := range slots {
		if _, err := c.want(201, c.request("PUT", documentPath(i), g.AccessToken, documentBody)); err != nil {
			return nil, err
		}
	}
	next := 0
	return func() error {
		next = (next + 1) % slots
		_, err := c.want(200, c.request("GET", documentPath(next), g.AccessToken, nil))
		return err
	}, nil
}

func ownProfile(p place, c *connection) (operation, error) {
	g, err := signIn(p, c)
	return func() error {
		_, err := c.want(200, c.request("GET", "/v1/players/me", g.AccessToken, nil))
		return err
	}, err
}

func documentPath(i int) string { return fmt.Sprintf("/v1/players/me/documents/saves/slot-%d", i) }

// documentValue is 1 KiB of what a saved game looks like, and documentBody the request that puts it.
var (
	documentValue = func() string {
		var items []string
		for i := range 21 {
			items = append(items, fmt.Sprintf(`{"item":"potion-%03d","count":%d,"slot":%d}`, i, i*7+1, i))
		}
		value := `{"level":17,"gold":90210,"items":[` + strings.Join(items, ",") + `],"note":"`
		return value + strings.Repeat("x", 1024-len(value)-2) + `"}`
	}()
	documentBody = []byte(`{"value":` + documentValue + `}`)
)

// want is one exchange that has to be answered with the status.
func (c *connection) want(status int, request []byte) ([]byte, error) {
	got, body, err := c.exchange(request)
	if err != nil {
		return nil, err
	}
	if got != status {
		return nil, &unwanted{got, status, fmt.Sprintf("%.300s", body)}
	}
	return body, nil
}

// unwanted is a reply of another status than was wanted. The connection is good still.
type unwanted struct {
	status, want int
	body         string
}

func (u *unwanted) Error() string {
	return fmt.Sprintf("status %d, want %d: %s", u.status, u.want, u.body)
}
