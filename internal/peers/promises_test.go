package peers

// question is a promise: its test here, its words, the program's own tests of it, and what a
// reader should know of single contenders.
type question struct {
	Test, Promise string
	suite         map[string]string // by the contender's name: folder.Test
	notes         map[string]string
}

// list is all promises, in the order of the tables.
type list []question

// Notes of several contenders.
const (
	noLifetime = "There is no such setting: a program has to keep the time of birth in the session itself."
	savesLate  = "express-session saves while it ends the answer, and tells the error handler afterwards. `req.session.save(callback)`, which its documentation has too, tells the program before."
	dropsAll   = "As documented: while Redis fails, Rails' Redis cache raises nothing, finds nothing, and drops what is written."
	fallbacks  = "Django 4.1 and later have `SECRET_KEY_FALLBACKS`, which `django/app.py` sets; Debian 12 has Django 3.2."
)

// suite gives one test for all three placements.
func suite(test string) map[string]string {
	return map[string]string{"sessionscope-server": test, "sessionscope-hybrid": test, "sessionscope-cookie": test}
}

var promises = list{
	{"TestReadingCreatesNoSession", "Reading creates no session: no record, and no cookie", suite("session.TestReadingNeverCreates"), map[string]string{
		"express-redis": "With `saveUninitialized: false`, which express-session's documentation advises for logins; its default creates one.",
	}},
	{"TestClientChoosesNoID", "A client never chooses an ID: neither one that it made up, nor that of a session that has ended", suite("session.TestClientNeverChoosesAnID"), map[string]string{
		"gorilla-files": "A cookie that it has signed keeps its ID after the logout: the next `Save` writes a file of that ID again.",
	}},
	{"TestLoginLeavesTheOldCookieOutside", "After a login, the cookie from before it does not open the session that is logged in", suite("session.TestCycleKeepsDataAndKillsTheOldID"), map[string]string{
		"gorilla-files": "By setting `session.ID` to \"\" before `Save`, which its documentation does not mention. The file of the old ID stays, and opens what was in it.",
	}},
	{"TestParallelSetsBothStay", "Two requests at the same time set two keys, and both stay", map[string]string{
		"sessionscope-server": "session.TestParallelWritesLoseNoUpdate",
		"sessionscope-hybrid": "session.TestStaleCookieIsToldAndMayWrite",
		"sessionscope-cookie": "session.TestStaleCookieIsToldAndMayWrite",
	}, map[string]string{
		"sessionscope-hybrid": "Values of more than 256 bytes live on the server, and both stay. The page says that a cookie is stale.",
	}},
	{"TestFlushStaysFlushed", "A logout is not undone by a slow request that saves after it", suite("session.TestWriteRevivesNothing"), nil},
	{"TestCopyOpensNothingAfterLogout", "A kept copy of the cookie opens nothing after the logout", suite("session.TestClearAndFlush"), map[string]string{
		"django-cookies": "As documented: a logout does not make the cookie invalid.",
		"rails-cookie":   "As documented: the guide on security describes it, and advises to keep what matters in the database.",
	}},
	{"TestIdleClock", "The server ends a session that was not used, whatever the browser does with `Max-Age`", suite("session.TestIdleAndAbsoluteClocks"), nil},
	{"TestAbsoluteClock", "The server ends a session at an absolute age, however much it is used", suite("session.TestIdleAndAbsoluteClocks"), map[string]string{
		"django-db": noLifetime, "gorilla-files": noLifetime, "express-redis": noLifetime, "rails-cache": noLifetime,
		"django-cookies": noLifetime, "gorilla-cookie": noLifetime, "rails-cookie": noLifetime,
	}},
	{"TestOutageIsNoLogout", "While the store does not answer, a request gets an error, and nobody is logged out", suite("session.TestStoreThatIsDownIsAStoreError"), map[string]string{
		"sessionscope-cookie": "A new session in the cookie needs no store, and is kept. One that comes back is looked up among the IDs that were ended, and gets the error.",
		"gorilla-files":       "Its README ignores the error of `Get`, which an unknown cookie gives too.",
		"express-redis":       savesLate,
		"rails-cache":         dropsAll,
	}},
	{"TestTooLargeIsRefused", "What is too large is refused, and nothing is lost silently", suite("session.TestLimitsAreTypedAndChangeNothing"), map[string]string{
		"gorilla-files":  "It refuses more than 4096 bytes; `MaxLength` sets another limit.",
		"django-cookies": "The answer is a success, and the browser ignores the cookie, which is too large for it.",
	}},
	{"TestSecretsRotate", "Secrets rotate, and nobody is logged out", suite("session.TestSetSecrets"), map[string]string{"django-db": fallbacks, "django-cookies": fallbacks}},
	{"TestFullStore", "A full store refuses new sessions aloud, and throws out no live one", map[string]string{
		"sessionscope-server": "session.TestFullStoreRefusesNewSessionsOnly",
		"sessionscope-hybrid": "session.TestFullStoreRefusesNewSessionsOnly",
		"sessionscope-cookie": "session.TestIDRoomBoundsMarkers",
	}, map[string]string{
		"sessionscope-cookie": "A session in the cookie takes no room in the store. How many IDs it gives out is limited, and one more is refused.",
		"express-redis":       savesLate,
		"rails-cache":         dropsAll,
	}},
	{"TestExpiredRecordsAreCleared", "Expired records can be cleared", map[string]string{
		"sessionscope-server": "session.TestExpiredRecordStaysUntilCleared",
		"sessionscope-hybrid": "session.TestExpiredRecordStaysUntilCleared",
	}, map[string]string{"gorilla-files": "Its files stay until something other than the store removes them."}},
}

// of returns the promise of a test.
func (l list) of(test string) question {
	for _, p := range l {
		if p.Test == test {
			return p
		}
	}
	panic("no promise has the test " + test)
}
