package integration

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/overworldhq/overworld/tests/integration/harness"
)

func guestLives(t *testing.T, w world) {
	player, grant := w.player(t)
	if !grant.Created || grant.DeviceSecret == "" {
		t.Fatalf("a new guest without a secret got %+v", grant)
	}

	var again harness.Grant
	w.game().At(w.second).Do(t, "POST", "/v1/auth/guest", object{"device_secret": grant.DeviceSecret}).Want(t, http.StatusOK).Into(t, &again)
	if again.PlayerID != grant.PlayerID || again.SessionID == grant.SessionID || again.Created || again.DeviceSecret != "" {
		t.Errorf("the same device came back as %+v, it was %+v", again, grant)
	}

	var me struct {
		ID string `json:"id"`
	}
	player.At(w.second).Do(t, "GET", "/v1/players/me", nil).Want(t, http.StatusOK).Into(t, &me)
	if me.ID != grant.PlayerID {
		t.Errorf("me is %s, want %s", me.ID, grant.PlayerID)
	}

	reply := w.game().Refresh(t, grant.RefreshToken).Want(t, http.StatusOK)
	var next harness.Grant
	reply.Into(t, &next)
	if next.PlayerID != grant.PlayerID || next.SessionID != grant.SessionID || next.RefreshToken == grant.RefreshToken {
		t.Errorf("refreshed to %+v", next)
	}
	if cache := reply.Header.Get("Cache-Control"); cache != "no-store" {
		t.Errorf("tokens came with Cache-Control %q", cache)
	}

	player.As(next.AccessToken).Do(t, "POST", "/v1/auth/logout", nil).Want(t, http.StatusNoContent)
	player.As(next.AccessToken).Do(t, "GET", "/v1/players/me", nil).Refused(t, http.StatusUnauthorized, "identity.session_ended")
	w.game().Refresh(t, next.RefreshToken).Refused(t, http.StatusUnauthorized, "identity.session_ended")

	// The other session of the same player goes on, and the player comes back after a restart.
	player.As(again.AccessToken).Do(t, "GET", "/v1/players/me", nil).Want(t, http.StatusOK)
	w.afterRestart(func(t *testing.T, w world) {
		w.first.Client(again.AccessToken).Do(t, "GET", "/v1/players/me", nil).Want(t, http.StatusOK)
		var back harness.Grant
		w.game().Do(t, "POST", "/v1/auth/guest", object{"device_secret": grant.DeviceSecret}).Want(t, http.StatusOK).Into(t, &back)
		if back.PlayerID != grant.PlayerID {
			t.Errorf("after a restart the device is player %s, it was %s", back.PlayerID, grant.PlayerID)
		}
	})
}

func lostReply(t *testing.T, w world) {
	_, grant := w.player(t)
	first := w.game().Refresh(t, grant.RefreshToken).Want(t, http.StatusOK)
	again := w.game().At(w.second).Refresh(t, grant.RefreshToken).Want(t, http.StatusOK)
	if !bytes.Equal(first.Body, again.Body) {
		t.Errorf("the retry got another successor:\n%s\n%s", first.Body, again.Body)
	}
	var next harness.Grant
	again.Into(t, &next)
	w.first.Client(next.AccessToken).Do(t, "GET", "/v1/players/me", nil).Want(t, http.StatusOK)
	w.game().Refresh(t, next.RefreshToken).Want(t, http.StatusOK)
}

func theft(t *testing.T, w world) {
	untilVouched(t, w)
	_, stolen := w.player(t)
	var second, third harness.Grant
	w.game().Refresh(t, stolen.RefreshToken).Want(t, http.StatusOK).Into(t, &second)
	w.game().Refresh(t, second.RefreshToken).Want(t, http.StatusOK).Into(t, &third)
	player := w.first.Client(third.AccessToken)
	everywhere(t, w, player, "/v1/players/me", func(r harness.Reply) { r.Want(t, http.StatusOK) })

	w.game().Refresh(t, stolen.RefreshToken).Refused(t, http.StatusUnauthorized, "identity.refresh_reused")

	for _, replica := range w.replicas() {
		player.At(replica).Do(t, "GET", "/v1/players/me", nil).Refused(t, http.StatusUnauthorized, "identity.session_ended")
		w.game().At(replica).Refresh(t, third.RefreshToken).Refused(t, http.StatusUnauthorized, "identity.session_ended")
	}
	var audit struct {
		Items []struct {
			Target struct{ ID string }
			After  map[string]string
		}
	}
	w.operator().Do(t, "GET", "/v1/projects/"+w.project.Slug+"/environments/"+env+"/audit?action=session.refresh_reused", nil).
		Want(t, http.StatusOK).Into(t, &audit)
	if len(audit.Items) != 1 || audit.Items[0].Target.ID != stolen.SessionID || audit.Items[0].After["player"] != stolen.PlayerID {
		t.Errorf("the audit log tells %+v, want the session %s", audit.Items, stolen.SessionID)
	}
	w.afterRestart(func(t *testing.T, w world) {
		w.game().Refresh(t, third.RefreshToken).Refused(t, http.StatusUnauthorized, "identity.session_ended")
	})
}
