package servers

import "context"

func containerPostgres(ctx context.Context, h *house, p purpose) (machine, string, error) {
	return nil, "", errAbsent
}
func containerRedis(ctx context.Context, h *house, p purpose) (machine, string, error) {
	return nil, "", errAbsent
}
func containerCluster(ctx context.Context, h *house, p purpose) (machine, string, error) {
	return nil, "", errAbsent
}
func containerS3(ctx context.Context, h *house, p purpose) (machine, string, error) {
	return nil, "", errAbsent
}
