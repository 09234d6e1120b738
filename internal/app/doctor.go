package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/pgembed"
)

// DoctorCommand is `parvis doctor`.
type DoctorCommand struct{}

// Run implements the command.
func (DoctorCommand) Run(ctx context.Context) error { return Doctor(ctx, os.Stdout) }

// verdict is how bad a finding is.
type verdict string

const (
	fine    verdict = "ok"
	warning verdict = "warning"
	wrong   verdict = "error"
)

// findings are what an examination says, one sentence each; what is not fine
// says what to do.
type findings struct {
	out    io.Writer
	errors int
}

func (f *findings) sayf(v verdict, format string, args ...any) {
	if v == wrong {
		f.errors++
	}
	sentence := strings.ReplaceAll(fmt.Sprintf(format, args...), "\n\t", "; ")
	_, _ = fmt.Fprintf(f.out, "%-8s %s\n", v, sentence)
}

// Doctor examines the installation that the environment describes and fails if
// something would keep it from working or from being safe. It changes nothing.
func Doctor(ctx context.Context, out io.Writer) error {
	f := &findings{out: out}
	f.examineNames(os.Environ())
	cfg, err := config.Load()
	if err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			f.sayf(wrong, "The configuration cannot be used: %s. Correct that variable.", line)
		}
	} else {
		f.sayf(fine, "The configuration can be read.")
		f.examineBreached(cfg.BreachedPasswords)
		f.examineMachine(cfg)
		f.examineHosts(cfg)
		f.examineConnections(cfg)
		f.examineServerTLS(cfg, time.Now())
		f.examineDatabase(ctx, cfg)
	}
	if f.errors > 0 {
		return fmt.Errorf("%d of these findings keep Parvis from working safely", f.errors)
	}
	return nil
}

func (f *findings) examineMachine(cfg config.Config) {
	f.examineMasterKey(cfg)
	f.examineDisk(cfg.DataDir)
	if cfg.SMTPURL == "" {
		f.sayf(warning, "No mail server is configured, so mails wait: set PARVIS_SMTP_URL.")
	} else {
		f.sayf(fine, "Mail goes through %s.", hostOf(cfg.SMTPURL))
	}
	address, err := url.Parse(cfg.Public())
	switch {
	case err != nil || address.Host == "":
		f.sayf(wrong, "PARVIS_PUBLIC_URL is not a URL: set it to the address by which the outside reaches Parvis.")
	case address.Scheme != "https" && !loopback(address.Hostname()):
		f.sayf(wrong, "The public address %s is not https, so keys and personal data travel in the clear: put a TLS proxy in front and set PARVIS_PUBLIC_URL.", address)
	case cfg.PublicURL == "":
		f.sayf(warning, "PARVIS_PUBLIC_URL is not set, so links in mails lead to %s: set it before others use this installation.", address)
	default:
		f.sayf(fine, "The public address is %s.", address)
	}
}

func (f *findings) examineMasterKey(cfg config.Config) {
	path := masterKeyPath(cfg)
	info, err := os.Stat(path)
	switch {
	case cfg.MasterKey != "":
		if _, err := readMasterKey(cfg); err != nil {
			f.sayf(wrong, "The master key cannot be used: %v. Without it nothing sealed can be read.", err)
			return
		}
		f.sayf(fine, "The master key comes from PARVIS_MASTER_KEY.")
	case errors.Is(err, os.ErrNotExist) && cfg.MasterKeyFile == "":
		f.sayf(warning, "There is no master key yet: the first start on a new database makes %s; keep a copy of it apart from the database's.", path)
	case err != nil:
		f.sayf(wrong, "The master key cannot be read: %v. Give this user the right to.", err)
	case info.Mode().Perm()&0o077 != 0:
		f.sayf(wrong, "%s can be read by other users of this machine: chmod 600 %s.", path, path)
	default:
		if _, err := readMasterKey(cfg); err != nil {
			f.sayf(wrong, "The master key cannot be used: %v. Restore it from your copy.", err)
			return
		}
		f.sayf(fine, "The master key is in %s.", path)
	}
}

