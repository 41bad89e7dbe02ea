package identity_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/overworldhq/overworld/domain/identity"
)

// issued is a token as far as keys care.
type issued struct {
	key     string
	expires time.Time
}

func TestTokensOutliveRotations(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := noon
		var keys identity.KeySet
		var good []issued
		rotate := func(atOnce bool) {
			keys = keys.Rotated(identity.SigningKey{ID: fmt.Sprintf("k%d", len(keys))}, now, atOnce)
			if atOnce {
				good = nil
			}
		}
		rotate(rapid.Bool().Draw(t, "first at once"))
		t.Repeat(map[string]func(*rapid.T){
			"wait": func(t *rapid.T) {
				now = now.Add(rapid.SampledFrom([]time.Duration{
					time.Microsecond, time.Minute, identity.KeyPublication - time.Microsecond, identity.KeyPublication, time.Hour, 24 * time.Hour,
				}).Draw(t, "for"))
			},
			"rotate": func(t *rapid.T) {
				skew := rapid.SampledFrom([]time.Duration{0, time.Second}).Draw(t, "replica behind by")
				now = now.Add(-skew)
				rotate(false)
				now = now.Add(skew)
			},
			"rotate at once": func(*rapid.T) { rotate(true) },
			"sign": func(t *rapid.T) {
				key, ok := keys.Signer(now)
				if !ok {
					t.Fatal("nothing signs")
				}
				// The lifetime is edited while keys come and go.
				lifetime := rapid.SampledFrom([]time.Duration{time.Minute, 15 * time.Minute, 24 * time.Hour}).Draw(t, "lifetime")
				good = append(good, issued{key.ID, now.Add(lifetime)})
			},
			"": func(t *rapid.T) {
				signer, ok := keys.Signer(now)
				if !ok {
					t.Fatal("nothing signs")
				}
				if _, ok := keys.Find(signer.ID, now); !ok {
					t.Fatalf("%s signs unpublished", signer.ID)
				}
				for _, token := range good {
					if _, ok := keys.Find(token.key, now); !ok && now.Before(token.expires) {
						t.Fatalf("a token of %s, good until %s, can't be verified at %s", token.key, token.expires, now)
					}
				}
				for _, key := range keys.Published(now) {
					if _, ok := keys.Find(key.ID, now); !ok {
						t.Fatalf("%s is published and not found", key.ID)
					}
				}
			},
		})
	})
}

func TestANewKeyIsPublishedBeforeItSigns(t *testing.T) {
	keys := identity.KeySet{}.Rotated(identity.SigningKey{ID: "a"}, noon, false)
	if signer, _ := keys.Signer(noon); signer.ID != "a" {
		t.Fatalf("at first %q signs", signer.ID)
	}
	later := noon.Add(time.Hour)
	keys = keys.Rotated(identity.SigningKey{ID: "b"}, later, false)
	takesOver, leaves := later.Add(identity.KeyPublication), later.Add(identity.KeyPublication+24*time.Hour)
	for _, c := range []struct {
		at                time.Time
		signer, published string
	}{
		{later, "a", "ab"},
		{takesOver.Add(-1), "a", "ab"},
		{takesOver, "b", "ab"},
		{leaves.Add(-1), "b", "ab"},
		{leaves, "b", "b"},
	} {
		signer, _ := keys.Signer(c.at)
		published := ""
		for _, key := range keys.Published(c.at) {
			published += key.ID
		}
		if signer.ID != c.signer || published != c.published {
			t.Errorf("at %s: %q signs and %q is published, want %q and %q", c.at, signer.ID, published, c.signer, c.published)
		}
	}
}

func TestALeakedKeyGoesAtOnce(t *testing.T) {
	keys := identity.KeySet{}.Rotated(identity.SigningKey{ID: "a"}, noon, false)
	keys = keys.Rotated(identity.SigningKey{ID: "pending"}, noon, false)
	keys = keys.Rotated(identity.SigningKey{ID: "b"}, noon, true)
	for _, at := range []time.Time{noon, noon.Add(identity.KeyPublication), noon.Add(time.Hour)} {
		if published := keys.Published(at); len(published) != 1 || published[0].ID != "b" {
			t.Errorf("at %s: %+v is published", at, published)
		}
		if signer, _ := keys.Signer(at); signer.ID != "b" {
			t.Errorf("at %s: %q signs", at, signer.ID)
		}
	}
	// Nor does a later rotation bring it back.
	keys = keys.Rotated(identity.SigningKey{ID: "c"}, noon.Add(time.Minute), false)
	if _, ok := keys.Find("a", noon.Add(time.Minute)); ok {
		t.Error("a leaked key came back")
	}
}
