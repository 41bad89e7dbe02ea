package httpapi

import "slices"

// table is every route of the API. What it serves is bound to the options; with
// none it still says what there is.
func table(o Options) []route {
	return slices.Concat(
		authRoutes(o),
		emailRoutes(o),
		identityRoutes(o),
		playerRoutes(o),
		sessionRoutes(o),
		operatedPlayerRoutes(o),
		documentRoutes(o),
		batchRoutes(o),
		revisionRoutes(o),
		collectionRoutes(o),
		rewindRoutes(o),
		standingRoutes(o),
		scoreRoutes(o),
		quarantineRoutes(o),
		rewardRoutes(o),
		operatedLeaderboardRoutes(o),
		serverRoutes(o),
		seatRoutes(o),
		operatedServerRoutes(o),
		configRoutes(o),
		manifestRoutes(o),
		bundleLinkRoutes(o),
		operatedConfigRoutes(o),
		releaseRoutes(o),
		bundleRoutes(o),
		differenceRoutes(o),
		promotionRoutes(o),
		scheduleRoutes(o),
		projectRoutes(o),
		environmentRoutes(o),
		credentialRoutes(o),
		signingKeyRoutes(o),
		auditRoutes(o),
		workerRoutes(o),
		publicRoutes(o),
		healthRoutes(o),
		pageRoutes(),
	)
}
