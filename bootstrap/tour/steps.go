package tour

// steps are the session, in order. Each builds on those before it.
var steps = []step{
	{
		title: "A guest comes in",
		why: `The game's client holds a publishable key, which anyone could read out of it, and which
			can do nothing but let players in. The device has no secret yet, so it is given one to keep:
			with it, the same player comes back.`,
		play: guest,
	},
	{
		title: "Who am I",
		why:   `From now on the client speaks as the player, with the short-lived access token.`,
		play:  profile,
	},
	{
		title: "The first save",
		why: `A save is a document: any JSON object, in a collection, under a key. If-None-Match: *
			says "only if there is none yet", so that a reinstalled game can't write over an old save.`,
		play: firstSave,
	},
	{
		title: "Loading, and loading nothing",
		why: `The ETag is the version. A client that has that version already is told so with an
			empty 304.`,
		play: load,
	},
	{
		title: "A conflict, and its merge",
		why: `The player's tablet saves first. The phone, which still has version 1, says so with
			If-Match, and is refused: 412 brings what is there now, so the phone can merge and
			save again without asking. Nothing is lost.`,
		play: conflict,
	},
	{
		title: "Only the first may create",
		why:   `If-None-Match: * on what is there already is refused in the same way.`,
		play:  createOnly,
	},
	{
		title: "What the player has",
		why:   `A list gives names and versions; it leaves the values out unless they are asked for.`,
		play:  list,
	},
	{
		title: "Deleted, and begun again",
		why: `A version is never used twice, not even after a delete. So an old "If-Match" can
			never meet a new document by accident.`,
		play: beginAgain,
	},
	{
		title: "A typing error",
		why: `Members that the server doesn't know are refused, never ignored, and the pointer says
			where each stands.`,
		play: typingError,
	},
	{
		title: "A fresh access token",
		why: `Access tokens expire within minutes. The refresh token brings new ones, and each refresh
			token is replaced when it is used. (An access token is dated to the second, so within one second
			it is the same.)`,
		play: refresh,
	},
	{
		title: "A reply got lost",
		why: `The phone went through a tunnel and never saw that reply. It sends the same refresh token
			once more, and gets the very same successor: nobody is thrown out.`,
		play: lostReply,
	},
	{
		title: "A stolen token",
		why: `A second device of the same player. Its first refresh token turns up again after two newer ones
			exist. Somebody has a copy, so the whole session ends, for the thief and for the device. The
			player's other session goes on.`,
		play: theft,
	},
	{
		title: "A forged token",
		why: `The player's name replaced by another's, with the old signature; and a token that says it
			needs no signature. Both are refused.`,
		play: forged,
	},
	{
		title: "A foreign environment",
		why: `Each environment is a world of its own. Another one's client can't renew this player's session,
			and its players can't find this player.`,
		needs: needsForeign,
		play:  foreign,
	},
	{
		title: "The game server speaks for itself",
		why: `A dedicated server has a token of its own; it never borrows a player's session. It gives the
			player a reward that only servers may change.`,
		needs: needsServer,
		play:  serverWrites,
	},
	{
		title: "The player may look, not touch",
		why:   `The player reads the reward, and is refused when changing it.`,
		needs: needsServer,
		play:  serverOnly,
	},
	{
		title: "A season",
		why: `An operator makes a leaderboard, and the game server submits two runs. A run counts as a whole: the
			second has the better subscore and the lower score, so it changes nothing. The player looks around
			himself. Then the operator ends the season; its standings never change again. They are archived, and the player
			claims what he won, once. All this is in an environment that the tour makes and deletes.`,
		needs: needsServerAndOperator,
		play:  playSeason,
	},
	{
		title: "A server, and a seat on it",
		why: `A dedicated server registers and sends a heartbeat. The player finds it and reserves its one seat, which
			brings a ticket. The server verifies the ticket with the environment's public keys, and admits the player, which
			uses the ticket up. Then it ends.`,
		needs: needsServer,
		play:  visitArena,
	},
	{
		title: "A config is tried, promoted and rolled out",
		why: `An operator pushes a config to a staging environment, and promotes the very same bytes to where the
			player is, who waits for the change with a long poll. He proves what he got by a manifest that the environment
			signed. Then a fifth of the players get another config; whether he is one of them, the player's id tells. It is taken back in one call.`,
		needs: needsOperator,
		play:  rollOut,
	},
	{
		title: "An operator makes a key, and takes it back",
		why: `A secret key administers its project or environment. The new key may only read, and works until it
			is revoked: the very next request with it is refused. All of it is in the audit log.`,
		needs: needsOperator,
		play:  keys,
	},
	{
		title: "An operator declares what saves look like",
		why: `From now on every write to the collection must satisfy its schema. What is there already stays,
			and the reply tells that it breaks the schema. A bad write is refused with a pointer to each fault; a good one
			mends the document.`,
		needs: needsOperator,
		play:  declares,
	},
	{
		title: "The player leaves",
		why:   `After logout the access token is refused at once, although it has not expired.`,
		play:  logout,
	},
}
