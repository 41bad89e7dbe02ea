package jwt

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
)

const (
	issuer      = "https://play.example.com"
	environment = tenancy.EnvironmentID("0198c0de-0000-7000-8000-000000000001")
)

var (
	issued = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	key    = newKey("k1", 1)
	good   = identity.AccessClaims{
		Issuer: issuer, Environment: environment, Player: "0198c0de-0000-7000-8000-0000000000aa", Session: "0198c0de-0000-7000-8000-0000000000bb",
		IssuedAt: issued, ExpiresAt: issued.Add(15 * time.Minute),
	}
)

func newKey(id string, seed byte) identity.SigningKey {
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
	return identity.SigningKey{ID: id, Private: private, Public: private.Public().(ed25519.PublicKey)}
}

func signed(t testing.TB, c identity.AccessClaims, k identity.SigningKey) string {
	t.Helper()
	token, err := Tokens{}.Sign(c, k)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// forge signs any header and payload with the good key, as only a fault of ours could.
func forge(header, payload string) string {
	signed := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	return signed + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(key.Private, []byte(signed)))
}

const (
	goodHeader  = `{"alg":"EdDSA","kid":"k1","typ":"JWT"}`
	goodPayload = `{"iss":"https://play.example.com","aud":"0198c0de-0000-7000-8000-000000000001","sub":"p","sid":"s","iat":1772366400,"exp":1772367300}`
)

func TestRoundTrip(t *testing.T) {
	token := signed(t, good, key)
	if env, kid, err := (Tokens{}).Peek(token); err != nil || env != environment || kid != "k1" {
		t.Errorf("Peek = %q, %q, %v", env, kid, err)
	}
	got, err := Tokens{}.Verify(token, key, issuer, environment, issued)
	if err != nil || got != good {
		t.Errorf("Verify = %+v, %v; want %+v", got, err, good)
	}
	if _, err := (Tokens{}).Verify(forge(goodHeader, goodPayload), key, issuer, environment, issued); err != nil {
		t.Errorf("the forger of the other tests can't even make a good token: %v", err)
	}
}

