package register

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/parvis-crm/parvis/internal/web"
)

// Place is where something is, and whose it is: whose law it obeys.
type Place struct{ Country, Owner, OwnerCountry string }

// Site is what the operator said of the installation.
type Site struct {
	Hosting Place
	// Declared are the hosts to which anything may be sent, by name; a name that
	// begins with a dot stands for all below it.
	Declared map[string]Place
	// Outgoing are the hosts of the configuration, by what they are used for.
	Outgoing map[string]string
}

// Declaration is what was declared of a host.
func (s Site) Declaration(host string) (Place, bool) {
	host = strings.ToLower(host)
	if p, ok := s.Declared[host]; ok {
		return p, true
	}
	for name, p := range s.Declared {
		if strings.HasPrefix(name, ".") && strings.HasSuffix(host, name) {
			return p, true
		}
	}
	return Place{}, false
}

// Host is a host to which something is sent.
type Host struct {
	Name     string
	Uses     []string
	Declared bool
	Place
}

// Deployment is where the data is and where it goes.
type Deployment struct {
	Hosting    Place
	Processors []ProcessorOf
	Hosts      []Host
}

// Deployment tells it of this installation, with the receivers and processors of
// the institution.
func (s *Service) Deployment(ctx context.Context) (Deployment, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Deployment{}, err
	}
	db := s.db.Tenant(actor.Tenant)
	d := Deployment{Hosting: s.site.Hosting, Processors: []ProcessorOf{}}
	uses := map[string][]string{}
	for use, host := range s.site.Outgoing {
		uses[host] = append(uses[host], use)
	}
	outgoing, err := s.q.ListOutgoing(ctx, db, actor.Tenant)
	if err != nil {
		return d, err
	}
	for _, o := range outgoing {
		if u, err := url.Parse(o.URL); err == nil && u.Hostname() != "" {
			host := strings.ToLower(u.Hostname())
			if !slices.Contains(uses[host], o.Use) {
				uses[host] = append(uses[host], o.Use)
			}
		}
	}
	for host, of := range uses {
		place, declared := s.site.Declaration(host)
		slices.Sort(of)
		d.Hosts = append(d.Hosts, Host{host, of, declared, place})
	}
	slices.SortFunc(d.Hosts, func(a, b Host) int { return strings.Compare(a.Name, b.Name) })
	rows, err := s.q.ListAllActivities(ctx, db, actor.Tenant)
	if err != nil {
		return d, err
	}
	activities, err := s.all(ctx, db, actor.Tenant, rows)
	for _, a := range activities {
		for _, p := range a.Processors {
			if a.Status == Active && !slices.Contains(d.Processors, p) {
				d.Processors = append(d.Processors, p)
			}
		}
	}
	return d, err
}
