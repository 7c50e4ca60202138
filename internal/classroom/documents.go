package classroom

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// The limits of a document, in bytes.
const (
	MaxDocumentName = 100
	MaxDocument     = 64 << 10
)

// Document is one small document.
type Document struct {
	Name string // 1 to MaxDocumentName bytes of UTF-8, without a NUL
	Data []byte // at most MaxDocument bytes
}

// Check returns an error that says which limit the document passes.
func (d Document) Check() error {
	switch {
	case d.Name == "" || len(d.Name) > MaxDocumentName:
		return fmt.Errorf("classroom: a document's name has %d bytes: it can have 1 to %d", len(d.Name), MaxDocumentName)
	case !utf8.ValidString(d.Name) || strings.ContainsRune(d.Name, 0):
		return fmt.Errorf("classroom: a document's name is no UTF-8, or has a NUL: %q", d.Name)
	case len(d.Data) > MaxDocument:
		return fmt.Errorf("classroom: document %q has %d bytes: it can have %d", d.Name, len(d.Data), MaxDocument)
	}
	return nil
}

// Documents keep a class's state. Its methods may be called concurrently and honour ctx. An
// error that is not of Check means that what was asked for may have happened or not, as a
// whole. classtest.TestDocuments tests an implementation.
type Documents interface {
	// Put stores documents, each in place of the one of its name: all of them, or none. If
	// one does not pass Check it returns that error. Of two with one name the later counts.
	Put(ctx context.Context, docs ...Document) error
	// Delete removes the documents of those names: all of them, or none. A name of no
	// document is no error.
	Delete(ctx context.Context, names ...string) error
	// All yields every document as it was at one moment, in the order of the bytes of their
	// names. The first error ends it. The loop's body must not use the Documents. What is
	// yielded belongs to the caller.
	All(ctx context.Context) iter.Seq2[Document, error]
}

// MemoryDocuments keep documents in memory. The zero value is of no use: see NewMemoryDocuments.
type MemoryDocuments struct {
	mu   sync.Mutex
	data map[string][]byte // a slice in here never changes
}

// NewMemoryDocuments returns Documents in memory, without a document.
func NewMemoryDocuments() *MemoryDocuments {
	return &MemoryDocuments{data: make(map[string][]byte)}
}

// Put implements Documents.
func (m *MemoryDocuments) Put(ctx context.Context, docs ...Document) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for _, d := range docs {
		if err := d.Check(); err != nil {
			return err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, d := range docs {
		m.data[strings.Clone(d.Name)] = slices.Clone(d.Data)
	}
	return nil
}

// Delete implements Documents.
func (m *MemoryDocuments) Delete(ctx context.Context, names ...string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range names {
		delete(m.data, name)
	}
	return nil
}

// All implements Documents.
func (m *MemoryDocuments) All(ctx context.Context) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		m.mu.Lock()
		then := maps.Clone(m.data)
		m.mu.Unlock()
		for _, name := range slices.Sorted(maps.Keys(then)) {
			if ctx.Err() != nil {
				yield(Document{}, context.Cause(ctx))
				return
			}
			if !yield(Document{Name: name, Data: slices.Clone(then[name])}, nil) {
				return
			}
		}
	}
}

// jsonDocument returns a document with content as JSON.
func jsonDocument(name string, content any) Document {
	data, err := json.Marshal(content)
	if err != nil {
		panic(err) // cannot happen: strings, numbers and times of this century
	}
	return Document{Name: name, Data: data}
}

// readDocuments has read each document. One that read returns an error of is logged and left out. The
// error is the documents'.
func readDocuments(ctx context.Context, documents Documents, log *slog.Logger, read func(Document) error) error {
	for doc, err := range documents.All(ctx) {
		if err != nil {
			return err
		}
		if err := read(doc); err != nil {
			log.Error("classroom: a document cannot be read and is left out", "document", doc.Name, "error", err)
		}
	}
	return nil
}
