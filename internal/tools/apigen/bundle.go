package main

import (
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// componentKinds in the order in which the bundle lists them.
var componentKinds = []string{"securitySchemes", "parameters", "headers", "requestBodies", "responses", "schemas", "examples", "links"}

var flatReference = regexp.MustCompile(`^([a-z0-9_-]+\.yaml)?#/components/([A-Za-z]+)/([A-Za-z0-9_.-]+)$`)

// checkReferences makes sure that every reference has the flat form and leads
// somewhere, and then strips the file from it.
func (c *contract) checkReferences() {
	for _, s := range c.sources {
		walkObjects(s.root, func(object *yaml.Node) {
			if ref := get(object, "$ref"); ref != nil {
				c.flatten(s, ref)
			}
			for _, target := range pairs(get(object, "discriminator", "mapping")) {
				c.flatten(s, target)
			}
		})
	}
}

func (c *contract) flatten(s *source, ref *yaml.Node) {
	parts := flatReference.FindStringSubmatch(ref.Value)
	if parts == nil {
		c.violations.addf(s.name, ref.Line, "", "reference %q does not have the form file.yaml#/components/<kind>/<Name>", ref.Value)
		return
	}
	file, kind, name := parts[1], parts[2], parts[3]
	if file == "" {
		file = s.name
	}
	at := slices.IndexFunc(c.sources, func(other *source) bool { return other.name == file })
	switch {
	case at < 0:
		c.violations.addf(s.name, ref.Line, "", "reference %q names a file that is not there", ref.Value)
	case get(c.sources[at].root, "components", kind, name) == nil:
		c.violations.addf(s.name, ref.Line, "", "reference %q leads nowhere", ref.Value)
	}
	ref.Value = "#/components/" + kind + "/" + name
	ref.Style = yaml.SingleQuotedStyle
}

// merge builds the bundle: what api.yaml says, then the paths, webhooks and
// components of all files, in the order of the files.
func (c *contract) merge() {
	c.doc = mapping()
	sections := []string{"paths", "webhooks", "components"}
	for _, s := range c.sources {
		for key, value := range pairs(s.root) {
			switch {
			case slices.Contains(sections, key.Value):
			case s.name == rootFile:
				set(c.doc, key.Value, value)
			default:
				c.violations.addf(s.name, key.Line, "", "%q belongs in %s", key.Value, rootFile)
			}
		}
	}
	for _, section := range sections[:2] {
		merged := mapping()
		for _, s := range c.sources {
			c.mergeNames(merged, section, s, get(s.root, section))
		}
		if section == "paths" || len(merged.Content) > 0 {
			set(c.doc, section, merged)
		}
	}
	components := mapping()
	for _, kind := range componentKinds {
		merged := mapping()
		for _, s := range c.sources {
			c.mergeNames(merged, kind, s, get(s.root, "components", kind))
		}
		if len(merged.Content) > 0 {
			set(components, kind, merged)
		}
	}
	for _, s := range c.sources {
		for kind := range pairs(get(s.root, "components")) {
			if !slices.Contains(componentKinds, kind.Value) {
				c.violations.addf(s.name, kind.Line, "", "components.%s is not used in this contract", kind.Value)
			}
		}
	}
	set(c.doc, "components", components)
}

func (c *contract) mergeNames(merged *yaml.Node, kind string, s *source, names *yaml.Node) {
	for name, value := range pairs(names) {
		key := kind + "/" + name.Value
		if other, taken := c.origin[key]; taken {
			c.violations.addf(s.name, name.Line, "", "%s %q is already in %s", strings.TrimSuffix(kind, "s"), name.Value, other)
			continue
		}
		c.origin[key] = s.name
		merged.Content = append(merged.Content, name, value)
	}
}

// typedKinds are the components that oapi-codegen may give a Go name to: one
// name in two of them gives code that does not compile.
var typedKinds = []string{"parameters", "headers", "requestBodies", "responses", "schemas"}

// ownNames are those that apigen itself gives in the generated package.
var ownNames = []string{"OperationSpec", "Operations", "OperationByGoName", "QueryParameter", "PathParameter", "SpecJSON"}

func (c *contract) checkComponentNames() {
	taken := map[string]string{}
	for _, name := range ownNames {
		taken[name] = "the operation table"
	}
	for _, kind := range typedKinds {
		for name := range pairs(get(c.doc, "components", kind)) {
			if other, found := taken[name.Value]; found {
				c.violations.addf(c.origin[kind+"/"+name.Value], name.Line, "",
					"%q names something in both %s and %s: names are unique over all kinds", name.Value, other, kind)
			}
			taken[name.Value] = kind
		}
	}
}

func renderBundle(c *contract) ([]byte, error) { return encodeYAML(c.doc) }

// renderCodegenInput gives what oapi-codegen reads. Error responses are all one
// shape and are written by one translator, and webhooks are sent, never
// received: generating them would only double the code. Of several kinds of file
// that an operation takes, one is enough: the body is the same reader for all.
func renderCodegenInput(c *contract) ([]byte, error) {
	doc := clone(c.doc)
	remove(doc, func(key string) bool { return key == "webhooks" })
	for _, item := range pairs(get(doc, "paths")) {
		for method, op := range pairs(item) {
			if slices.Contains(methods, method.Value) {
				remove(get(op, "responses"), func(status string) bool {
					return status == "default" || strings.HasPrefix(status, "4") || strings.HasPrefix(status, "5")
				})
				keepOneFile(get(op, "requestBody", "content"))
			}
		}
	}
	return encodeYAML(doc)
}

// keepOneFile leaves the first of several media types of files: oapi-codegen
// would give each a field of the same name.
func keepOneFile(content *yaml.Node) {
	var files []string
	for media, body := range pairs(content) {
		if text(body, "schema", "format") == "binary" {
			files = append(files, media.Value)
		}
	}
	if len(files) > 1 {
		remove(content, func(media string) bool { return slices.Contains(files[1:], media) })
	}
}
