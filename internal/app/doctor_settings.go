package app

import (
	"encoding/hex"
	"errors"
	"io"
	"os"

	"github.com/parvis-crm/parvis/internal/config"
)

// examineNames warns of settings that mean nothing, also where the others cannot
// be used: that may be why.
func (f *findings) examineNames(environ []string) {
	for _, one := range config.Unknown(environ) {
		if one.Nearest == "" {
			f.sayf(warning, "%s is no setting of Parvis: see whether it is misspelt.", one.Name)
			continue
		}
		f.sayf(warning, "%s is no setting of Parvis, so it does nothing: %s is probably meant.", one.Name, one.Nearest)
	}
}

// examineBreached looks at the beginning of the list of breached passwords, by
// which a program that starts judges it too.
func (f *findings) examineBreached(path string) {
	if path == "" {
		return
	}
	file, err := os.Open(path)
	if err != nil {
		f.sayf(wrong, "The list of breached passwords cannot be read: %v. Correct PARVIS_BREACHED_PASSWORDS, or take it away.", err)
		return
	}
	defer func() { _ = file.Close() }()
	digest := make([]byte, 40) // SHA-1 in hexadecimal
	_, err = io.ReadFull(file, digest)
	if errors.Is(err, io.EOF) {
		f.sayf(warning, "The list of breached passwords %s is empty.", path)
		return
	}
	if err == nil {
		_, err = hex.DecodeString(string(digest))
	}
	if err != nil {
		f.sayf(wrong, "%s is no list of SHA-1 digests in hexadecimal: correct PARVIS_BREACHED_PASSWORDS.", path)
		return
	}
	f.sayf(fine, "The list of breached passwords is %s.", path)
}
