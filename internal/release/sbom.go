package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// home is where the program is published.
const home = "https://github.com/sessionscope/sessionscope"

// sbom returns the list of what is inside the program in JSON, as CycloneDX 1.6 describes it
// (https://cyclonedx.org/docs/1.6/json/). Nothing in it is random, and its time is that of the
// commit: the same program has the same list.
func (w *workshop) sbom(b *build, program []byte, modules []*module) ([]byte, error) {
	list := cdx.NewBOM()
	list.Metadata = &cdx.Metadata{
		Timestamp:  w.when.Format(time.RFC3339),
		Lifecycles: &[]cdx.Lifecycle{{Phase: cdx.LifecyclePhaseBuild}},
		Tools: &cdx.ToolsChoice{Components: &[]cdx.Component{{
			Type: cdx.ComponentTypeApplication, Name: b.info.Main.Path + "/internal/release", Version: b.version,
		}}},
	}
	var components []cdx.Component
	var arrows []cdx.Dependency
	refs := map[string]string{}
	for _, m := range modules {
		refs[m.path] = m.purl
	}
	for i, m := range modules {
		c := component(m)
		if i == 0 { // the program itself
			c.Type = cdx.ComponentTypeApplication
			c.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: fmt.Sprintf("%x", sha256.Sum256(program))}}
			c.ExternalReferences = &[]cdx.ExternalReference{{Type: cdx.ERTypeVCS, URL: home}}
			c.Properties = properties(b)
			list.Metadata.Component = &c
		} else {
			components = append(components, c)
		}
		var needs []string
		for _, path := range m.needs {
			needs = append(needs, refs[path])
		}
		if m.port != nil {
			components = append(components, m.port.component(m))
			needs = append(needs, m.port.purl())
			arrows = append(arrows, cdx.Dependency{Ref: m.port.purl(), Dependencies: &[]string{}})
		}
		slices.Sort(needs)
		arrows = append(arrows, cdx.Dependency{Ref: m.purl, Dependencies: &needs})
	}
	list.Components, list.Dependencies = &components, &arrows
	first, err := encoded(list)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(first)
	list.SerialNumber = serial(sum[:16])
	return encoded(list)
}

// component returns what the list says of a module.
func component(m *module) cdx.Component {
	c := cdx.Component{
		BOMRef: m.purl, PackageURL: m.purl, Type: cdx.ComponentTypeLibrary, Name: m.path, Version: m.version,
		Scope: cdx.ScopeRequired,
	}
	switch len(m.hash) {
	case 64:
		c.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: m.hash}}
	case 128:
		c.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA512, Value: m.hash}}
	}
	licences := cdx.Licenses{}
	for _, id := range m.licences() {
		licences = append(licences, licence(id))
	}
	c.Licenses = &licences
	return c
}

// component returns what the list says of a C library inside the module m.
func (p *port) component(m *module) cdx.Component {
	return cdx.Component{
		BOMRef: p.purl(), PackageURL: p.purl(), CPE: p.cpe(), Type: cdx.ComponentTypeLibrary, Name: p.name, Version: p.version,
		Scope: cdx.ScopeRequired, Licenses: &cdx.Licenses{licence(p.licence)}, Description: "C, translated to Go inside " + m.name(),
	}
}

// licence returns what the list says of a licence.
func licence(id string) cdx.LicenseChoice {
	if id == publicDomain {
		return cdx.LicenseChoice{License: &cdx.License{Name: id}}
	}
	return cdx.LicenseChoice{License: &cdx.License{ID: id}}
}

// properties returns how the program was built, in the names that cyclonedx-gomod gives it.
func properties(b *build) *[]cdx.Property {
	all := []cdx.Property{{Name: "cdx:gomod:build:env:GOVERSION", Value: b.info.GoVersion}}
	for _, s := range b.info.Settings {
		name := "cdx:gomod:build:env:" + s.Key
		switch s.Key[0] {
		case '-':
			name = "cdx:gomod:build:flag:" + s.Key
		case 'v':
			name = "cdx:gomod:build:" + s.Key // vcs.revision and the like
		}
		all = append(all, cdx.Property{Name: name, Value: s.Value})
	}
	return &all
}

// encoded returns the list in JSON.
func encoded(list *cdx.BOM) ([]byte, error) {
	var out bytes.Buffer
	err := cdx.NewBOMEncoder(&out, cdx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false).EncodeVersion(list, cdx.SpecVersion1_6)
	return out.Bytes(), err
}

// serial returns 16 bytes as a UUID of version 8, the one for bytes of one's own choice (RFC 9562,
// section 5.8).
func serial(b []byte) string {
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