// examineDisk looks at the nearest folder that exists.
func (f *findings) examineDisk(dir string) {
	at, err := filepath.Abs(dir)
	for err == nil {
		if _, missing := os.Stat(at); missing == nil || at == filepath.Dir(at) {
			break
		}
		at = filepath.Dir(at)
	}
	if info, missing := os.Stat(at); err == nil && missing == nil && (!info.IsDir() || syscall.Access(at, 2) != nil) {
		f.sayf(wrong, "%s is not a folder that this user may write to: set PARVIS_DATA_DIR to one.", at)
		return
	}
	var disk syscall.Statfs_t
	if err == nil {
		err = syscall.Statfs(at, &disk)
	}
	if err != nil {
		f.sayf(warning, "How much room %s has cannot be told: %v.", dir, err)
		return
	}
	free := disk.Bavail * uint64(disk.Bsize)
	const gib = 1 << 30
	switch {
	case free < gib/4:
		f.sayf(wrong, "%s has only %d MiB of room: free some before PostgreSQL stops writing.", at, free>>20)
	case free < 2*gib:
		f.sayf(warning, "%s has only %.1f GiB of room: plan for more.", at, float64(free)/gib)
	default:
		f.sayf(fine, "%s has %.0f GiB of room.", at, float64(free)/gib)
	}
}

// privateDatabase finds out about the database that `parvis serve` keeps
// itself, which one process at a time can run.
func (f *findings) privateDatabase(ctx context.Context, cfg config.Config) (config.Config, func(), bool) {
	if cfg.PostgresBin != "" {
		if _, err := os.Stat(filepath.Join(cfg.PostgresBin, "postgres")); err != nil {
			f.sayf(wrong, "There is no program postgres in %s: set PARVIS_PG_BIN_DIR to its folder, or not at all to have it found.", cfg.PostgresBin)
			return cfg, nil, false
		}
	}
	if _, err := os.Stat(filepath.Join(cfg.DataDir, "postgres")); errors.Is(err, os.ErrNotExist) {
		f.sayf(fine, "There is no database yet: the first `parvis serve` makes a private PostgreSQL in %s.", filepath.Join(cfg.DataDir, "postgres"))
		return cfg, nil, false
	}
	started, stop, err := Database(ctx, cfg, slog.New(slog.DiscardHandler))
	if err == nil {
		f.sayf(fine, "The private PostgreSQL in %s starts.", cfg.DataDir)
		return started, stop, true
	}
	if errors.Is(err, pgembed.ErrServed) {
		f.answering(ctx, cfg)
		if started, stop, err = CommandDatabase(ctx, cfg, slog.New(slog.DiscardHandler)); err == nil {
			return started, stop, true
		}
		f.sayf(wrong, "The private PostgreSQL of a running Parvis cannot be examined: %v.", err)
		return cfg, nil, false
	}
	f.sayf(wrong, "The private PostgreSQL does not start: %v.", err)
	return cfg, nil, false
}

// answering says whether the Parvis that uses the private PostgreSQL is well.
func (f *findings) answering(ctx context.Context, cfg config.Config) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	scheme, client := "http://", &http.Client{}
	if cfg.TLSCert != "" {
		// Its name is that of the outside; here only this machine asks itself.
		scheme, client.Transport = "https://", &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // see above
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+cfg.Addr+"/readyz", nil)
	if err != nil {
		f.sayf(warning, "A running Parvis uses the private PostgreSQL, and cannot be asked whether it is well: %v.", err)
		return
	}
	response, err := client.Do(request)
	if err != nil {
		f.sayf(warning, "Another process uses the private PostgreSQL, and nothing answers at %s.", cfg.Addr)
		return
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		f.sayf(wrong, "A running Parvis uses the private PostgreSQL and says that it is not ready: read its log.")
		return
	}
	f.sayf(fine, "A running Parvis uses the private PostgreSQL and is ready.")
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// hostOf leaves the password out.
func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "an address that cannot be read"
	}
	return u.Host
}
