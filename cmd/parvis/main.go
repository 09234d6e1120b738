// Command parvis is the whole product in one program: server, workers,
// migrations, export and import.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // institutions' time zones, also on machines that have none

	"github.com/alecthomas/kong"

	"github.com/parvis-crm/parvis/internal/app"
)

type commands struct {
	Serve       app.ServeCommand       `cmd:"" help:"Serve the API, the workers and the documentation."`
	Work        app.WorkCommand        `cmd:"" help:"Run the workers only, beside servers."`
	Doctor      app.DoctorCommand      `cmd:"" help:"Examine the configuration, the database and this machine, and say what to do."`
	Migrate     app.MigrateCommand     `cmd:"" help:"Bring the database to this program's schema."`
	Export      app.ExportCommand      `cmd:"" help:"Write all data of an institution into an archive that anyone can read."`
	Import      app.ImportCommand      `cmd:"" help:"Bring an institution in from its archive."`
	Verify      app.VerifyCommand      `cmd:"" help:"Prove from an archive alone that it is whole and unaltered."`
	Compare     app.CompareCommand     `cmd:"" help:"Say where the data of two archives differs."`
	Audit       app.AuditCommand       `cmd:"" help:"Prove that the log is whole."`
	Conformance app.ConformanceCommand `cmd:"" help:"Try out ticketing vendors' connectors, and check the reports."`
	Admin       app.AdminCommand       `cmd:"" help:"Make institutions and keys from the machine itself."`
	Version     kong.VersionFlag       `help:"Print the version."`
}

func main() {
	var c commands
	if len(os.Args) > 1 && os.Args[1] == "help" { // as other programs have it
		os.Args = append(append(os.Args[:1:1], os.Args[2:]...), "--help")
	}
	k := kong.Parse(&c, kong.Name("parvis"), kong.Description("Open, headless CRM for cultural institutions."), kong.Vars{"version": app.Version}, kong.UsageOnError())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // whoever asks a second time does not wait
	k.BindTo(ctx, (*context.Context)(nil))
	err := k.Run()
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "parvis: "+err.Error())
		os.Exit(1)
	}
}
