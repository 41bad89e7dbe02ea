package integration

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/tests/integration/harness"
)

// target is what a request names.
type target struct {
	name string
	vars map[string]string // path parameters
	// exists is false of what is nowhere; it must be answered as what is elsewhere.
	exists bool
}

// request is a request about to be sent.
type request struct {
	path  string
	body  any
	token string // instead of the caller's, for what ends a session
	// header holds names and values in turn.
	header []string
}

// sample is how a route is tried, and what callers whom its audience lets in get.
type sample struct {
	targets func(i *isolation) []target
	prepare func(t *testing.T, i *isolation, c caller, on target, r *request)
	answer  func(i *isolation, c caller, on target) answer
}

var (
	ok        = answer{status: http.StatusOK}
	created   = answer{status: http.StatusCreated}
	accepted  = answer{status: http.StatusAccepted}
	wrongCode = answer{http.StatusUnprocessableEntity, "identity.wrong_code"}
	gone      = answer{status: http.StatusNoContent}
	foreign   = answer{http.StatusForbidden, "tenancy.wrong_environment"}
	noPlayer  = answer{http.StatusNotFound, "identity.player_not_found"}
	noSession = answer{http.StatusNotFound, "identity.session_not_found"}
	noFile    = answer{http.StatusNotFound, "storage.document_not_found"}
	noBoard   = answer{http.StatusNotFound, "ranking.board_not_found"}
	noWrite   = answer{http.StatusForbidden, "storage.write_denied"}
)

