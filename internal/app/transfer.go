package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"filippo.io/age"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/access"
	"github.com/parvis-crm/parvis/internal/access/apikey"
	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/transfers"
	"github.com/parvis-crm/parvis/internal/transfers/archive"
	"github.com/parvis-crm/parvis/internal/web"
)

// ExportCommand is `parvis export`.
type ExportCommand struct {
	Output       string   `short:"o" required:"" type:"path" help:"The archive to write (.zip)."`
	Tenant       string   `help:"Identifier of the institution; needed where there are several."`
	SensitiveFor string   `help:"Public key (age1…) for which sensitive facts are encrypted; without it they are left out."`
	Without      []string `enum:"events,access_log" help:"Leave out: events, access_log."`
}

// Run implements the command.
func (c ExportCommand) Run(ctx context.Context) error {
	return withProgram(ctx, func(a *App) error {
		tenant, err := a.onlyTenant(ctx, c.Tenant)
		if err != nil {
			return err
		}
		bar := newProgress(os.Stderr, "export")
		defer bar.end()
		var m archive.Manifest
		err = transfers.Whole(c.Output, func(w io.Writer) error {
			m, err = a.domains.transfers.Write(ctx, w, transfers.Export{Tenant: tenant, Without: c.Without, SensitiveFor: c.SensitiveFor, Progress: bar.set})
			return err
		})
		if err != nil {
			return stopped(ctx, sentence(ctx, err), "no file was written; the same command starts again")
		}
		bar.end()
		fmt.Printf("%s: %d records of %s in %d files, as of %s.\n", c.Output, m.Rows(), m.Tenant.Name, len(m.Files), m.SnapshotAt)
		if m.Sensitive.LeftOut > 0 {
			fmt.Printf("%d sensitive facts were left out: --sensitive-for names for whom they would be encrypted.\n", m.Sensitive.LeftOut)
		}
		return nil
	})
}

// ImportCommand is `parvis import`.
type ImportCommand struct {
	File         string `arg:"" type:"existingfile" help:"The archive to import."`
	SensitiveKey string `type:"existingfile" help:"File with the private key (AGE-SECRET-KEY-1…) for the sensitive facts; without it they are left out."`
	WithoutKey   bool   `help:"Make no administrator key: the institution stays exactly as it is in the archive (reversibility drills)."`
}

// Run implements the command.
func (c ImportCommand) Run(ctx context.Context) error {
	file, err := open(ctx, c.File)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	identity, err := identityIn(c.SensitiveKey)
	if err != nil {
		return err
	}
	return withProgram(ctx, func(a *App) error {
		bar := newProgress(os.Stderr, "import")
		defer bar.end()
		in, err := a.domains.transfers.Read(ctx, file, transfers.Import{Identity: identity, Progress: bar.set})
		if err != nil {
			return stopped(ctx, sentence(ctx, err), "nothing was imported; the same command starts again")
		}
		bar.end()
		if in.Earlier {
			fmt.Printf("%d records of %s had been imported from this archive already as institution %s; nothing was done again.\n", in.Rows, file.Manifest.Tenant.Name, in.Tenant)
		} else {
			fmt.Printf("%d records of %s imported as institution %s.\n", in.Rows, file.Manifest.Tenant.Name, in.Tenant)
		}
		if in.SensitiveLeft > 0 {
			fmt.Printf("%d sensitive facts were left out: --sensitive-key names the private key for them.\n", in.SensitiveLeft)
		}
		if c.WithoutKey {
			return nil
		}
		if in.Earlier {
			has, err := a.domains.exports.HasKey(ctx, in.Tenant)
			if err != nil {
				return err
			}
			if has {
				fmt.Println("It has an administrator key; if that was never seen, `parvis admin rotate-admin-key` replaces it.")
				return nil
			}
		}
		key, err := a.administratorKey(ctx, in.Tenant, file.Manifest.Tenant.Mode == "test")
		if err != nil {
			return sentence(ctx, err)
		}
		fmt.Printf("Administrator key, shown once:\n  %s\n", key)
		return nil
	})
}

func (a *App) administratorKey(ctx context.Context, tenant uuid.UUID, test bool) (string, error) {
	actor := web.SystemActor(tenant, "import")
	actor.Test = test
	_, key, err := a.domains.access.CreateKey(web.WithActor(ctx, actor), access.NewKey{Name: "Administrator", Kind: apikey.Secret, Scopes: []string{"*"}})
	return key, err
}

// VerifyCommand is `parvis verify`. It needs no database.
type VerifyCommand struct {
	File   string `arg:"" type:"existingfile" help:"The archive to prove."`
	Signer string `help:"Public key (base64) that must have signed it."`
}

