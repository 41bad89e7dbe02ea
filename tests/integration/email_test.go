package integration

import (
	"fmt"
	"maps"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/overworldhq/overworld/tests/integration/harness"
)

const password = "correct horse"

type ticket struct {
	Ticket    string    `json:"ticket"`
	ExpiresAt time.Time `json:"expires_at"`
}

func credentials(email, password string) object { return object{"email": email, "password": password} }

// ask asks for a code.
func ask(t *testing.T, c harness.Client, path string, body object) string {
	t.Helper()
	var got ticket
	c.Do(t, "POST", path, body).Want(t, http.StatusAccepted).Into(t, &got)
	return got.Ticket
}

func emailLives(t *testing.T, w world) {
	const address, second = "Ada@example.com", "ada.l@example.com"
	game := w.game()
	signIn := func(email, password string) harness.Reply {
		t.Helper()
		return game.Do(t, "POST", "/v1/auth/email/login", credentials(email, password))
	}
	registered := ask(t, game, "/v1/auth/email/register", credentials(address, password))
	code := harness.Mailed(t, address, harness.WithCode(), w.replicas()...).Code()
	signIn(address, password).Refused(t, http.StatusUnauthorized, "identity.wrong_credentials")
	verify := object{"ticket": registered, "code": strings.ToLower(code)}
	var first harness.Grant
	game.At(w.second).Do(t, "POST", "/v1/auth/email/verify", verify).Want(t, http.StatusCreated).Into(t, &first)
	game.Do(t, "POST", "/v1/auth/email/verify", verify).Refused(t, http.StatusUnprocessableEntity, "identity.wrong_code")

	var again harness.Grant
	game.At(w.second).Do(t, "POST", "/v1/auth/email/login", credentials("ADA@example.com", password)).Want(t, http.StatusOK).Into(t, &again)
	if again.PlayerID != first.PlayerID || again.Created || again.SessionID == first.SessionID {
		t.Errorf("signed in as %+v, registered as %+v", again, first)
	}
	player := w.first.Client(again.AccessToken)
	player.Do(t, "GET", "/v1/players/me", nil).Want(t, http.StatusOK)

	// What composes its letters in another way is the same password.
	composed, decomposed := "caf\u00e9 au lait", "cafe\u0301 au lait"
	reset := ask(t, game, "/v1/auth/email/reset", object{"email": strings.ToUpper(address)})
	resetCode := harness.Mailed(t, address, harness.WithCode(code), w.replicas()...).Code()
	game.Do(t, "POST", "/v1/auth/email/reset/confirm", object{"ticket": reset, "code": resetCode, "password": composed}).Want(t, http.StatusNoContent)
	for _, replica := range w.replicas() {
		player.At(replica).Do(t, "GET", "/v1/players/me", nil).Refused(t, http.StatusUnauthorized, "identity.session_ended")
	}
	signIn(address, password).Refused(t, http.StatusUnauthorized, "identity.wrong_credentials")
	signIn(address, decomposed).Want(t, http.StatusOK)
	harness.Mailed(t, address, func(m harness.Mail) bool { return strings.Contains(m.Subject, "was changed") }, w.replicas()...)

	// Whoever has an account is told so by mail, and only there.
	ask(t, game, "/v1/auth/email/register", credentials(address, password))
	harness.Mailed(t, address, func(m harness.Mail) bool { return strings.Contains(m.Subject, "you have an account") }, w.replicas()...)

	// A guest links an address and stays who he is.
	guest, grant := w.player(t)
	var identities struct {
		Items []struct{ Method, Email string }
	}
	guest.Do(t, "GET", "/v1/players/me/identities", nil).Want(t, http.StatusOK).Into(t, &identities)
	if len(identities.Items) != 1 || identities.Items[0].Method != "guest" {
		t.Errorf("a guest signs in by %+v", identities.Items)
	}
	linked := ask(t, guest, "/v1/players/me/identities/email", credentials(second, password))
	linkCode := harness.Mailed(t, second, harness.WithCode(), w.replicas()...).Code()
	guest.At(w.second).Do(t, "POST", "/v1/players/me/identities/email/verify", object{"ticket": linked, "code": linkCode}).Want(t, http.StatusOK)
	guest.Do(t, "POST", "/v1/players/me/identities/email", credentials("third@example.com", password)).Refused(t, http.StatusConflict, "identity.email_linked")
	guest.Do(t, "GET", "/v1/players/me/identities", nil).Want(t, http.StatusOK).Into(t, &identities)
	if len(identities.Items) != 2 || identities.Items[0].Method != "email" || identities.Items[0].Email != second {
		t.Errorf("he signs in by %+v", identities.Items)
	}
	var same harness.Grant
	signIn(second, password).Want(t, http.StatusOK).Into(t, &same)
	if same.PlayerID != grant.PlayerID {
		t.Errorf("the guest %s is %s by e-mail", grant.PlayerID, same.PlayerID)
	}
	stranger, _ := w.player(t)
	taken := ask(t, stranger, "/v1/players/me/identities/email", credentials(second, password))
	takenCode := harness.Mailed(t, second, harness.WithCode(linkCode), w.replicas()...).Code()
	stranger.Do(t, "POST", "/v1/players/me/identities/email/verify", object{"ticket": taken, "code": takenCode}).Refused(t, http.StatusConflict, "identity.login_taken")

	w.afterRestart(func(t *testing.T, w world) {
		var back harness.Grant
		w.game().Do(t, "POST", "/v1/auth/email/login", credentials(second, password)).Want(t, http.StatusOK).Into(t, &back)
		if back.PlayerID != grant.PlayerID {
			t.Errorf("after a restart %s is %s", grant.PlayerID, back.PlayerID)
		}
	})
	for _, replica := range w.replicas() {
		for _, entry := range replica.Log("") {
			if text := strings.ToLower(fmt.Sprint(entry)); entry["msg"] != "mail" && (strings.Contains(text, strings.ToLower(address)) || strings.Contains(text, second)) {
				t.Errorf("the log names an address: %v", entry)
			}
		}
	}
}

