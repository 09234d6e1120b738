package apikey

// Checksum lets tests sum texts that are no keys.
func Checksum(body string) string { return checksum(body) }