// Run implements the command.
func (c VerifyCommand) Run(ctx context.Context) error {
	a, err := open(ctx, c.File)
	if err != nil {
		return err
	}
	defer func() { _ = a.Close() }()
	if c.Signer != "" && c.Signer != a.SignedBy {
		return fmt.Errorf("%s is signed by another key: %s", c.File, a.SignedBy)
	}
	bar := newProgress(os.Stderr, "verify")
	defer bar.end()
	total := a.Manifest.Rows()
	report, err := archive.Verify(ctx, a, func(done int64) { _ = bar.set(done, total) })
	bar.end()
	if err != nil {
		return stopped(ctx, sentence(ctx, transfers.Invalid(err)), "the archive was not read to its end")
	}
	fmt.Printf("%s is whole and unaltered: %d files, %d records, %d references followed, %d events in an unbroken chain.\n  institution  %s (%s)\n  as of        %s\n  signed by    %s\n",
		c.File, report.Files, report.Rows, report.References, report.Events, a.Manifest.Tenant.Name, a.Manifest.Tenant.ID, a.Manifest.SnapshotAt, report.SignedBy)
	return nil
}

// CompareCommand is `parvis compare`. It needs no database.
type CompareCommand struct {
	First  string `arg:"" type:"existingfile" help:"An archive."`
	Second string `arg:"" type:"existingfile" help:"The archive to compare with it."`
	Limit  int    `default:"20" help:"How many differences to show."`
}

// errDiffer makes the program end with an error, as diff does.
var errDiffer = errors.New("the archives differ")

// Run implements the command.
func (c CompareCommand) Run(ctx context.Context) error {
	first, err := open(ctx, c.First)
	if err != nil {
		return err
	}
	defer func() { _ = first.Close() }()
	second, err := open(ctx, c.Second)
	if err != nil {
		return err
	}
	defer func() { _ = second.Close() }()
	differences, err := archive.Compare(ctx, first, second, max(1, c.Limit))
	if err != nil {
		return stopped(ctx, sentence(ctx, transfers.Invalid(err)), "the archives were not read to their end")
	}
	for _, d := range differences {
		fmt.Println(d)
	}
	if len(differences) > 0 {
		return errDiffer
	}
	fmt.Printf("Identical: %d records.\n", first.Manifest.Rows())
	return nil
}

// withProgram opens the program on its database, without serving.
func withProgram(ctx context.Context, do func(*App) error) error {
	cfg, err := config.Load()
	if err != nil {
		return err
	}
	log := logger(cfg)
	cfg, stop, err := CommandDatabase(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer stop()
	if err := pg.Migrate(ctx, cfg.MigrationURL); err != nil {
		return err
	}
	a, err := New(ctx, cfg, Options{Log: log})
	if err != nil {
		return err
	}
	defer a.Close()
	return do(a)
}

// onlyTenant is the institution that was named, or the only one there is.
func (a *App) onlyTenant(ctx context.Context, named string) (uuid.UUID, error) {
	if named != "" {
		return uuid.Parse(named)
	}
	rows, err := a.DB.Unscoped().Query(ctx, "select active_tenants()")
	if err != nil {
		return uuid.Nil, err
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return uuid.Nil, err
	}
	switch len(all) {
	case 0:
		return uuid.Nil, errors.New("there is no institution here yet")
	case 1:
		return all[0], nil
	}
	texts := make([]string, len(all))
	for i, id := range all {
		texts[i] = id.String()
	}
	return uuid.Nil, fmt.Errorf("there are several institutions; say which with --tenant: %s", strings.Join(texts, ", "))
}

// sentence tells a person what a fault says.
func sentence(ctx context.Context, err error) error {
	f := web.Fault(err)
	if f == nil {
		return err
	}
	ctx = web.WithLanguage(ctx, "en") // as all that commands say
	text := fmt.Sprint(web.Problem(ctx, f)["detail"])
	if known, ok := fault.Lookup(f.Code, web.Language(ctx)); ok && known.Fix != "" && !strings.Contains(text, fault.Fill(known.Fix, f.Params)) {
		text += " " + fault.Fill(known.Fix, f.Params)
	}
	return errors.New(text)
}

// open opens an archive for a command.
func open(ctx context.Context, path string) (*archive.Archive, error) {
	a, err := archive.Open(path)
	return a, sentence(ctx, transfers.Invalid(err))
}

// stopped says of a command that was interrupted what that means.
func stopped(ctx context.Context, err error, meaning string) error {
	if ctx.Err() == nil {
		return err
	}
	return errors.New("cancelled: " + meaning)
}

// identityIn reads the first private key in a file; nil without a file.
func identityIn(path string) (*age.X25519Identity, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	all, err := age.ParseIdentities(f)
	if err != nil {
		return nil, fmt.Errorf("%s holds no private key of age: %w", path, err)
	}
	for _, one := range all {
		if identity, ok := one.(*age.X25519Identity); ok {
			return identity, nil
		}
	}
	return nil, fmt.Errorf("%s holds no X25519 key of age", path)
}
