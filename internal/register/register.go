package register

import (
	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/register/internal/registerdb"
)

// Service is the register.
type Service struct {
	db       *pg.DB
	q        *registerdb.Queries
	clock    clock.Clock
	listed   listed
	site     Site
	mailHost string
}

// NewService makes the service of an installation.
func NewService(db *pg.DB, c clock.Clock, site Site) *Service {
	return &Service{db: db, q: registerdb.New(), clock: c, listed: newListed(c), site: site, mailHost: site.Outgoing["smtp"]}
}
