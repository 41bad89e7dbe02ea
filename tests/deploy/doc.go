// Command deploy tries deploy/compose.yaml for real: it builds the image, brings
// everything up, plays the tour through the load balancer, and stops one replica
// after the other under load, which must fail no request. It needs a
// Docker-compatible engine with compose, and takes a minute or two.
//
//	go run ./tests/deploy
//	go run ./tests/deploy -compose docker-compose -keep
//
// The variables of deploy/compose.yaml replace images that can't be pulled.
package main
