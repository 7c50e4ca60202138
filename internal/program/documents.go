package program

import (
	"context"
	"iter"
	"maps"
	"slices"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/store/sqlite"
)

// documents are a class's classroom.Documents in a database that was opened with
// sqlite.Config.Documents. use calls
// do with the present handle of it.
type documents struct {
	use func(ctx context.Context, do func(*sqlite.Store) error) error
}

// Put implements classroom.Documents.
func (d documents) Put(ctx context.Context, docs ...classroom.Document) error {
	byName := make(map[string][]byte, len(docs))
	for _, doc := range docs {
		if err := doc.Check(); err != nil {
			return err
		}
		byName[doc.Name] = doc.Data
	}
	return d.use(ctx, func(st *sqlite.Store) error { return st.PutDocuments(ctx, byName) })
}

// Delete implements classroom.Documents.
func (d documents) Delete(ctx context.Context, names ...string) error {
	return d.use(ctx, func(st *sqlite.Store) error { return st.DeleteDocuments(ctx, names...) })
}

// All implements classroom.Documents.
func (d documents) All(ctx context.Context) iter.Seq2[classroom.Document, error] {
	return func(yield func(classroom.Document, error) bool) {
		var all map[string][]byte
		err := d.use(ctx, func(st *sqlite.Store) (err error) {
			all, err = st.Documents(ctx)
			return err
		})
		if err != nil {
			yield(classroom.Document{}, err)
			return
		}
		for _, name := range slices.Sorted(maps.Keys(all)) {
			if !yield(classroom.Document{Name: name, Data: all[name]}, nil) {
				return
			}
		}
	}
}
