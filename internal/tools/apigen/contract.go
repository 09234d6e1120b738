package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

const (
	rootFile   = "api.yaml"
	sharedFile = "common.yaml"
)

// toolFiles live in api/ and are settings of tools, not contract.
var toolFiles = []string{"codegen.yaml", "overlay.yaml"}

var methods = []string{"get", "put", "post", "delete", "options", "head", "patch", "trace"}

// source is one file of api/.
type source struct {
	name string
	root *yaml.Node
}

func (s *source) domain() string { return strings.TrimSuffix(s.name, ".yaml") }

// operation is one operation of a path, or one webhook.
type operation struct {
	file, domain  string
	path, method  string
	id            string
	node          *yaml.Node
	pathItem      *yaml.Node
	pointer       string
	webhook       bool
	pathItemPoint string
}

// contract is the whole of api/, merged.
type contract struct {
	sources    []*source
	doc        *yaml.Node
	operations []*operation
	// origin tells which file a component, "schemas/Contact", comes from.
	origin     map[string]string
	violations violations
}

// loadContract reads the folder, merges it and checks it. The error names every
// violation.
func loadContract(dir string) (*contract, error) {
	sources, err := readSources(dir)
	if err != nil {
		return nil, err
	}
	c := &contract{sources: sources, origin: map[string]string{}}
	c.checkReferences()
	c.merge()
	c.collectOperations()
	c.checkComponentNames()
	c.checkTags()
	c.checkDocument()
	c.checkOperations()
	c.checkRequests()
	if err := c.violations.err(); err != nil {
		return nil, err
	}
	return c, nil
}

func readSources(dir string) ([]*source, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return nil, err
	}
	var sources []*source
	for _, path := range names {
		name := filepath.Base(path)
		if slices.Contains(toolFiles, name) {
			continue
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		var document yaml.Node
		if err := yaml.Unmarshal(content, &document); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if document.Kind != yaml.DocumentNode || document.Content[0].Kind != yaml.MappingNode {
			return nil, fmt.Errorf("%s: is not a mapping", name)
		}
		if err := checkPlain(name, document.Content[0]); err != nil {
			return nil, err
		}
		normalise(document.Content[0])
		sources = append(sources, &source{name: name, root: document.Content[0]})
	}
	if !slices.ContainsFunc(sources, func(s *source) bool { return s.name == rootFile }) {
		return nil, fmt.Errorf("%s: not found", filepath.Join(dir, rootFile))
	}
	sortSources(sources)
	return sources, nil
}

// checkPlain refuses what a flat merge cannot keep: aliases, and keys written
// twice, which YAML readers treat differently.
func checkPlain(file string, node *yaml.Node) error {
	if node.Kind == yaml.AliasNode || node.Anchor != "" {
		return fmt.Errorf("%s:%d: anchors and aliases are not allowed", file, node.Line)
	}
	seen := map[string]bool{}
	for key := range pairs(node) {
		if seen[key.Value] {
			return fmt.Errorf("%s:%d: %q is written twice", file, key.Line, key.Value)
		}
		seen[key.Value] = true
	}
	for _, child := range node.Content {
		if err := checkPlain(file, child); err != nil {
			return err
		}
	}
	return nil
}

// sortSources puts the root first, what is shared second, and then the domains
// in the order of the tags they use.
func sortSources(sources []*source) {
	tags := map[string]int{}
	for _, s := range sources {
		if s.name == rootFile {
			for i, tag := range items(get(s.root, "tags")) {
				tags[text(tag, "name")] = i
			}
		}
	}
	rank := func(s *source) int {
		switch s.name {
		case rootFile:
			return -2
		case sharedFile:
			return -1
		}
		best := len(tags)
		for _, section := range []string{"paths", "webhooks"} {
			for _, item := range pairs(get(s.root, section)) {
				for _, op := range pairs(item) {
					for _, tag := range texts(get(op, "tags")) {
						if i, known := tags[tag]; known {
							best = min(best, i)
						}
					}
				}
			}
		}
		return best
	}
	slices.SortFunc(sources, func(a, b *source) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.name, b.name))
	})
}

func (c *contract) collectOperations() {
	for _, s := range c.sources {
		for _, section := range []string{"paths", "webhooks"} {
			for name, item := range pairs(get(s.root, section)) {
				for method, node := range pairs(item) {
					if !slices.Contains(methods, method.Value) {
						continue
					}
					c.operations = append(c.operations, &operation{
						file: s.name, domain: s.domain(), path: name.Value, method: method.Value,
						id: text(node, "operationId"), node: node, pathItem: item, webhook: section == "webhooks",
						pathItemPoint: pointer("#", section, name.Value),
						pointer:       pointer("#", section, name.Value, method.Value),
					})
				}
			}
		}
	}
}

// resolve follows references inside the bundle. It returns where the thing is
// written and the thing; a dangling reference, reported elsewhere, gives an
// empty mapping.
func (c *contract) resolve(at string, node *yaml.Node) (string, *yaml.Node) {
	for range 20 {
		ref := text(node, "$ref")
		if ref == "" {
			return at, node
		}
		names := strings.Split(strings.TrimPrefix(ref, "#/"), "/")
		if node = get(c.doc, names...); node == nil {
			break
		}
		at = ref
	}
	return at, mapping()
}

// parameter is one parameter of an operation, its references followed.
type parameter struct {
	in, name string
	required bool
	node     *yaml.Node
	schemaAt string
	schema   *yaml.Node
}

// parameters gives those of the operation, then those of its path.
func (c *contract) parameters(op *operation) []parameter {
	var all []parameter
	collect := func(base string, list *yaml.Node) {
		for i, item := range items(list) {
			at, node := c.resolve(pointer(base, "parameters", fmt.Sprint(i)), item)
			p := parameter{in: text(node, "in"), name: text(node, "name"), required: isTrue(get(node, "required")), node: node}
			if slices.ContainsFunc(all, func(q parameter) bool { return q.in == p.in && q.name == p.name }) {
				continue
			}
			p.schemaAt, p.schema = c.resolve(pointer(at, "schema"), get(node, "schema"))
			all = append(all, p)
		}
	}
	collect(op.pointer, get(op.node, "parameters"))
	collect(op.pathItemPoint, get(op.pathItem, "parameters"))
	return all
}

// medium is one media type of a body.
type medium struct {
	name     string
	at       string
	node     *yaml.Node
	schemaAt string
	schema   *yaml.Node
}

func (c *contract) media(at string, body *yaml.Node) []medium {
	var all []medium
	at, body = c.resolve(at, body)
	for name, node := range pairs(get(body, "content")) {
		m := medium{name: name.Value, node: node, at: pointer(at, "content", name.Value)}
		m.schemaAt, m.schema = c.resolve(pointer(m.at, "schema"), get(node, "schema"))
		all = append(all, m)
	}
	return all
}

func (c *contract) requestMedia(op *operation) []medium {
	return c.media(pointer(op.pointer, "requestBody"), get(op.node, "requestBody"))
}

func isJSON(mediaType string) bool {
	return mediaType == "application/json" || strings.HasSuffix(mediaType, "+json")
}