// TestEmailFlood signs in far more often than passwords can be hashed: every login
// is answered, right or 503, with few of them hashed at once, and everything else
// goes on. How fast that is, go run ./tests/bench tells.
func TestEmailFlood(t *testing.T) {
	w := newWorld(t, harness.Embedded(t).With("LIMITS_PASSWORD_HASHES=1", "LIMITS_PASSWORD_QUEUE=4"))
	game := w.game()
	player, _ := w.player(t)
	const clients, each = 64, 10
	var mu sync.Mutex
	statuses := map[int]int{}
	var flood, bystanders sync.WaitGroup
	over := make(chan struct{})
	for i := range clients {
		flood.Go(func() {
			for n := range each {
				reply, err := game.Send(t.Context(), "POST", "/v1/auth/email/login", credentials(fmt.Sprintf("p%d-%d@example.com", i, n), password))
				if err != nil {
					t.Error(err)
					return
				}
				p, err := reply.Problem() // which has a Retry-After if it is a 503
				code := map[int]string{401: "identity.wrong_credentials", 503: "identity.busy"}[reply.Status]
				if err != nil || p.Code != code {
					t.Errorf("got %d %s: %v", reply.Status, reply.Body, err)
				}
				mu.Lock()
				statuses[reply.Status]++
				mu.Unlock()
			}
		})
	}
	served, most, waiting := 0, 0.0, 0.0
	bystanders.Go(func() {
		for {
			select {
			case <-over:
				return
			default:
			}
			told := w.first.Metrics()
			for name, greatest := range map[string]*float64{"overworld_passwords_hashing": &most, "overworld_passwords_waiting": &waiting} {
				if value, err := strconv.ParseFloat(metricOf(told, name), 64); err == nil {
					*greatest = max(*greatest, value)
				}
			}
		}
	})
	bystanders.Go(func() {
		for {
			select {
			case <-over:
				return
			default:
			}
			reply, err := player.Send(t.Context(), "GET", "/v1/players/me", nil)
			if err != nil || reply.Status != http.StatusOK {
				t.Errorf("meanwhile: %d %v", reply.Status, err)
				return
			}
			served++
		}
	})
	flood.Wait()
	close(over)
	bystanders.Wait()
	if statuses[401] == 0 || statuses[503] == 0 || statuses[401]+statuses[503] != clients*each || served == 0 {
		t.Errorf("answers %v, %d others served", statuses, served)
	}
	if refused := number(t, w.first, "overworld_passwords_refused_total"); most > 1 || waiting > 4 || refused != float64(statuses[503]) {
		t.Errorf("up to %.0f were hashed and %.0f waited; %.0f refused", most, waiting, refused)
	}
	// Each hash takes 19 MiB: all clients' at once would be 1.2 GiB.
	held := number(t, w.first, "go_memstats_sys_bytes")
	if held > 400<<20 {
		t.Errorf("the process took %.0f MiB", held/(1<<20))
	}
	t.Logf("answers %v, %d others served, up to %.0f hashed and %.0f waiting, %.0f MiB of memory", statuses, served, most, waiting, held/(1<<20))
}