// samples has every route by its operation id.
var samples = map[string]sample{
	"getHealth":    {nothing, nil, always(ok)},
	"getReadiness": {nothing, nil, always(ok)},
	"getLimits":    {nothing, nil, always(ok)},
	"getKeySet":    {keySets, nil, keySet},
	"listWorkers":  {nothing, nil, always(ok)},
	"getRoot":      {nothing, nil, always(ok)},
	"getReference": {nothing, nil, always(ok)},
	"getOpenAPI":   {nothing, nil, always(ok)},
	"listProblems": {nothing, nil, always(ok)},
	"getProblem":   {problems, nil, always(ok)},

	"signInGuest":    {nothing, newDevice, always(created)},
	"refreshSession": {nothing, refreshes, refreshed},
	"logout":         {nothing, logsOut, always(gone)},

	"registerEmail":        {nothing, asksForCode, always(accepted)},
	"resetPassword":        {nothing, body(object{"email": "ada@example.com"}), always(accepted)},
	"verifyEmail":          {nothing, verifies, athome(created, wrongCode)},
	"confirmPasswordReset": {nothing, resets, athome(gone, wrongCode)},
	"signInEmail":          {nothing, signsInByEmail, athome(ok, answer{http.StatusUnauthorized, "identity.wrong_credentials"})},
	"listOwnIdentities":    {nothing, nil, always(ok)},
	"linkEmail":            {nothing, asksForCode, always(accepted)},
	"verifyLinkedEmail":    {nothing, verifies, always(wrongCode)},

	"getPlayer": {players, nil, seesPlayer},

	"editPlayer":           {players, body(object{"display_name": "Ada"}), editsPlayer},
	"searchPlayers":        {environments, nil, environment(ok)},
	"inspectPlayer":        {environments, nil, environment(ok)},
	"banPlayer":            {environments, bansGuest, environment(ok)},
	"unbanPlayer":          {environments, nil, environment(gone)},
	"listOwnSessions":      {nothing, nil, always(ok)},
	"endOwnSession":        {sessions, endsAnothers, always(noSession)},
	"endOwnSessions":       {nothing, logsOut, always(gone)},
	"listPlayerSessions":   {environments, nil, environment(ok)},
	"revokePlayerSession":  {environments, nil, environment(noSession)},
	"revokePlayerSessions": {environments, revokesGuest, environment(gone)},

	"getPlayerDocument":           {players, nil, readsDocument},
	"putPlayerDocument":           {players, writes, writesDocument},
	"patchPlayerDocument":         {players, patches, writesDocument},
	"incrementPlayerDocument":     {players, counts, writesDocument},
	"deletePlayerDocument":        {players, restores, deletesDocument},
	"listPlayerDocuments":         {players, nil, listsDocuments},
	"getSharedDocument":           {documents, nil, athome(ok, noFile)},
	"putSharedDocument":           {documentsEverywhere, writes, writesShared},
	"patchSharedDocument":         {documentsEverywhere, patches, writesShared},
	"incrementSharedDocument":     {documentsEverywhere, counts, writesShared},
	"listPlayerDocumentRevisions": {revised, atLatest, readsDocument},
	"getPlayerDocumentRevision":   {revised, atLatest, readsDocument},
	"restorePlayerDocument":       {revised, atLatest, readsDocument},
	"listSharedDocumentRevisions": {revisedShared, atLatest, readsSharedHistory},
	"getSharedDocumentRevision":   {revisedShared, atLatest, readsSharedHistory},
	"restoreSharedDocument":       {revisedShared, atLatest, readsSharedHistory},
	"batchPlayerDocuments":        {players, batches, writesDocument},
	"batchDocuments":              {documentsEverywhere, batches, writesShared},
	"deleteSharedDocument":        {documents, restores, deletesShared},
	"listSharedDocuments":         {nothing, nil, always(ok)},

	"getLeaderboard":     {boards, nil, seesBoard},
	"listStandings":      {boards, nil, seesBoard},
	"getStanding":        {boards, nil, seesBoard},
	"listSeasons":        {boards, nil, seesBoard},
	"submitScore":        {boards, submits, seesBoard},
	"submitScores":       {boards, submitsMany, seesBoard},
	"removeStanding":     {boards, resubmits, removesStanding},
	"restoreStanding":    {boards, removes, removesStanding},
	"listSeasonRewards":  {boards, nil, seesBoard},
	"listPlayerRewards":  {players, nil, seesRewards},
	"claimReward":        {players, nil, claims},
	"listLeaderboards":   {environments, nil, environment(ok)},
	"createLeaderboard":  {environments, makesBoard, environment(created)},
	"inspectLeaderboard": {environments, nil, environment(ok)},
	"defineLeaderboard":  {environments, body(boardDefinition), environment(ok)},
	"deleteLeaderboard":  {environments, nil, environment(unconfirmed)},
	"downloadArchive":    {environments, nil, environment(answer{http.StatusNotFound, "ranking.season_not_found"})},
	"beginSeason":        {environments, closesSeason, environment(created)},

	"browseServers":             {nothing, nil, looksAround},
	"getServer":                 {arenas, shows, seesArena},
	"heartbeatServer":           {arenas, beats, changesArena(ok)},
	"registerServer":            {nothing, announces, always(created)},
	"drainServer":               {arenas, beats, changesArena(ok)},
	"deregisterServer":          {arenas, leaves, changesArena(gone)},
	"reserveSeat":               {arenas, reserves, changesArena(created)},
	"admitPlayer":               {arenas, admits, changesArena(ok)},
	"removePlayer":              {arenas, departs, changesArena(gone)},
	"allocateSeats":             {nothing, allocates, athome(created, answer{http.StatusConflict, "registry.none_available"})},
	"listServers":               {environments, nil, environment(ok)},
	"forceServerDrain":          {environments, revives, environment(ok)},
	"forceServerDeregistration": {environments, revives, environment(gone)},
	"previewSchedule":           {environments, asksForSchedule, environment(ok)},
	"getLeaderboardSchedule":    {environments, nil, environment(ok)},

	"inspectEntry":               {environments, nil, environment(ok)},
	"quarantineOnLeaderboard":    {environments, body(object{"reason": "a wallhack"}), environment(ok)},
	"releaseOnLeaderboard":       {environments, nil, environment(gone)},
	"listLeaderboardQuarantines": {environments, nil, environment(ok)},
	"quarantinePlayer":           {environments, body(object{"reason": "a wallhack"}), environment(ok)},
	"releasePlayer":              {environments, nil, environment(gone)},
	"listQuarantines":            {environments, nil, environment(ok)},
	"getConfig":                  {nothing, nil, always(ok)},
	"getConfigBundleLink":        {nothing, readsBundle, athome(ok, noBundle)},
	"getConfigManifest":          {nothing, nil, always(ok)},
	"getConfigBundle":            {nothing, readsBundle, athome(ok, noBundle)},
	"downloadBundle":             {environments, nil, environment(ok)},
	"listBundles":                {environments, nil, environment(ok)},
	"uploadBundle":               {environments, uploads, environment(created)},
	"getBundle":                  {environments, nil, environment(ok)},
	"listConfigs":                {environments, nil, environment(ok)},
	"inspectConfig":              {environments, nil, environment(ok)},
	"putConfig":                  {environments, body(object{"readers": "public"}), environment(ok)},
	"deleteConfig":               {environments, nil, environment(unconfirmed)},
	"listReleases":               {environments, nil, environment(ok)},
	"getRelease":                 {environments, nil, environment(ok)},
	"activateRelease":            {environments, releases, environment(created)},
	"compareReleases":            {environments, comparesWithStaging, wholeProject(ok)},
	"promoteConfig":              {environments, body(object{"from": "staging"}), wholeProject(created)},
	"rollbackConfig":             {environments, body(object{"to": 1}), environment(created)},

	"listProjects":      {nothing, nil, always(ok)},
	"getProject":        {projects, nil, project(ok)},
	"deleteProject":     {projects, nil, wholeProject(unconfirmed)},
	"listEnvironments":  {projects, nil, project(ok)},
	"createEnvironment": {projects, makesEnvironment, wholeProject(created)},
	"getEnvironment":    {environments, nil, environment(ok)},
	"editEnvironment":   {environments, body(object{"name": "Development"}), environment(ok)},
	"deleteEnvironment": {environments, nil, wholeProject(unconfirmed)},

	"listKeys":         {environments, nil, environment(ok)},
	"createKey":        {environments, body(object{"kind": "publishable_key", "name": "another"}), environment(created)},
	"revokeKey":        {keys, makesKey(home), environment(gone)},
	"listProjectKeys":  {projects, nil, wholeProject(ok)},
	"createProjectKey": {projects, makesOwnScope, wholeProject(created)},
	"revokeProjectKey": {projectKeys, makesKey(place{project: home.project}), wholeProject(gone)},
	"listSigningKeys":  {environments, nil, environment(ok)},
	"rotateSigningKey": {environments, body(object{}), environment(created)},
	"listAudit":        {environments, nil, environment(ok)},
	"listProjectAudit": {projects, nil, wholeProject(ok)},

	"listCollections":       {environments, nil, environment(ok)},
	"getCollection":         {environments, declared(nil), environment(ok)},
	"putCollection":         {environments, declared(object{"read": "public"}), environment(ok)},
	"deleteCollection":      {environments, declared(nil), environment(gone)},
	"rewindPlayerDocuments": {environments, body(object{"at": "2026-01-01T00:00:00Z", "preview": true}), environment(ok)},
	"checkCollection":       {environments, body(object{"schema": object{}}), environment(ok)},
}

