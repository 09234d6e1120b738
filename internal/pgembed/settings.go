package pgembed

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// reserved settings decide who can connect and where the data is; Config has
// fields for those a caller may choose.
var reserved = []string{
	"listen_addresses", "port", "unix_socket_directories", "unix_socket_permissions",
	"data_directory", "config_file", "hba_file", "ident_file", "include",
}

var settingName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]*$`)

// writeSettings writes parvis.conf.
func writeSettings(cfg Config, acct account, h *home) error {
	settings := defaults(cfg.Durable, memoryBytes())
	if cfg.Durable {
		if err := acct.makeDir(h.path("log")); err != nil {
			return fmt.Errorf("create the log folder of PostgreSQL: %w", err)
		}
		settings["log_directory"] = h.path("log")
	}
	for name, value := range cfg.Parameters {
		if slices.Contains(reserved, strings.ToLower(name)) || !settingName.MatchString(name) {
			return fmt.Errorf("the PostgreSQL setting %q cannot be given here", name)
		}
		settings[strings.ToLower(name)] = value
	}
	var text strings.Builder
	text.WriteString("# Written by Parvis at each start; use ALTER SYSTEM to change a setting for good.\n")
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&text, "%s = %s\n", name, quoteSetting(settings[name]))
	}
	path := filepath.Join(h.cluster(), settingsFile)
	if err := writeFileWhole(path, []byte(text.String())); err != nil {
		return fmt.Errorf("write the settings of PostgreSQL: %w", err)
	}
	return acct.chown(path)
}

// quoteSetting writes a value as postgresql.conf reads it, backslashes being
// escapes there.
func quoteSetting(value string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `''`, "\n", `\n`).Replace(value) + "'"
}

// defaults suit a small server that shares its machine with the application.
// memory is what the machine or container has, in bytes; 0 if unknown.
func defaults(durable bool, memory uint64) map[string]string {
	const mib = 1 << 20
	sharedMiB := uint64(128)
	switch {
	case memory >= 2048*mib:
		sharedMiB = 256
	case memory > 0 && memory < 1024*mib:
		sharedMiB = max(memory/mib/8, 16)
	}
	settings := map[string]string{
		"effective_cache_size": strconv.FormatUint(max(memory/mib/2, 2*sharedMiB), 10) + "MB",
		"jit":                  "off", // Compiling costs more than our short statements.
		"lc_messages":          "C",
		"log_line_prefix":      "%m [%p] %q%u@%d ",
		"log_timezone":         "UTC",
		"max_connections":      "100",
		"password_encryption":  "scram-sha-256",
		"random_page_cost":     "1.1", // Solid-state disks.
		"shared_buffers":       strconv.FormatUint(sharedMiB, 10) + "MB",
		"timezone":             "UTC",
	}
	more := map[string]string{
		"fsync":              "off",
		"full_page_writes":   "off",
		"max_wal_senders":    "0",
		"max_wal_size":       "256MB",
		"min_wal_size":       "32MB",
		"synchronous_commit": "off",
		"wal_level":          "minimal",
	}
	if durable {
		more = map[string]string{
			"fsync":                "on",
			"full_page_writes":     "on",
			"maintenance_work_mem": "64MB",
			"max_wal_size":         "1GB",
			"min_wal_size":         "128MB",
			"synchronous_commit":   "on",
			"wal_compression":      "on",
			"work_mem":             "8MB",
			// One file a weekday, overwritten a week later. DETAIL lines, which
			// repeat the values of rows, stay out of it: they are people's data.
			"log_error_verbosity":      "terse",
			"log_filename":             "postgresql-%a.log",
			"log_rotation_age":         "1d",
			"log_rotation_size":        "0",
			"log_truncate_on_rotation": "on",
			"logging_collector":        "on",
		}
	}
	maps.Copy(settings, more)
	return settings
}

var totalMemory = regexp.MustCompile(`MemTotal:\s+(\d+) kB`)

// memoryBytes is the memory of the machine or, if less, of the container; 0 if
// the system does not tell in a Linux way.
func memoryBytes() uint64 {
	var memory uint64
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		if match := totalMemory.FindSubmatch(text); match != nil {
			kib, _ := strconv.ParseUint(string(match[1]), 10, 64)
			memory = kib << 10
		}
	}
	for _, file := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		limit, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
		if err == nil && limit > 0 && (memory == 0 || limit < memory) {
			memory = limit
		}
	}
	return memory
}