// number reads a metric.
func number(t *testing.T, r *harness.Replica, name string) float64 {
	t.Helper()
	value, err := strconv.ParseFloat(metricOf(r.Metrics(), name), 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return value
}

// TestEmailAnswersAlike asks the same of an address that belongs to a player and of
// one that doesn't: the answers don't differ, and neither does how long they take. Nothing
// is asked of how long that is, and the two take turns: what else the machine does hits both.
func TestEmailAnswersAlike(t *testing.T) {
	w := newWorld(t, harness.Embedded(t).With("LIMITS_PASSWORD_HASHES=1"))
	game := w.game()
	const known = "known@example.com"
	registered := ask(t, game, "/v1/auth/email/register", credentials(known, password))
	code := harness.Mailed(t, known, harness.WithCode(), w.replicas()...).Code()
	game.Do(t, "POST", "/v1/auth/email/verify", object{"ticket": registered, "code": code}).Want(t, http.StatusCreated)

	times := 200
	if testing.Short() {
		times = 20
	}
	type sample struct {
		path string
		body func(email string, round int) object
	}
	type asked struct {
		path, email string
		round       int
	}
	wrong := "0000000-0000000-0000000-0000000"
	tickets := map[asked]string{}
	samples := []sample{
		{"login", func(email string, _ int) object { return credentials(email, "a wrong one") }},
		{"register", func(email string, _ int) object { return credentials(email, password) }},
		{"verify", func(email string, round int) object {
			return object{"ticket": tickets[asked{"register", email, round}], "code": wrong}
		}},
		{"reset", func(email string, _ int) object { return object{"email": email} }},
		{"reset/confirm", func(email string, round int) object {
			return object{"ticket": tickets[asked{"reset", email, round}], "code": wrong, "password": password}
		}},
	}
	for _, s := range samples {
		took := map[bool][]float64{}
		shapes := map[string]bool{}
		for n := range times {
			// Which of the two comes first changes from round to round.
			for _, isKnown := range []bool{n%2 == 0, n%2 != 0} {
				email := known
				if !isKnown {
					email = "unknown" + strconv.Itoa(n) + "@example.com"
				}
				body := s.body(email, n)
				began := time.Now()
				reply := game.Do(t, "POST", "/v1/auth/email/"+s.path, body)
				took[isKnown] = append(took[isKnown], time.Since(began).Seconds()*1000)
				if reply.Status == http.StatusAccepted {
					var got ticket
					reply.Into(t, &got)
					tickets[asked{s.path, email, n}] = got.Ticket
				}
				shapes[shape(reply)] = true
			}
		}
		if len(shapes) != 1 {
			t.Errorf("%s: known and unknown addresses differ: %q", s.path, slices.Sorted(maps.Keys(shapes)))
		}
		known, unknown, z := median(took[true]), median(took[false]), mannWhitney(took[true], took[false])
		t.Logf("%-14s known %.2f ms, unknown %.2f ms (medians of %d), Mann-Whitney z %+.2f", s.path, known, unknown, times, z)
		// A difference that is certain but slight is the noise of rows being there or not; a
		// large one that is uncertain is the machine's. Who skips a hash or a write differs in both ways.
		if math.Abs(z) > 6 && max(known, unknown) > 1.25*min(known, unknown) {
			t.Errorf("%s tells known from unknown addresses by its time", s.path)
		}
	}
}

var changing = regexp.MustCompile(`"(request_id|ticket|expires_at)":"[^"]*"`)

// shape is all of a reply but what is different each time.
func shape(r harness.Reply) string {
	var headers []string
	for name, values := range r.Header {
		switch name {
		case "Date", "X-Request-Id", "Traceparent", "Ratelimit":
			values = []string{"…"}
		}
		headers = append(headers, name+": "+strings.Join(values, ", "))
	}
	slices.Sort(headers)
	lengths := changing.ReplaceAllStringFunc(string(r.Body), func(member string) string {
		name, value, _ := strings.Cut(member, ":")
		return fmt.Sprintf("%s:%d", name, len(value))
	})
	return fmt.Sprintf("%d %s\n%s", r.Status, strings.Join(headers, "\n"), lengths)
}

// mannWhitney tells how many standard deviations the U of two samples is from that of equal ones.
func mannWhitney(a, b []float64) float64 {
	u := 0.0
	for _, x := range a {
		for _, y := range b {
			switch {
			case x > y:
				u++
			case x == y:
				u += 0.5
			}
		}
	}
	n, m := float64(len(a)), float64(len(b))
	return (u - n*m/2) / math.Sqrt(n*m*(n+m+1)/12)
}

func median(sample []float64) float64 {
	sorted := slices.Sorted(slices.Values(sample))
	return sorted[len(sorted)/2]
}
