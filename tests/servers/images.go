package servers

import (
	"context"
	"fmt"
	"os"
	"strings"
)

// image is the image to run: of the environment, or the public one.
func image(variable, public string) string {
	if named := os.Getenv(variable); named != "" {
		return named
	}
	return public
}

func containerPostgres(ctx context.Context, h *house, p purpose) (machine, string, error) {
	port, err := freePort()
	if err != nil {
		return nil, "", err
	}
	password := random(16)
	address := postgresAddress(port, password)
	m, err := newContainer(ctx, h, description{
		Image: image("OVERWORLD_TEST_POSTGRES_IMAGE", "postgres:17"),
		Cmd:   append([]string{"postgres"}, postgresSettings(p)...),
		Env:   map[string]string{"POSTGRES_USER": postgresUser, "POSTGRES_PASSWORD": password, "POSTGRES_DB": "postgres"},
		Ports: map[string]int{"5432/tcp": port},
	}, func(ctx context.Context) error { return postgresAnswers(ctx, address) })
	return m, address, err
}

func containerRedis(ctx context.Context, h *house, p purpose) (machine, string, error) {
	port, err := freePort()
	if err != nil {
		return nil, "", err
	}
	m, err := newContainer(ctx, h, description{
		Image: redisImage(),
		Cmd:   append([]string{"redis-server", "--bind", "0.0.0.0", "--protected-mode", "no", "--appendonly", "no"}, redisSave(p)...),
		Ports: map[string]int{"6379/tcp": port},
	}, func(ctx context.Context) error { return redisAnswers(ctx, loopback(port)) })
	return m, redisAddress(port), err
}

// containerCluster runs the nodes in one container, on the ports at which they
// are published: so loopback and a port mean the same node inside and outside.
func containerCluster(ctx context.Context, h *house, _ purpose) (machine, string, error) {
	var ports []int
	var script strings.Builder
	published := map[string]int{}
	for range clusterMasters {
		port, err := freePort()
		if err != nil {
			return nil, "", err
		}
		ports = append(ports, port)
		published[fmt.Sprintf("%d/tcp", port)] = port
		fmt.Fprintf(&script, "mkdir -p /tmp/%[1]d && cd /tmp/%[1]d && redis-server --port %[1]d --bind 0.0.0.0 --protected-mode no "+
			"--save '' --appendonly no --cluster-enabled yes --cluster-announce-ip 127.0.0.1 & ", port)
	}
	m, err := newContainer(ctx, h, description{
		Image: redisImage(),
		Cmd:   []string{"sh", "-c", script.String() + "wait"},
		Ports: published,
	}, func(ctx context.Context) error {
		for _, port := range ports {
			if err := redisAnswers(ctx, loopback(port)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	if err := joinCluster(ctx, ports); err != nil {
		return nil, "", fmt.Errorf("%w; %w", err, m.end())
	}
	return m, clusterAddress(ports), nil
}

func redisImage() string { return image("OVERWORLD_TEST_REDIS_IMAGE", "redis:7") }

// containerS3 runs our own S3 server: any Linux image will do, it brings nothing but the container.
func containerS3(ctx context.Context, h *house, _ purpose) (machine, string, error) {
	program, err := tool(ctx, "s3", "linux")
	if err != nil {
		return nil, "", err
	}
	port, err := freePort()
	if err != nil {
		return nil, "", err
	}
	access, secret := random(8), random(16)
	m, err := newContainer(ctx, h, description{
		Image: image("OVERWORLD_TEST_S3_IMAGE", "debian:bookworm-slim"),
		Cmd:   []string{"/overworld-s3", "-listen", ":9000", "-dir", "/data"},
		Env:   map[string]string{"S3_ACCESS_KEY": access, "S3_SECRET_KEY": secret},
		Ports: map[string]int{"9000/tcp": port},
		Files: map[string]string{"/overworld-s3": program},
	}, func(ctx context.Context) error { return s3Answers(ctx, port) })
	return m, s3Address(port, access, secret), err
}
