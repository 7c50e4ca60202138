package classroom

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// The names of the documents of a Survey.
const (
	surveyName    = "everyone"
	stakePrefix   = "everyone/"
	pastActPrefix = "everyone-past/"
)

// surveyDocument is the document of the state of a Survey.
type surveyDocument struct {
	Acts       int  `json:"acts"`                 // how many were begun
	Generation int  `json:"generation,omitempty"` // how often the secrets were replaced
	Act        *Act `json:"act,omitempty"`        // that is under way or shown
	Done       bool `json:"done,omitempty"`       // Act is done
}

// stakeDocument is what one seat had before an act, and what came of it.
type stakeDocument struct {
	Act       int       `json:"act"`
	Key       string    `json:"key,omitempty"` // of the record, hex: the SHA-256 of the session's ID
	Placement string    `json:"placement,omitempty"`
	Version   uint64    `json:"version,omitempty"`
	Created   time.Time `json:"created,omitzero"`
	What      Outcome   `json:"what,omitempty"`
	Why       string    `json:"why,omitempty"`
	At        time.Time `json:"at,omitzero"`
}

func (d surveyDocument) document() Document { return jsonDocument(surveyName, d) }

// documentsOf returns the documents of acts that are shown no more.
func documentsOf(past []PastAct) (docs []Document) {
	for _, p := range past {
		docs = append(docs, jsonDocument(pastActName(p.N), p))
	}
	return docs
}

func pastActName(n int) string { return fmt.Sprintf("%s%06d", pastActPrefix, n) }

func stakeName(id ID) string { return stakePrefix + string(id) }

// stakeOf returns the document of a seat's stake in act n.
func stakeOf(id ID, n int, s stake) Document {
	d := stakeDocument{Act: n, What: s.showed.What, Why: s.showed.Why, At: s.showed.At}
	if s.known != (session.Known{}) {
		d.Key, d.Placement = hex.EncodeToString(s.known.Key[:]), s.known.Placement.String()
		d.Version, d.Created = s.known.Version, s.known.Created
	}
	return jsonDocument(stakeName(id), d)
}

// put writes documents, and before them those that may hold something else since an earlier write failed.
func (s *Survey) put(ctx context.Context, docs ...Document) error {
	s.mu.Lock()
	owed := s.owed
	s.owed = make(map[string]ID)
	var all []Document
	for name, id := range owed {
		one, there := s.seats[id]
		switch {
		case name == surveyName:
			all = append(all, s.kept.document())
		case there:
			all = append(all, stakeOf(id, s.kept.Acts, one))
		}
	}
	s.mu.Unlock()
	all = append(all, docs...)
	err := s.cfg.Documents.Put(ctx, all...)
	if err == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.Copy(s.owed, owed)
	for _, d := range docs {
		if id, stakes := strings.CutPrefix(d.Name, stakePrefix); stakes || d.Name == surveyName {
			s.owed[d.Name] = ID(id) // of surveyName no seat has it
		}
	}
	return err
}

// load reads the documents, and deletes those of seats that went and of older acts.
func (s *Survey) load(ctx context.Context) error {
	stakes := make(map[ID]stakeDocument)
	if err := readDocuments(ctx, s.cfg.Documents, s.cfg.Log, func(doc Document) error { return s.read(doc, stakes) }); err != nil {
		return fmt.Errorf("classroom: read what was done for everyone: %w", err)
	}
	var litter []string
	for id, d := range stakes {
		one, err := d.stake()
		if err == nil && s.kept.Act != nil && d.Act == s.kept.Acts && s.cfg.There(id) {
			s.seats[id] = one
		} else {
			litter = append(litter, stakeName(id))
		}
	}
	s.past = slices.DeleteFunc(s.past, func(p PastAct) bool {
		shown := s.kept.Act != nil && s.kept.Act.N == p.N // it was not finished after all
		if shown {
			litter = append(litter, pastActName(p.N))
		}
		return shown
	})
	if err := s.cfg.Documents.Delete(ctx, litter...); err != nil {
		s.cfg.Log.Error("classroom: documents of an older act were left", "error", err)
	}
	return nil
}

// read reads one document, if it is of a Survey.
func (s *Survey) read(doc Document, stakes map[ID]stakeDocument) error {
	switch {
	case doc.Name == surveyName:
		return json.Unmarshal(doc.Data, &s.kept)
	case strings.HasPrefix(doc.Name, stakePrefix):
		var d stakeDocument
		err := json.Unmarshal(doc.Data, &d)
		stakes[ID(strings.TrimPrefix(doc.Name, stakePrefix))] = d
		return err
	case strings.HasPrefix(doc.Name, pastActPrefix):
		var p PastAct
		err := json.Unmarshal(doc.Data, &p)
		if err == nil {
			s.past = append(s.past, p)
		}
		return err
	}
	return nil
}

// stake returns what d says.
func (d stakeDocument) stake() (one stake, err error) {
	one.showed = Showed{What: d.What, Why: d.Why, At: d.At}
	if d.Key == "" {
		return one, nil
	}
	if n, err := hex.Decode(one.known.Key[:], []byte(d.Key)); err != nil || n != len(one.known.Key) {
		return stake{}, fmt.Errorf("no key: %w", err)
	}
	one.known.Version, one.known.Created = d.Version, d.Created
	one.known.Placement, err = session.ParsePlacement(d.Placement)
	return one, err
}