var unconfirmed = answer{http.StatusUnprocessableEntity, "tenancy.not_confirmed"}

// What requests name.

func nothing(*isolation) []target { return []target{{name: "nothing", exists: true}} }

func keySets(i *isolation) []target {
	all := []target{{name: "no environment", vars: map[string]string{"environment_id": newID()}}}
	for at, id := range i.ids {
		all = append(all, target{name: at.String(), vars: map[string]string{"environment_id": id}, exists: true})
	}
	return all
}

func players(i *isolation) []target {
	on := func(name, player string, exists bool) target {
		return target{name, map[string]string{"player": player, "collection": "saves", "key": "one", "leaderboard": homeBoard, "season": "1"}, exists}
	}
	return []target{on("the home player", i.owner.player, true), on("no player", newID(), false)}
}

func documents(*isolation) []target {
	return []target{{"the home document", map[string]string{"collection": "rules", "key": "one"}, true}}
}

// revised and revisedShared name a version that atLatest replaces.
func revised(i *isolation) []target {
	all := players(i)
	for _, one := range all {
		one.vars["version"] = "0"
	}
	return all
}

func revisedShared(i *isolation) []target {
	all := documents(i)
	all[0].vars["version"] = "0"
	return all
}

// documentsEverywhere: each environment has one of this name, of its own.
func documentsEverywhere(*isolation) []target {
	return []target{{"a document of every environment", map[string]string{"collection": "rules", "key": everywhereKey}, true}}
}

