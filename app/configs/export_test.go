package configs

// Feeds counts the environments that are remembered.
func (u *UseCases) Feeds() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.feeds)
}