func TestTimes(t *testing.T) {
	token := signed(t, good, key)
	for _, c := range []struct {
		name string
		now  time.Time
		good bool
	}{
		{"the last microsecond before expiry", good.ExpiresAt.Add(-time.Microsecond), true},
		{"the moment of expiry", good.ExpiresAt, false},
		{"long after", good.ExpiresAt.Add(time.Hour), false},
		{"issued by a clock a minute ahead", issued.Add(-MaxAhead), true},
		{"issued further ahead", issued.Add(-MaxAhead - time.Microsecond), false},
	} {
		_, err := Tokens{}.Verify(token, key, issuer, environment, c.now)
		if c.good && err != nil || !c.good && !errors.Is(err, identity.ErrAccessToken) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	token := signed(t, good, key)
	parts := strings.Split(token, ".")
	b64 := base64.RawURLEncoding.EncodeToString

	hs := b64([]byte(`{"alg":"HS256","kid":"k1","typ":"JWT"}`)) + "." + parts[1]
	mac := hmac.New(sha256.New, key.Public)
	mac.Write([]byte(hs))

	with := func(change func(*identity.AccessClaims)) string {
		c := good
		change(&c)
		return signed(t, c, key)
	}
	payload := func(old, new string) string { return forge(goodHeader, strings.Replace(goodPayload, old, new, 1)) }

	for name, token := range map[string]string{
		"empty":                                 "",
		"no token":                              "not a token",
		"two parts":                             parts[0] + "." + parts[1],
		"four parts":                            token + "." + parts[2],
		"no signature":                          parts[0] + "." + parts[1] + ".",
		"alg none":                              b64([]byte(`{"alg":"none","kid":"k1","typ":"JWT"}`)) + "." + parts[1] + ".",
		"alg none, signed":                      forge(`{"alg":"none","kid":"k1","typ":"JWT"}`, goodPayload),
		"alg in another case":                   forge(`{"alg":"eddsa","kid":"k1","typ":"JWT"}`, goodPayload),
		"HS256 with the public key":             hs + "." + b64(mac.Sum(nil)),
		"another key of the same id":            signed(t, good, newKey("k1", 2)),
		"another key id":                        signed(t, good, identity.SigningKey{ID: "k2", Private: key.Private}),
		"no key id":                             forge(`{"alg":"EdDSA","typ":"JWT"}`, goodPayload),
		"key id of another type":                forge(`{"alg":"EdDSA","kid":1,"typ":"JWT"}`, goodPayload),
		"another type":                          forge(`{"alg":"EdDSA","kid":"k1","typ":"at+jwt"}`, goodPayload),
		"no type":                               forge(`{"alg":"EdDSA","kid":"k1"}`, goodPayload),
		"a critical extension":                  forge(`{"alg":"EdDSA","kid":"k1","typ":"JWT","crit":["b64"]}`, goodPayload),
		"another issuer":                        with(func(c *identity.AccessClaims) { c.Issuer += "/" }),
		"another environment":                   with(func(c *identity.AccessClaims) { c.Environment = "other" }),
		"no issuer":                             payload(`"iss":"https://play.example.com",`, ``),
		"no audience":                           payload(`"aud":"0198c0de-0000-7000-8000-000000000001",`, ``),
		"a list of audiences":                   payload(`"0198c0de-0000-7000-8000-000000000001"`, `["0198c0de-0000-7000-8000-000000000001"]`),
		"no player":                             payload(`"sub":"p",`, ``),
		"no session":                            payload(`"sid":"s",`, ``),
		"no time of issue":                      payload(`"iat":1772366400,`, ``),
		"no expiry":                             payload(`,"exp":1772367300`, ``),
		"expiry is null":                        payload(`1772367300`, `null`),
		"expiry is text":                        payload(`1772367300`, `"1772367300"`),
		"expiry is a fraction":                  payload(`1772367300`, `1772367300.5`),
		"expiry before issue":                   payload(`"iat":1772366400`, `"iat":1772367300`),
		"payload is no object":                  forge(goodHeader, `[]`),
		"payload is no JSON":                    forge(goodHeader, `{`),
		"header is no JSON":                     forge(`{`, goodPayload),
		"padded":                                token + "=",
		"a line break in the signature":         token[:len(token)-4] + "\n" + token[len(token)-4:],
		"a space before":                        " " + token,
		"over the size limit":                   with(func(c *identity.AccessClaims) { c.Player = identity.PlayerID(strings.Repeat("p", MaxSize)) }),
		"payload of another, signature of this": parts[0] + "." + b64([]byte(goodPayload)) + "." + parts[2],
	} {
		t.Run(name, func(t *testing.T) {
			claims, err := Tokens{}.Verify(token, key, issuer, environment, issued)
			if !errors.Is(err, identity.ErrAccessToken) || claims != (identity.AccessClaims{}) {
				t.Errorf("Verify = %+v, %v; want nothing and ErrAccessToken", claims, err)
			}
		})
	}
}

func TestEveryPrefixAndEveryChangedByteIsRefused(t *testing.T) {
	token := signed(t, good, key)
	for i := range len(token) {
		if _, err := (Tokens{}).Verify(token[:i], key, issuer, environment, issued); !errors.Is(err, identity.ErrAccessToken) {
			t.Fatalf("cut to %d bytes: %v", i, err)
		}
		changed := []byte(token)
		for _, c := range []byte{'A', 'B', 'z', '_', '.', 0} {
			if changed[i] = c; c != token[i] {
				if _, err := (Tokens{}).Verify(string(changed), key, issuer, environment, issued); !errors.Is(err, identity.ErrAccessToken) {
					t.Fatalf("byte %d changed to %q: %v", i, c, err)
				}
			}
		}
	}
}

func TestPeekRefuses(t *testing.T) {
	for name, token := range map[string]string{
		"empty":         "",
		"no token":      "ow_pub_something",
		"dots":          "..",
		"alg none":      forge(`{"alg":"none","kid":"k1","typ":"JWT"}`, goodPayload),
		"no key id":     forge(`{"alg":"EdDSA","typ":"JWT"}`, goodPayload),
		"no audience":   forge(goodHeader, `{"iss":"i","sub":"p","sid":"s","iat":1,"exp":2}`),
		"over the size": strings.Repeat("a", MaxSize) + "." + "a.a",
	} {
		if env, kid, err := (Tokens{}).Peek(token); !errors.Is(err, identity.ErrAccessToken) || env != "" || kid != "" {
			t.Errorf("%s: Peek = %q, %q, %v; want nothing and ErrAccessToken", name, env, kid, err)
		}
	}
}

func TestSignWithoutKeyIsAnError(t *testing.T) {
	if token, err := (Tokens{}).Sign(good, identity.SigningKey{ID: "k"}); err == nil {
		t.Errorf("signed %q with no key", token)
	}
}

func seed(f *testing.F) {
	f.Add(signed(f, good, key))
	f.Add(signed(f, good, newKey("k2", 2)))
	f.Add(forge(goodHeader, goodPayload))
	f.Add(forge(`{"alg":"none","kid":"k1","typ":"JWT"}`, goodPayload))
	f.Add(forge(goodHeader, `{"aud":["a","b"],"exp":1e400}`))
	f.Add("..")
	f.Add("a.b.c")
}

// FuzzVerify: nothing but the very tokens that Sign makes is ever believed.
func FuzzVerify(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, token string) {
		claims, err := Tokens{}.Verify(token, key, issuer, environment, issued)
		if err != nil {
			if !errors.Is(err, identity.ErrAccessToken) {
				t.Fatalf("error %v, want ErrAccessToken", err)
			}
			return
		}
		if token != forge(goodHeader, goodPayload) && token != signed(t, claims, key) {
			t.Fatalf("believed %q, which isn't how %+v is written", token, claims)
		}
	})
}

// FuzzPeek: it never panics, and what Verify believes Peek has read.
func FuzzPeek(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, token string) {
		env, kid, err := Tokens{}.Peek(token)
		if (err == nil) != (env != "" && kid != "") {
			t.Fatalf("Peek = %q, %q, %v", env, kid, err)
		}
		if _, verr := (Tokens{}).Verify(token, key, issuer, environment, issued); verr == nil && err != nil {
			t.Fatal(fmt.Errorf("verified but not to be peeked at: %w", err))
		}
	})
}