const everywhereKey = "everywhere"

// homeBoard is a leaderboard of the home environment alone.
const homeBoard = "laps"

var boardDefinition = object{"submitters": "player", "metadata_bytes": 100}

func boards(i *isolation) []target {
	on := func(name, board string, exists bool) target {
		return target{name, map[string]string{"leaderboard": board, "player": i.owner.player, "season": "1"}, exists}
	}
	return []target{on("the home leaderboard", homeBoard, true), on("no leaderboard", "nowhere", false)}
}

// submits carries the player that servers must name and players may not.
func submits(_ *testing.T, i *isolation, c caller, _ target, r *request) {
	r.body = object{"score": 1}
	if c.kind != tenancy.PlayerToken {
		r.body = object{"player": i.owner.player, "score": 1}
	}
}

func submitsMany(_ *testing.T, i *isolation, _ caller, _ target, r *request) {
	r.body = object{"runs": []object{{"player": i.owner.player, "score": 1}}}
}

// resubmits makes what a removal before this one may have removed.
func resubmits(t *testing.T, i *isolation, _ caller, _ target, _ *request) {
	i.enters(t)
}

// removes has something to restore.
func removes(t *testing.T, i *isolation, _ caller, _ target, _ *request) {
	i.enters(t)
	i.server().Do(t, "DELETE", "/v1/leaderboards/"+homeBoard+"/standings/"+i.owner.player, nil).Want(t, http.StatusNoContent)
}

// seesRewards: players see their own; there are none of other environments' players.
func seesRewards(i *isolation, c caller, on target) answer {
	if c.kind == tenancy.PlayerToken && c.player != on.vars["player"] {
		return answer{http.StatusForbidden, "ranking.rewards_denied"}
	}
	return ok
}

func claims(i *isolation, c caller, on target) answer {
	if seen := seesRewards(i, c, on); seen != ok {
		return seen
	}
	return answer{http.StatusNotFound, "ranking.reward_not_found"}
}

// enters gives the home player a place.
func (i *isolation) enters(t *testing.T) {
	t.Helper()
	i.server().Do(t, "POST", "/v1/leaderboards/"+homeBoard+"/scores", object{"player": i.owner.player, "score": 1}).Want(t, http.StatusOK)
}

var boardsMade atomic.Int64

func makesBoard(_ *testing.T, _ *isolation, _ caller, _ target, r *request) {
	r.body = object{"id": fmt.Sprintf("board-%d", boardsMade.Add(1))}
}

func asksForSchedule(_ *testing.T, _ *isolation, _ caller, _ target, r *request) {
	r.path += "?cron=0+5+*+*+1&time_zone=Europe/Berlin"
}

// closesSeason names the season that is open.
func closesSeason(t *testing.T, i *isolation, _ caller, _ target, r *request) {
	var shown struct {
		Current struct {
			Season int `json:"season"`
		} `json:"current_season"`
	}
	i.operator().Do(t, "GET", "/v1/projects/"+home.project+"/environments/"+home.environment+"/leaderboards/"+homeBoard, nil).Want(t, http.StatusOK).Into(t, &shown)
	r.body = object{"closes": shown.Current.Season}
}

var noBundle = answer{http.StatusNotFound, "config.bundle_not_found"}

// readsBundle reads the one that home releases.
func readsBundle(_ *testing.T, i *isolation, _ caller, _ target, r *request) {
	r.path += "?config=" + homeConfig + "&sha256=" + i.bundle
}

