package main

import (
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// extensions that the contract may use; any other is a slip of the pen.
var extensions = []string{
	"x-stability-level", "x-sunset", "x-extensible-enum", "x-expandable", "x-scopes", "x-event-types", "x-rate", "x-verb",
	"x-idempotency", "x-purpose", "x-go-type", "x-go-type-import", "x-go-type-skip-optional-pointer", "x-enum-varnames",
	"x-tagGroups", "x-field-class", "x-secret", "x-reads-only", "x-batch",
}

// fieldClasses are what a property can be said to tell about a person: who may
// read and write it is said by these names in roles and credentials, so that one
// misspelt would be open to all or to nobody.
var fieldClasses = []string{"identity", "civil", "contact_point", "financial", "note", "sensitive"}

func (c *contract) checkFieldClass(file string, node *yaml.Node) {
	named := []*yaml.Node{node}
	if node.Kind == yaml.SequenceNode {
		if named = node.Content; len(named) == 0 {
			c.violations.addf(file, node.Line, "", "x-field-class names no class")
		}
	}
	for i, n := range named {
		switch {
		case n.Kind != yaml.ScalarNode || !slices.Contains(fieldClasses, n.Value):
			c.violations.addf(file, n.Line, "", "x-field-class %q is not one of %s", n.Value, strings.Join(fieldClasses, ", "))
		case slices.ContainsFunc(named[:i], func(other *yaml.Node) bool { return other.Value == n.Value }):
			c.violations.addf(file, n.Line, "", "x-field-class names %s twice", n.Value)
		}
	}
}

// checkDocument holds the rules that apply to every object of every file.
func (c *contract) checkDocument() {
	if version := text(c.doc, "openapi"); version != "3.1.0" {
		c.violations.addf(rootFile, 1, "", "openapi is %q and not 3.1.0", version)
	}
	for _, s := range c.sources {
		walkObjects(s.root, func(object *yaml.Node) {
			for key, value := range pairs(object) {
				if key.Value == "x-field-class" {
					c.checkFieldClass(s.name, value)
				}
				switch name := key.Value; {
				case strings.HasPrefix(name, "x-") && !slices.Contains(extensions, name):
					c.violations.addf(s.name, key.Line, "", "extension %q is not one of ours", name)
				case name == "readOnly" || name == "writeOnly":
					c.violations.addf(s.name, key.Line, "", "%s is not enforced by validators: write separate schemas for requests and responses", name)
				case name == "const" && get(object, "type") == nil:
					c.violations.addf(s.name, key.Line, "", "const without a type generates an untyped field")
				}
			}
		})
	}
}

var titleCase = regexp.MustCompile(`^[A-Z][A-Za-z]*( (and |of |for )?[A-Z][A-Za-z]*)*$`)

// checkTags wants each tag declared once and described.
func (c *contract) checkTags() {
	declared := map[string]bool{}
	for _, tag := range items(get(c.doc, "tags")) {
		name := text(tag, "name")
		if declared[name] {
			c.violations.addf(rootFile, tag.Line, "", "tag %q is declared twice", name)
		}
		declared[name] = true
		if !titleCase.MatchString(name) {
			c.violations.addf(rootFile, tag.Line, "", "tag %q is not in Title Case", name)
		}
		if text(tag, "description") == "" {
			c.violations.addf(rootFile, tag.Line, "", "tag %q has no description", name)
		}
	}
	for _, op := range c.operations {
		for _, tag := range texts(get(op.node, "tags")) {
			if !declared[tag] {
				c.violations.addf(op.file, op.node.Line, op.name(), "tag %q is not declared in %s", tag, rootFile)
			}
		}
	}
}
