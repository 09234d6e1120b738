package config

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/text/language"
)

// countries refuses what is no country where one is named: answers carry it as
// two letters, and who reads them looks it up.
func (c Config) countries() (errs []error) {
	wrong := func(variable, code string) {
		if code != "" && !isCountry(code) {
			errs = append(errs, fmt.Errorf("%s names a country by the two letters of ISO 3166-1, such as FR, and %q is none", variable, code))
		}
	}
	wrong("PARVIS_HOSTING_COUNTRY", c.HostingCountry)
	wrong("PARVIS_HOSTING_OWNER_COUNTRY", c.HostingOwnerCountry)
	for _, line := range c.DeclaredHosts {
		_, what, _ := strings.Cut(line, "=")
		parts := append(strings.SplitN(what, "/", 3), "", "")
		wrong("PARVIS_DECLARED_HOSTS", parts[0])
		wrong("PARVIS_DECLARED_HOSTS", parts[2])
	}
	return errs
}

// isCountry reports whether a code is of a country today: neither one that
// ISO 3166-3 has withdrawn nor one that is only reserved beside another, as UK is.
func isCountry(code string) bool {
	region, err := language.ParseRegion(code)
	return err == nil && len(code) == 2 && region.IsCountry() && region.Canonicalize() == region && region.String() == code &&
		!slices.Contains([]string{"AN", "BU", "CS", "DD", "FX", "NT", "SU", "TP", "YD", "YU", "ZR"}, code)
}