// comparesWithStaging reaches over to another environment of the project.
func comparesWithStaging(_ *testing.T, _ *isolation, _ caller, _ target, r *request) {
	r.path += "?from_environment=staging"
}

// uploads sends a bundle that nobody has.
func uploads(_ *testing.T, _ *isolation, _ caller, _ target, r *request) {
	r.body = object{"by": newID()}
}

// releases releases the bundle that home has.
func releases(_ *testing.T, i *isolation, _ caller, _ target, r *request) {
	r.body = object{"bundle": i.bundle}
}

// seesBoard: a leaderboard of another environment is as one that is nowhere.
func seesBoard(_ *isolation, c caller, on target) answer {
	if c.at == home && on.exists {
		return ok
	}
	return noBoard
}

// homeArena is a game server of the home environment alone.
const homeArena = "arena"

func arenas(i *isolation) []target {
	on := func(name, server string, exists bool) target {
		return target{name, map[string]string{"server": server, "player": i.owner.player}, exists}
	}
	return []target{on("the home server", homeArena, true), on("no server", "nowhere", false)}
}

// opens registers the home server anew and gives its generation.
func (i *isolation) opens(t *testing.T) int64 {
	t.Helper()
	var shown struct {
		Generation int64 `json:"generation"`
	}
	body := object{"server_id": homeArena, "address": object{"host": "192.0.2.7", "ports": object{"game": 7777}}, "max_players": 1000, "map": "canyon"}
	i.server().Do(t, "POST", "/v1/servers", body).Want(t, http.StatusCreated).Into(t, &shown)
	return shown.Generation
}

func revives(t *testing.T, i *isolation, _ caller, _ target, r *request) {
	i.opens(t)
	if strings.HasSuffix(r.path, "/drain") {
		r.body = object{}
	}
}

// shows makes sure that the home server is in the picture that reads are answered from.
func shows(t *testing.T, i *isolation, c caller, on target, _ *request) {
	if c.at != home || !on.exists {
		return
	}
	i.opens(t)
	harness.Eventually(t, 30*time.Second, "home server in the picture", func() bool {
		return i.server().Do(t, "GET", "/v1/servers/"+homeArena, nil).Status == http.StatusOK
	})
}

func beats(t *testing.T, i *isolation, _ caller, _ target, r *request) {
	r.body = object{"generation": i.opens(t)}
}

func leaves(t *testing.T, i *isolation, _ caller, _ target, r *request) {
	r.path = fmt.Sprintf("%s?generation=%d", r.path, i.opens(t))
}

// reserves names the player that servers and operators must name.
func reserves(t *testing.T, i *isolation, c caller, _ target, r *request) {
	i.opens(t)
	r.body = object{}
	if c.kind != tenancy.PlayerToken {
		r.body = object{"player": i.owner.player}
	}
}

func admits(t *testing.T, i *isolation, _ caller, _ target, r *request) {
	r.body = object{"generation": i.opens(t), "player": i.owner.player}
}

// departs seats the player who is to leave.
func departs(t *testing.T, i *isolation, _ caller, _ target, r *request) {
	generation := i.opens(t)
	i.server().Do(t, "POST", "/v1/servers/"+homeArena+"/players", object{"generation": generation, "player": i.owner.player}).Want(t, http.StatusOK)
	r.path = fmt.Sprintf("%s?generation=%d", r.path, generation)
}

// allocates asks for the map of the home server alone.
func allocates(t *testing.T, i *isolation, c caller, on target, r *request) {
	shows(t, i, caller{at: home}, on, r)
	r.body = object{"players": []string{i.owner.player}, "filter": object{"map": "canyon"}}
}

func announces(_ *testing.T, _ *isolation, _ caller, _ target, r *request) {
	r.body = object{"server_id": "everywhere", "address": object{"host": "192.0.2.8", "ports": object{"game": 7777}}, "max_players": 16}
}

