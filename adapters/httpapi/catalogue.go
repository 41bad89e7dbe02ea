package httpapi

import "github.com/overworldhq/overworld/domain/fault"

// entry explains a code to who met it: the page at /problems/<code>.
type entry struct {
	Kind     fault.Kind
	Title    string
	Happened string
	Do       string
}

// catalogue explains every code there is; a test compares it with the source.
var catalogue = map[string]entry{
	"request.unknown_route": {
		fault.NotFound, "Nothing at this path",
		"No route has this path. Paths are exact: no slash at the end, no doubled slash, no encoded slash within a name.",
		"Compare the path with the reference at /docs.",
	},
	"request.method_not_allowed": {
		fault.NotFound, "Method not known here",
		"The path exists, but not with this method.",
		"Use one of the methods that the Allow header of the reply lists.",
	},
	"request.malformed_json": {
		fault.Malformed, "Body is not JSON",
		"The body is missing where one is needed, is cut off, is not UTF-8, nests too deep, goes on after its end, gives a member twice, or breaks JSON's grammar. The entry under errors says which and where.",
		"Send one JSON object that a strict parser accepts. GET /v1/limits tells how deep it may nest.",
	},
	"request.malformed_parameter": {
		fault.Malformed, "Parameter not understood",
		"A parameter of the path, the query or a header has no meaning here: it is of the wrong form, given twice, or not one that the route knows. Each is listed under errors, with in saying where it stands.",
		"Mend what is listed. Parameters that a route doesn't know are refused so that a typing mistake is not silently ignored.",
	},
	"request.invalid_cursor": {
		fault.Malformed, "Cursor of another query",
		"The cursor was not given by this query: by this route, with these parameters, to this caller.",
		"Pass next_cursor on unchanged, with the other parameters as they were; or begin again without a cursor.",
	},
	"request.invalid": {
		fault.Invalid, "Request breaks a rule",
		"The request could be read, but some of its members are unknown, missing, of the wrong type, or outside what is allowed. Each is listed under errors with a JSON pointer.",
		"Mend every member that is listed and send the request again.",
	},
	"request.too_large": {
		fault.TooLarge, "Body too large",
		"The body is larger than this server accepts.",
		"Send less: GET /v1/limits tells body_bytes.",
	},
	"request.unsupported_media_type": {
		fault.Unsupported, "Media type not accepted",
		"The body's Content-Type is not one that this route reads, or not in UTF-8, or the body is compressed.",
		"Set the Content-Type that the detail names, application/json nearly everywhere, and send the body as it is.",
	},
	"request.origin_not_allowed": {
		fault.Forbidden, "Web origin not listed",
		"The request has the Origin of a web page, and the environment of its credential doesn't list that origin. Keys of a whole project are for no page at all.",
		"If the page is yours, add its origin (such as https://play.example.com) to cors_origins in the environment's settings.",
	},
	"request.unknown_problem": {
		fault.NotFound, "No such problem",
		"A page about a problem was asked for whose code this version doesn't have.",
		"See the list of codes at /problems.",
	},
	"request.range_not_satisfiable": {
		fault.Invalid, "Range not satisfiable",
		"The Range header asks for bytes past the end of the content.",
		"Ask for bytes before the size that Content-Range tells, or for all of them.",
	},
	"request.cut_off": {
		fault.Malformed, "Body cut off",
		"The connection ended before all bytes of the body had come. Nothing was kept of it.",
		"Send it again.",
	},
	"config.malformed_name": {
		fault.Invalid, "Malformed name of a config",
		"A config was to be made whose name is not 1 to 64 lower-case letters, digits and single hyphens, beginning with a letter.",
		"Choose another name.",
	},
	"config.not_found": {
		fault.NotFound, "No such config",
		"The environment has no config of this name, or none that the caller may read.",
		"List the configs; a config is made by its declaration or its first release.",
	},
	"config.version_mismatch": {
		fault.Stale, "Config changed meanwhile",
		"If-Match or If-None-Match named another version of the config than there is. Nothing was changed.",
		"Look at current in the reply, decide again, and send the ETag that it has.",
	},
	"config.too_many": {
		fault.Conflict, "Too many configs",
		"The environment has as many configs as GET /v1/limits allows.",
		"Delete one that is of no use any more, or have limits.configs raised.",
	},
	"config.release_not_found": {
		fault.NotFound, "No such release",
		"The config has no release of this number, or it is so old that it isn't kept.",
		"List the releases. GET /v1/limits tells how many are kept.",
	},
	"config.bundle_not_found": {
		fault.NotFound, "No such bundle",
		"The environment has no bundle of this hash, or no release of the config has it, or the caller may not read that config.",
		"Read GET /v1/config again and follow the url that it gives.",
	},
	"config.bundle_missing": {
		fault.Invalid, "Bundle not uploaded",
		"A release names a bundle that the environment doesn't have.",
		"Upload it to this environment first.",
	},
	"config.bundle_too_large": {
		fault.TooLarge, "Bundle too large",
		"The bundle has more bytes than this server accepts. Nothing was kept of it.",
		"Make it smaller, or have limits.bundle_bytes raised.",
	},
	"config.bundle_empty": {
		fault.Invalid, "Empty bundle",
		"The body of the upload has no bytes.",
		"Send the bundle's bytes as the body.",
	},
	"config.content_type": {
		fault.Unsupported, "Content-Type of no bundle",
		"The Content-Type of the upload is not a media type, or is longer than 100 bytes, or is that of a form, which tools send that were told of none; or the body has a Content-Encoding.",
		"Send a Content-Type such as application/json, and the bytes as they are to be stored.",
	},
	"config.other_content_type": {
		fault.Conflict, "Bundle of another content type",
		"The environment has a bundle of exactly these bytes, of another content type. A bundle never changes.",
		"Upload it with the content type that it has, or with other bytes.",
	},
	"config.not_json": {
		fault.Invalid, "Bundle is not JSON",
		"A bundle was uploaded as application/json that is not JSON, or not safely so: the entry under errors says where.",
		"Mend the file, or upload it with another Content-Type.",
	},
	"config.schema_violation": {
		fault.Invalid, "Bundle breaks the schema",
		"A bundle of the release breaks the JSON Schema of its config. Each fault is listed under errors, with a pointer into the bundle. Nothing was changed.",
		"Mend the bundle and upload it, or change the schema first.",
	},
	"config.not_checkable": {
		fault.Invalid, "Bundle of no checkable kind",
		"The config has a schema, and the bundle is not application/json, or larger than config_value_bytes of GET /v1/limits.",
		"Make it smaller, or take the schema back.",
	},
	"config.nothing_to_promote": {
		fault.Conflict, "Nothing to promote",
		"The release that is to be promoted has no bundle that everyone gets, or not the one that was named, so there is nothing to release for everyone.",
		"Name one of its bundles in bundle, or take all its rules along with rules.",
	},
	"config.wider_readers": {
		fault.Conflict, "More readers here",
		"The config has readers in the environment that it is promoted to who may not read it in the one that it is promoted from: nothing is opened to them by the way.",
		"Declare the same readers in both environments, then promote.",
	},
	"config.nothing_before": {
		fault.Conflict, "Nothing to go back to",
		"There is no release before this one, or it isn't kept any more.",
		"Release the bundle that is wanted.",
	},
	"config.many_polls": {
		fault.TooMany, "Too many polls of one caller",
		"As many long polls of this player, or with a publishable key of this address, wait at this replica as player_polls or address_polls of GET /v1/limits allows.",
		"Keep one poll a player. Wait as long as Retry-After says and poll again, or read without wait= meanwhile. If many play at one address before they sign in, have limits.address_polls raised.",
	},
	"config.too_many_waiting": {
		fault.Unavailable, "Too many wait for a change",
		"As many long polls of GET /v1/config wait at this replica as waiting_polls of GET /v1/limits allows, or of this environment as leave the others room: four times what is free.",
		"Wait as long as Retry-After says and poll again, or read without wait= meanwhile. If it lasts, add replicas, or have limits.waiting_polls and limits.connections raised.",
	},
	"config.bundle_damaged": {
		fault.Unavailable, "Bundle damaged",
		"The object store has no longer the bytes that were stored for this bundle: its hash or its size is another, or it is gone. What is damaged is never served.",
		"Restore the object, which the log names, from a backup of the object store.",
	},
	"idempotency.malformed_key": {
		fault.Malformed, "Malformed Idempotency-Key",
		"The Idempotency-Key is empty, longer than 255 bytes, not of printable ASCII characters, or there are several.",
		"Send one key that names this one intent, such as a random UUID.",
	},
	"idempotency.mismatch": {
		fault.Invalid, "Idempotency-Key of another request",
		"Within the last 24 hours this caller used the key for a request with another method, path, query, precondition or body.",
		"Choose a new key for each new intent, and send the same request again only under its own.",
	},
	"idempotency.in_progress": {
		fault.Conflict, "Same request in progress",
		"A request with this Idempotency-Key is being worked on at this moment.",
		"Wait as long as Retry-After says, then send it again: it gets the same answer.",
	},
	"idempotency.taken": {
		fault.Conflict, "Idempotency-Key just used",
		"Another server was faster with a request under this Idempotency-Key.",
		"Send the request again: it gets the answer of the one that was faster.",
	},
	"idempotency.not_found": {
		fault.NotFound, "Nothing answered under this key",
		"No answer is remembered under this Idempotency-Key.",
		"Send the request itself.",
	},
	"idempotency.secret_required": {
		fault.Invalid, "Idempotency-Key without a secret",
		"A guest's sign-in has an Idempotency-Key and no device secret. All players share the publishable key, so two who chose the same key would become one player.",
		"Make a secret of at least 128 random bits on the device, store it, and send it as device_secret.",
	},
	"service.internal": {
		fault.Internal, "Something went wrong on our side",
		"A fault in the server kept it from answering. Nothing about the request needs to change.",
		"Try again later. If it stays, give the request_id to whoever runs the server: it finds the cause in the logs.",
	},
	"service.unavailable": {
		fault.Unavailable, "A part is away",
		"The database, or another part that this request needs, can't be reached right now.",
		"Wait as long as Retry-After says and send the same request again.",
	},
	"service.busy": {
		fault.Unavailable, "Too much waits already",
		"More writes are waiting than the server lets wait, and this one was turned away. It changed nothing.",
		"Wait as long as Retry-After says and send the same request again.",
	},
	"service.overloaded": {
		fault.Unavailable, "Overloaded",
		"The server already serves as many requests as it lets in at once, and as many wait as it lets wait. This one was turned away before anything was done about it.",
		"Wait as long as Retry-After says, and a little more each time, and send the same request again.",
	},
	"service.timeout": {
		fault.Timeout, "Took too long",
		"The request, or the sending of its body, took longer than a request may. Whether a write took effect is not known.",
		"Read the state before writing again, or write with If-Match. GET /v1/limits tells request_seconds.",
	},
	"limits.too_many_requests": {
		fault.TooMany, "Too many requests",
		"The caller, or the address it calls from, is over the rate of this class of routes. The request was not looked at.",
		"Wait as long as Retry-After says. The RateLimit headers of every reply tell what is left, and GET /v1/limits what there is.",
	},
	"auth.credential_required": {
		fault.Unauthenticated, "No credential",
		"The route needs a credential and the request has none, or has several.",
		"Send one header, Authorization: Bearer, with a key, a server token or a player's access token.",
	},
	"auth.invalid_credential": {
		fault.Unauthenticated, "Credential not good",
		"The credential is mistyped or cut off, was never one of this server, was revoked, or has expired.",
		"Compare it with where it is kept; if it ended, an operator makes another.",
	},
	"auth.invalid_access_token": {
		fault.Unauthenticated, "Access token not good",
		"The player's access token has expired, or was not issued by this environment.",
		"Refresh the session with its refresh token and use the new access token.",
	},
	"auth.network_not_allowed": {
		fault.Forbidden, "Not from this network",
		"The token is bound to networks, and the call came from outside them.",
		"Call from a network that the token names, or have a token made for this one. Behind a proxy, the server must be told to trust it.",
	},
	"auth.wrong_credential_kind": {
		fault.Forbidden, "Wrong kind of credential",
		"The credential is good, but the route is not for its kind: a publishable key only signs players in, a player's token never acts for a server, and so on.",
		"Use a credential of a kind that the route's entry at /docs lists.",
	},
	"auth.scope_required": {
		fault.Forbidden, "Scope missing",
		"The key or token lacks the scope that the detail names, or would grant a scope that it does not hold.",
		"Have a key made with that scope, by somebody who holds it.",
	},
	"tenancy.environment_required": {
		fault.Forbidden, "Key of a whole project",
		"Routes of the running game take their environment from the credential, and this key belongs to a whole project.",
		"Use a key of the environment you mean.",
	},
	"tenancy.wrong_environment": {
		fault.Forbidden, "Another environment or project",
		"The path names a project or environment that is not the credential's. The reply is the same whether it exists or not, and the attempt is in the audit log.",
		"Check the slugs in the path, and which environment the credential is from.",
	},
	"tenancy.project_not_found": {
		fault.NotFound, "No such project",
		"There is no project of this slug or id; it may have been deleted.",
		"List projects with GET /v1/projects.",
	},
	"tenancy.environment_not_found": {
		fault.NotFound, "No such environment",
		"There is no environment of this slug or id; it may have been deleted.",
		"List a project's environments with GET /v1/projects/{project}/environments.",
	},
	"tenancy.credential_not_found": {
		fault.NotFound, "No such key or token",
		"The environment or project of the path has no key of this id.",
		"List its keys. A project's own keys and those of its environments are separate lists.",
	},
	"tenancy.slug_taken": {
		fault.Conflict, "Slug in use",
		"Another project, or another environment of the project, has this slug.",
		"Choose another slug.",
	},
	"tenancy.too_many_environments": {
		fault.Conflict, "Too many environments",
		"The project has as many environments as a project can have.",
		"Delete one that is no longer used.",
	},
	"tenancy.not_confirmed": {
		fault.Invalid, "Deletion not confirmed",
		"Deleting takes the slug once more, and production data a second switch.",
		"Send ?confirm=<slug>, and production=true if that is meant.",
	},
	"tenancy.environment_stale": {
		fault.Stale, "Environment changed since",
		"The environment is no longer at the version that If-Match names. What it is now is under current.",
		"Apply the change to current and send it with the version from there.",
	},
	"identity.invalid_refresh_token": {
		fault.Unauthenticated, "Refresh token not good",
		"The refresh token is mistyped or cut off, or is not of the environment of the key.",
		"Sign in again.",
	},
	"identity.refresh_reused": {
		fault.Unauthenticated, "Refresh token used twice",
		"An old refresh token came back after its successor was used. Two clients hold the session, so it was ended for both.",
		"Sign in again. If it happens without a thief, two parts of the client are refreshing the same session: let one do it.",
	},
	"identity.session_ended": {
		fault.Unauthenticated, "Session has ended",
		"The session was logged out or revoked, or was not refreshed for too long.",
		"Sign in again.",
	},
	"identity.banned": {
		fault.Forbidden, "Player is banned",
		"An operator has banned the player. The member ban of the problem tells the reason, and until when if it ends by itself.",
		"Show the reason to the player. When until has passed, the session goes on or the player signs in again.",
	},
	"identity.handle_taken": {
		fault.Conflict, "Handle in use",
		"Another player of the environment has this handle, in one case or another.",
		"Choose another handle.",
	},
	"identity.profile_changed": {
		fault.Stale, "Profile changed since",
		"The profile is no longer at the version that If-Match names. What it is now is under current.",
		"Apply the change to current and send it with the version from there.",
	},
	"identity.not_yours": {
		fault.Forbidden, "Profile of another player",
		"Players edit their own profile and nobody else's.",
		"Send it to /v1/players/me.",
	},
	"identity.guest_sign_in_closed": {
		fault.Forbidden, "No guests here",
		"The environment's settings do not let guests sign in.",
		"Use another way to sign in, or have an operator turn guest_sign_in on.",
	},
	"identity.player_not_found": {
		fault.NotFound, "No such player",
		"The environment of the credential has no player of this id.",
		"Check the id, and that the credential is from the player's environment.",
	},
	"identity.session_not_found": {
		fault.NotFound, "No such session",
		"There is no session of this id; ended ones are forgotten after a while.",
		"Sign in again.",
	},
	"identity.login_taken": {
		fault.Conflict, "Login in use",
		"This way to sign in leads to another player already.",
		"Sign in with it instead, or choose another.",
	},
	"identity.email_sign_in_closed": {
		fault.Forbidden, "No e-mail sign-in here",
		"The environment's settings do not let players sign in with an e-mail address.",
		"Use another way to sign in, or have an operator turn email_sign_in on.",
	},
	"identity.wrong_credentials": {
		fault.Unauthenticated, "Wrong address or password",
		"No player of the environment has this e-mail address with this password. Which of the two is wrong is not told.",
		"Let the player type both again, or ask for a new password with POST /v1/auth/email/reset.",
	},
	"identity.wrong_code": {
		fault.Invalid, "Wrong code",
		"The code is not the one that was mailed for this ticket, or the ticket is unknown, has expired, was used, or took too many wrong codes.",
		"Let the player compare the code with the newest mail. If that doesn't help, ask for another code; the one before stays good with its own ticket.",
	},
	"identity.email_linked": {
		fault.Conflict, "Has an address already",
		"The player signs in by an e-mail address, and there can be one only.",
		"List the player's identities.",
	},
	"identity.busy": {
		fault.Unavailable, "Too many passwords at once",
		"Passwords are slow to check on purpose, few are checked at once, and too many requests wait for that already. Nothing was done.",
		"Send the same request again after Retry-After seconds.",
	},
	"identity.login_not_found": {
		fault.NotFound, "No such way to sign in",
		"The player has no such way to sign in.",
		"List the player's identities.",
	},
	"identity.ticket_not_found": {
		fault.NotFound, "No such ticket",
		"The ticket is unknown, has expired, or was used.",
		"Ask for another code.",
	},
	"mail.refused": {
		fault.Invalid, "Mail refused",
		"The mail server will never take this message.",
		"Nothing: it is given up. Check the address.",
	},
	"mail.claimed": {
		fault.Conflict, "Mail is being sent",
		"Another replica is sending this mail.",
		"Nothing: it does the work.",
	},
	"storage.document_not_found": {
		fault.NotFound, "No such document",
		"There is no document under this name, or the caller may not read it.",
		"Check the owner, collection and key. If-None-Match: * makes it only if there is none.",
	},
	"storage.revision_not_found": {
		fault.NotFound, "No such revision",
		"The document never had this version, it is too old to be kept, the caller may not read what it was then, or it was deleted by it and there is nothing to restore.",
		"List the revisions. GET /v1/limits tells how many are kept, document_revisions.",
	},
	"storage.write_denied": {
		fault.Forbidden, "Not yours to write",
		"Players write their own documents, and of these only such that have write set to owner. Shared documents are written by servers and operators.",
		"Write it from a game server with its own token.",
	},
	"storage.version_mismatch": {
		fault.Stale, "Document changed since",
		"The document is not in the state that If-Match or If-None-Match names. What it is now, if there is one that the caller may read, is under current.",
		"Merge your change into current.value and write it with If-Match set to current.version.",
	},
	"registry.server_not_found": {
		fault.NotFound, "No such server",
		"The environment of the credential has no game server with this id that is up. It may have ended, or not have been heard of for three heartbeats.",
		"Players: look for servers again. A server that gets this to a heartbeat was away for so long that its record was pruned: it should register again.",
	},
	"registry.superseded": {
		fault.Conflict, "Registered again by another process",
		"The generation is not the current one: another process has registered the same server id since. Nothing was changed.",
		"This process should end, or register under an id of its own. If it is the newest one, it should send the generation that its registration was answered with.",
	},
	"registry.deregistered": {
		fault.Conflict, "Registration ended",
		"This registration was ended, by the server itself or by an operator.",
		"Shut down, if that was meant. Registering again lists the server again, as a new generation.",
	},
	"registry.full": {
		fault.Conflict, "No seat free",
		"The server has fewer free seats than were asked for. Those that are promised to others and not taken yet are not free.",
		"Look for another server, or try again: a promised seat that is not taken is free after a minute.",
	},
	"registry.not_ready": {
		fault.Conflict, "No new seats here",
		"The server is starting, or draining: it takes nobody in.",
		"Look for another server.",
	},
	"registry.player_not_seated": {
		fault.NotFound, "Player has no seat here",
		"The player has neither taken a seat on this server nor been promised one, or has left already.",
		"Nothing has to be done.",
	},
	"registry.ticket_invalid": {
		fault.Invalid, "Not a ticket for this server",
		"The join ticket is forged or cut off, has expired, or is for another server or another generation of this one.",
		"Let nobody in with it. The player can reserve a seat again.",
	},
	"registry.ticket_used": {
		fault.Conflict, "Ticket was used",
		"The join ticket was good once: it has admitted its player already, or its seat was given up.",
		"Let nobody in with it. A player who comes back reserves again, and gets a new ticket for the same seat.",
	},
	"registry.none_available": {
		fault.Conflict, "No server available",
		"No ready server lets the filter through and has as many free seats as the party needs.",
		"Try again after a moment, ask for less, or start more servers.",
	},
	"registry.too_many_servers": {
		fault.Conflict, "Too many servers",
		"The environment has as many servers as it may, counting those that ended in the last minutes.",
		"Wait for dead ones to be pruned, or raise limits.servers.",
	},
	"registry.server_raced": {
		fault.Conflict, "Server changed meanwhile",
		"Another writer was first, again and again.",
		"Send the request again.",
	},
	"registry.browsing_closed": {
		fault.Forbidden, "Servers are not shown",
		"The environment's setting server_browsing keeps its game servers from this kind of caller.",
		"Sign in, if that is what is missing; or have an operator change the setting.",
	},
	"ranking.board_not_found": {
		fault.NotFound, "No such leaderboard",
		"The environment of the credential has no leaderboard with this id.",
		"Compare the id with the list of leaderboards. Each environment has its own.",
	},
	"ranking.board_exists": {
		fault.Conflict, "Leaderboard exists",
		"The environment has a leaderboard with this id already.",
		"Choose another id, or edit the one that is there.",
	},
	"ranking.board_going": {
		fault.Conflict, "Leaderboard is going",
		"A large leaderboard with this id was deleted. Its entries, seasons and rewards, which nobody sees any more, are deleted in batches, and until the last has gone its id can't be given again.",
		"Choose another id, or try again later: it takes a minute or two, and longer for one that had millions of entries.",
	},
	"ranking.board_version_mismatch": {
		fault.Stale, "Leaderboard changed since",
		"The leaderboard was edited since the version that If-Match names. What it is now is under current.",
		"Look at what changed, and send the edit again with If-Match set to current.version.",
	},
	"ranking.too_many_boards": {
		fault.Conflict, "Too many leaderboards",
		"The environment has as many leaderboards as it may have.",
		"Delete one that is no longer used. GET /v1/limits tells how many there may be.",
	},
	"ranking.season_not_found": {
		fault.NotFound, "No such season",
		"The leaderboard has no season with this number.",
		"List the leaderboard's seasons.",
	},
	"ranking.season_closed": {
		fault.Conflict, "Season closed before",
		"The season to be closed was closed already: by somebody else, or by a request of yours whose reply got lost.",
		"Read the leaderboard to see which season is open.",
	},
	"ranking.not_ranked": {
		fault.NotFound, "Not ranked",
		"The player has no place in this season: nothing was submitted, the entry was removed, or it is hidden.",
		"Submit a run first.",
	},
	"ranking.reward_not_found": {
		fault.NotFound, "No such reward",
		"The player won nothing in this season, or it has not ended, or its rewards are still being given, which takes some seconds.",
		"List the player's rewards.",
	},
	"ranking.reward_claimed": {
		fault.Conflict, "Reward claimed before",
		"Somebody claimed this reward already: another caller, or a request of yours whose reply got lost. It is under current.",
		"Don't hand it out again. With an Idempotency-Key, a repeated request gets the reply of the first.",
	},
	"ranking.rewards_denied": {
		fault.Forbidden, "Rewards of another player",
		"Players see and claim what they won themselves.",
		"Name yourself, as me.",
	},
	"ranking.award_not_found": {
		fault.NotFound, "No rewards in this season",
		"The season has no rewards to give.",
		"Define rewards before the season ends.",
	},
	"ranking.archive_not_found": {
		fault.NotFound, "Not archived yet",
		"The season is open, or ended a moment ago, or its standings are still being archived.",
		"Wait until the season's state is archived, which takes less than a minute from its end.",
	},
	"ranking.archive_damaged": {
		fault.Unavailable, "Archive damaged",
		"The object store has no longer what was stored as this season's archive: it is gone, or has other bytes. A large one that is read whole breaks off before its end.",
		"Bring the object back from a backup of the object store. The standings are still in the database.",
	},
	"ranking.not_removed": {
		fault.Conflict, "Nothing to bring back",
		"The player's entry in the open season was not removed, or he has submitted since, which began a new one.",
		"Read the player's standing. What was removed before a later run is gone.",
	},
	"ranking.not_quarantined": {
		fault.NotFound, "Not quarantined",
		"The player is not quarantined there.",
		"List the quarantines of the leaderboard, and those of all leaderboards.",
	},
	"ranking.submit_denied": {
		fault.Forbidden, "For game servers only",
		"The leaderboard takes runs from game servers and operators only.",
		"Submit from a game server with its own token, or let players submit by the leaderboard's submitters.",
	},
	"ranking.entry_raced": {
		fault.Conflict, "Another writer was first",
		"The entry was changed by another request at the same moment, again and again.",
		"Send the request again.",
	},
	"ranking.overflow": {
		fault.Invalid, "Sum out of range",
		"The leaderboard adds runs up, and this sum would leave the range of a 64-bit integer. Nothing was added.",
		"Submit smaller numbers.",
	},
	"ranking.warming": {
		fault.Unavailable, "Ranks are being built",
		"The index that ranks this season is being built from the database, and the database alone can't answer this question exactly and soon.",
		"Try again after the seconds that Retry-After names. Submitting works meanwhile.",
	},
	"storage.value_too_large": {
		fault.TooLarge, "Value too large",
		"The value, without its white space, is larger than a document may be, or than one of its collection may be.",
		"Split it over several documents: GET /v1/limits tells document_bytes, and an operator what the collection declares.",
	},
	"storage.batch_too_large": {
		fault.TooLarge, "Batch too large",
		"The documents of the batch, as they are and as it would leave them, add up to more bytes than one may handle. Nothing was changed.",
		"Send it in parts: GET /v1/limits tells batch_bytes.",
	},
	"storage.history_too_short": {
		fault.Conflict, "History too short",
		"What is kept of the document's history does not reach back to the moment, so what it was then is not known.",
		"Restore it from a revision that is kept, or to a later moment. GET /v1/limits tells how many are kept, document_revisions; a collection may declare more.",
	},
	"storage.schema_violation": {
		fault.Invalid, "Value breaks the schema",
		"An operator declared a JSON Schema for the collection, and the document would not satisfy it after this write. Each fault is listed under errors: of a PUT with a pointer into the body, else with in set to document and a pointer that begins with /value, into what the document would have become. The code names the schema's keyword. Nothing was changed.",
		"Mend what is listed. A document that broke the schema before can be mended by any write whose result satisfies it.",
	},
	"storage.collection_not_found": {
		fault.NotFound, "Nothing declared of this collection",
		"No operator declared anything of a collection of this name. Documents may be in it nonetheless.",
		"List what is declared with GET …/collections, or declare it with PUT.",
	},
	"storage.collection_changed": {
		fault.Stale, "Declaration changed since",
		"The declaration is not in the state that If-Match or If-None-Match names. What it is now, if there is one, is under current.",
		"Apply the change to current and send it with the version from there.",
	},
	"storage.too_many_collections": {
		fault.Conflict, "Too many collections declared",
		"The environment declares as many collections as it may.",
		"Delete a declaration that is no longer used, or raise the server's limit: GET /v1/limits tells collections.",
	},
	"schema.too_costly": {
		fault.TooLarge, "Schema takes too much work",
		"Judging the value by its collection's schema takes more work than the server spends on one value. Nothing was changed.",
		"Split the value over several documents; or have the schema made simpler: fewer alternatives and references within each other, shorter expressions.",
	},
	"storage.value_too_deep": {
		fault.Invalid, "Value nests too deep",
		"The write would put arrays and objects deeper within each other than a document may have them. Nothing was changed.",
		"Keep the value flatter: GET /v1/limits tells document_depth.",
	},
	"storage.patch_invalid": {
		fault.Invalid, "Patch malformed",
		"The patch could not be applied to any document: an operation is unknown, lacks a member, or has a malformed pointer. Each fault is listed under errors, with the place of the operation in its pointer.",
		"Mend what is listed. A JSON patch is an array of operations as in RFC 6902; a merge patch is an object as in RFC 7396.",
	},
	"storage.patch_test_failed": {
		fault.Conflict, "Test of the patch failed",
		"A test operation found another value than the one it names, so none of the operations took effect. The entry under errors says which.",
		"Read the document, make the patch anew from what it is now, and send that.",
	},
	"storage.patch_path_not_found": {
		fault.Conflict, "Nothing at the path",
		"A path or from leads to nothing in the document as it is: a member that isn't there, a parent that is no object or array, or an array index beyond the end or with other characters than its digits. Nothing was changed.",
		"Read the document and compare. To make a member, add its parent first; to append to an array, end the path with /-.",
	},
	"storage.patch_too_costly": {
		fault.TooLarge, "Patch does too much",
		"The operations copy, move and compare many times more than a document holds. Nothing was changed.",
		"Send the finished value with PUT and If-Match instead.",
	},
	"storage.increment_not_integer": {
		fault.Conflict, "Not an integer",
		"What is to be incremented is not a number, or one with a fraction or exponent, or beyond 64 bits. Nothing was changed.",
		"Write an integer there first; one that isn't there yet counts as 0.",
	},
	"storage.increment_overflow": {
		fault.Invalid, "Sum beyond 64 bits",
		"The sum would be beyond what 64 bits hold. Nothing was changed.",
		"Add less.",
	},
	"storage.increment_out_of_bounds": {
		fault.Conflict, "Sum outside the bounds",
		"The sum would be less than min or more than max, as the step itself sets them. Nothing was changed.",
		"This is how a purchase that the player can't pay for ends. If it should succeed, add less, or widen the bounds.",
	},
	"lease.lost": {
		fault.Conflict, "Another replica took over",
		"A background job was overtaken by another replica and changed nothing.",
		"Nothing: the other replica does the work.",
	},
	"datastore.schema": {
		fault.Unavailable, "Database of another version",
		"The database's schema is not the one that this version of the server knows.",
		"Whoever runs the server: run overworld migrate with this version.",
	},
	"datastore.closed": {
		fault.Unavailable, "Server is stopping",
		"The server is on its way down and has let go of its database.",
		"Send the same request again: another replica, or the next process, answers it.",
	},
	"datastore.contention": {
		fault.Unavailable, "Too many writers at once",
		"Too many requests changed the same thing at the same moment, and this one never got its turn. It changed nothing.",
		"Wait as long as Retry-After says and send the same request again.",
	},
	"datastore.in_use": {
		fault.Unavailable, "Data in use by another server",
		"A second server process was started on data that only one may use at a time.",
		"Whoever runs the server: stop the other process, or use PostgreSQL, which many can share.",
	},
	"blob.not_found": {
		fault.NotFound, "No such object",
		"The object store has nothing under this key.",
		"Check the key.",
	},
	"blob.size": {
		fault.Invalid, "Wrong number of bytes",
		"The content was longer or shorter than what was announced, and nothing of it was stored.",
		"Send as many bytes as you announce.",
	},
	"blob.range": {
		fault.Invalid, "Bytes out of range",
		"The object is shorter than the range that was asked for.",
		"Ask for bytes that the object has.",
	},
	"blob.malformed_key": {
		fault.Invalid, "Malformed object key",
		"No object can have this key.",
		"Use letters, digits and _ - . in segments with slashes between them.",
	},
}
