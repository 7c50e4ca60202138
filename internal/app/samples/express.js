=== set
app.post('/set', (req, res) => {
  req.session.name = 'Rahim'
  res.send('set') // saved as the response ends
})
=== get
app.get('/get', (req, res) => {
  const name = req.session.name // undefined when it is missing
  res.json({ name })
})
=== keys
app.get('/keys', (req, res) => {
  res.json(Object.keys(req.session).filter(key => key !== 'cookie'))
})
=== delete
app.post('/delete', (req, res) => {
  delete req.session.name
  res.send('deleted')
})
=== clear
app.post('/clear', (req, res) => {
  for (const key of Object.keys(req.session)) {
    if (key !== 'cookie') delete req.session[key]
  }
  res.send('cleared')
})
=== flush
app.post('/flush', (req, res, next) => {
  req.session.destroy(err => { // the record
    if (err) return next(err)
    res.clearCookie('connect.sid') // and the cookie
    res.send('flushed')
  })
})
=== cycle-id
app.post('/cycle-id', (req, res, next) => {
  const { cookie, ...values } = req.session
  req.session.regenerate(err => { // new ID, and empty
    if (err) return next(err)
    Object.assign(req.session, values)
    res.send('cycled')
  })
})
=== clear-expired
// each store has its own way; connect-pg-simple, for one:
app.use(session({
  secret, resave: false, saveUninitialized: false,
  store: new PgSession({ pool, pruneSessionInterval: 600 }) // seconds
}))
=== expiry
app.post('/expiry', (req, res) => {
  req.session.cookie.maxAge = 5000 // milliseconds
  res.send('5 seconds')
})
=== placement
app.use(cookieSession({ keys: [secret] })) // cookie-session: every value in the cookie
// or
app.use(session({ secret, store, resave: false, saveUninitialized: false })) // express-session: the ID alone
=== login
app.post('/login', (req, res, next) => {
  req.session.regenerate(err => { // a new ID before anything else
    if (err) return next(err)
    req.session.user = 'ada'
    res.redirect('/')
  })
})
=== logout
app.post('/logout', (req, res, next) => {
  req.session.destroy(err => {
    if (err) return next(err)
    res.clearCookie('connect.sid')
    res.redirect('/')
  })
})
=== session
app.get('/session', (req, res) => {
  res.json({ id: req.sessionID, cookie: req.session.cookie, session: req.session })
})
=== verify
const signature = require('cookie-signature')

// what express-session does; false when a letter was changed
const id = signature.unsign(cookie.slice('s:'.length), secret)
=== plant
app.post('/plant', (req, res) => {
  res.cookie('readable', 'hello', { sameSite: 'lax' }) // httpOnly is off unless asked for
  res.send('planted')
})
=== replay
// whoever sends the copy has the session, while there is a record
req.sessionStore.get(id, (err, session) => {
  res.json(session) // undefined once destroy() has deleted it
})
=== drop
app.post('/drop-cookie', (req, res) => {
  res.clearCookie('connect.sid') // the record stays
  res.send('dropped')
})
=== put-back
app.post('/put-back', (req, res) => {
  res.cookie('connect.sid', kept, { httpOnly: true, sameSite: 'lax', encode: String })
  res.send('put back')
})