var (
	noArena = answer{http.StatusNotFound, "registry.server_not_found"}
	closed  = answer{http.StatusForbidden, "registry.browsing_closed"}
)

func looksAround(_ *isolation, c caller, _ target) answer {
	if c.kind == tenancy.PublishableKey {
		return closed
	}
	return ok
}

// seesArena: a server of another environment is as one that is nowhere.
func seesArena(i *isolation, c caller, on target) answer {
	if seen := looksAround(i, c, on); seen != ok {
		return seen
	}
	return changesArena(ok)(i, c, on)
}

func changesArena(done answer) func(*isolation, caller, target) answer {
	return func(_ *isolation, c caller, on target) answer {
		if c.at == home && on.exists {
			return done
		}
		return noArena
	}
}

func removesStanding(i *isolation, c caller, on target) answer {
	if seen := seesBoard(i, c, on); seen != ok {
		return seen
	}
	return gone
}

func problems(*isolation) []target {
	return []target{{"a problem", map[string]string{"code": "auth.scope_required"}, true}}
}

func projects(*isolation) []target {
	return []target{
		{"the home project", map[string]string{"project": home.project}, true},
		{"no project", map[string]string{"project": "nowhere"}, false},
	}
}

func environments(i *isolation) []target {
	on := func(name, project, environment string, exists bool) target {
		// No test ends as many seasons as that: whether there is an archive would be a matter of time.
		vars := map[string]string{"season": "99999", "project": project, "environment": environment, "key": newID(), "player": i.owner.player, "session": newID(), "collection": "badges", "leaderboard": homeBoard, "server": homeArena, "config": homeConfig, "sha256": i.bundle, "release": "1"}
		return target{name, vars, exists}
	}
	return []target{
		on("the home environment", home.project, home.environment, true),
		on("no environment", home.project, "nowhere", false),
		on("no project", "nowhere", home.environment, false),
	}
}

func keys(i *isolation) []target        { return environments(i)[:1] }
func projectKeys(i *isolation) []target { return []target{withKey(projects(i)[0])} }

func withKey(t target) target {
	t.vars["key"] = newID()
	return t
}

// What requests carry, and what must be there before them.

func body(content object) func(*testing.T, *isolation, caller, target, *request) {
	return func(_ *testing.T, _ *isolation, _ caller, _ target, r *request) { r.body = content }
}

// writes signs with where the writer belongs, which newIsolation's last check reads.
func writes(_ *testing.T, _ *isolation, c caller, _ target, r *request) {
	r.body = object{"value": object{"by": c.at.String()}}
}

func patches(_ *testing.T, _ *isolation, c caller, _ target, r *request) {
	r.body, r.header = object{"by": c.at.String()}, []string{"Content-Type", "application/merge-patch+json"}
}

func batches(_ *testing.T, _ *isolation, c caller, on target, r *request) {
	r.body = object{"operations": []object{{"collection": on.vars["collection"], "key": on.vars["key"], "put": object{"value": object{"by": c.at.String()}}}}}
}

func counts(_ *testing.T, _ *isolation, _ caller, _ target, r *request) {
	r.body = object{"increments": []object{{"path": "/counted", "by": 1}}}
}

// restores makes what a delete before this one may have deleted.
func restores(t *testing.T, i *isolation, _ caller, _ target, _ *request) {
	content := object{"value": object{"by": home.String()}}
	i.server().Do(t, "PUT", "/v1/players/"+i.owner.player+"/documents/saves/one", content).Want(t, 200, 201)
	i.server().Do(t, "PUT", "/v1/documents/rules/one", content).Want(t, 200, 201)
}

func newDevice(_ *testing.T, _ *isolation, _ caller, _ target, r *request) {
	r.body = object{"device_secret": newID() + newID()}
}

func asksForCode(_ *testing.T, _ *isolation, _ caller, _ target, r *request) {
	r.body = credentials(newID()+"@example.com", password)
}

// verifies proves an address that was registered at home.
func verifies(t *testing.T, i *isolation, _ caller, _ target, r *request) {
	_, r.body = i.registers(t)
}

func (i *isolation) registers(t *testing.T) (address string, proof object) {
	address = newID() + "@example.com"
	ticket := ask(t, i.game(), "/v1/auth/email/register", credentials(address, password))
	return address, object{"ticket": ticket, "code": harness.Mailed(t, address, harness.WithCode(), i.replicas()...).Code()}
}

func (i *isolation) signsUp(t *testing.T) (address, code string) {
	address, proof := i.registers(t)
	i.game().Do(t, "POST", "/v1/auth/email/verify", proof).Want(t, http.StatusCreated)
	return address, proof["code"].(string)
}

func resets(t *testing.T, i *isolation, _ caller, _ target, r *request) {
	address, used := i.signsUp(t)
	ticket := ask(t, i.game(), "/v1/auth/email/reset", object{"email": address})
	code := harness.Mailed(t, address, harness.WithCode(used), i.replicas()...).Code()
	r.body = object{"ticket": ticket, "code": code, "password": "another horse"}
}

func signsInByEmail(t *testing.T, i *isolation, _ caller, _ target, r *request) {
	address, _ := i.signsUp(t)
	r.body = credentials(address, password)
}

// atLatest writes the document and names the version that made: earlier ones
// are kept for a while only.
func atLatest(t *testing.T, i *isolation, _ caller, on target, r *request) {
	path := "/v1/documents/rules/one"
	if on.vars["player"] != "" {
		path = "/v1/players/" + i.owner.player + "/documents/saves/one"
	}
	d := i.server().Do(t, "PUT", path, object{"value": object{"by": home.String()}}).Want(t, 200, 201).Document(t)
	r.path = strings.Replace(r.path, "/revisions/0", fmt.Sprintf("/revisions/%d", d.Version), 1)
}

func refreshes(t *testing.T, i *isolation, _ caller, _ target, r *request) {
	r.body = object{"refresh_token": i.game().Guest(t).RefreshToken}
}

// logsOut ends a session made for it, of another player of the same place.
func logsOut(t *testing.T, i *isolation, c caller, _ target, r *request) {
	if c.kind == tenancy.PlayerToken {
		r.token = i.first.Client(i.games[c.at]).Guest(t).AccessToken
	}
}

func sessions(*isolation) []target {
	return []target{{"a session", map[string]string{"session": newID()}, true}}
}

// endsAnothers names a live session of another player at home.
func endsAnothers(t *testing.T, i *isolation, _ caller, _ target, r *request) {
	r.path = "/v1/players/me/sessions/" + i.game().Guest(t).SessionID
}

// revokesGuest spares the player whom all other cases name.
func revokesGuest(t *testing.T, i *isolation, _ caller, _ target, r *request) {
	r.path = strings.ReplaceAll(r.path, i.owner.player, i.game().Guest(t).PlayerID)
}

func bansGuest(t *testing.T, i *isolation, c caller, on target, r *request) {
	revokesGuest(t, i, c, on, r)
	r.body = object{"reason": "cheating"}
}

// declared makes sure that home's collection is declared, and sends the content.
func declared(content any) func(*testing.T, *isolation, caller, target, *request) {
	return func(t *testing.T, i *isolation, _ caller, on target, r *request) {
		path := "/v1/projects/" + home.project + "/environments/" + home.environment + "/collections/" + on.vars["collection"]
		i.operator().Do(t, "PUT", path, object{}).Want(t, http.StatusOK, http.StatusCreated)
		r.body = content
	}
}

var environmentsMade atomic.Int64

func makesEnvironment(_ *testing.T, _ *isolation, _ caller, _ target, r *request) {
	r.body = object{"slug": fmt.Sprintf("extra-%d", environmentsMade.Add(1))}
}

func makesKey(at place) func(*testing.T, *isolation, caller, target, *request) {
	return func(t *testing.T, i *isolation, _ caller, _ target, r *request) {
		key := i.operator().Key(t, at.project, at.environment, object{"kind": "secret_key", "name": "brief", "scopes": []string{"audit:read"}})
		r.path = harness.KeysPath(at.project, at.environment) + "/" + key.ID
	}
}

// makesOwnScope asks for no more than the caller holds.
func makesOwnScope(_ *testing.T, _ *isolation, c caller, _ target, r *request) {
	scope := string(c.only)
	if scope == "" {
		scope = "*"
	}
	r.body = object{"kind": "secret_key", "name": "another", "scopes": []string{scope}}
}

// What callers get whom the audience let in.

type answers = func(i *isolation, c caller, on target) answer

func always(a answer) answers { return func(*isolation, caller, target) answer { return a } }

func athome(here, elsewhere answer) answers {
	return func(_ *isolation, c caller, _ target) answer {
		if c.at == home {
			return here
		}
		return elsewhere
	}
}

func keySet(_ *isolation, _ caller, on target) answer {
	if on.exists {
		return ok
	}
	return answer{http.StatusNotFound, "tenancy.environment_not_found"}
}

func refreshed(i *isolation, c caller, on target) answer {
	return athome(ok, answer{http.StatusUnauthorized, "identity.invalid_refresh_token"})(i, c, on)
}

func seesPlayer(_ *isolation, c caller, on target) answer {
	if c.at == home && on.exists {
		return ok
	}
	return noPlayer
}

// editsPlayer: players edit themselves, and learn nothing of others.
func editsPlayer(i *isolation, c caller, on target) answer {
	if c.player == on.vars["player"] {
		return ok
	}
	return answer{http.StatusForbidden, "identity.not_yours"}
}

func readsDocument(i *isolation, c caller, on target) answer {
	if c.at == home && on.exists && (c.kind != tenancy.PlayerToken || c.player == i.owner.player) {
		return ok
	}
	return noFile
}

// changesDocument is what who may not write gets, and, of those who may, who names nobody.
func changesDocument(done answer) answers {
	return func(i *isolation, c caller, on target) answer {
		switch {
		case c.kind == tenancy.PlayerToken && (c.player != i.owner.player || !on.exists):
			return noWrite
		case c.at != home || !on.exists:
			return noPlayer
		}
		return done
	}
}

// readsSharedHistory is for no player.
func readsSharedHistory(i *isolation, c caller, on target) answer {
	if c.kind == tenancy.PlayerToken {
		return noFile
	}
	return athome(ok, noFile)(i, c, on)
}

func writesDocument(i *isolation, c caller, on target) answer {
	return changesDocument(ok)(i, c, on)
}

func deletesDocument(i *isolation, c caller, on target) answer {
	return changesDocument(gone)(i, c, on)
}

// listsDocuments: who has nothing there lists nothing, wherever it is.
func listsDocuments(*isolation, caller, target) answer { return ok }

// writesShared: elsewhere a shared document of that name is another, of the
// caller's own environment.
func writesShared(_ *isolation, c caller, _ target) answer {
	if c.kind == tenancy.PlayerToken {
		return noWrite
	}
	return ok
}

func deletesShared(i *isolation, c caller, on target) answer {
	if c.kind == tenancy.PlayerToken {
		return noWrite
	}
	return athome(gone, noFile)(i, c, on)
}

// project is for every key of the project.
func project(done answer) answers {
	return func(_ *isolation, c caller, on target) answer {
		if c.at.project != home.project || !on.exists {
			return foreign
		}
		return done
	}
}

// wholeProject is for keys of the whole project.
func wholeProject(done answer) answers {
	return func(i *isolation, c caller, on target) answer {
		if c.at.environment != "" {
			return foreign
		}
		return environment(done)(i, c, on)
	}
}

// environment is for keys of the environment, and of the whole project.
func environment(done answer) answers {
	return func(i *isolation, c caller, on target) answer {
		switch {
		case c.at.project != home.project, on.vars["project"] != home.project, c.at.environment != "" && c.at != home:
			return foreign
		case !on.exists && c.at.environment == "":
			return answer{http.StatusNotFound, "tenancy.environment_not_found"}
		case !on.exists:
			return foreign
		}
		return done
	}
}
