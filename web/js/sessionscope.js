// What the page does beyond htmx: clocks that count down, the theme switch, marks
// that an answer leaves, and a word when none comes. Everything works without it.

// Clocks: data-until and data-now are the server's, in milliseconds since 1970.
// Counting from the moment the element arrived makes a wrong clock here harmless.
const arrived = new WeakMap();

function left(seconds) {
  const h = Math.floor(seconds / 3600), m = Math.floor(seconds / 60) % 60, s = seconds % 60;
  return h ? `${h} h ${m} m ${s} s` : m ? `${m} m ${s} s` : `${s} s`;
}

function tick() {
  if (isAway()) return; // nobody knows what the server keeps now
  for (const el of document.querySelectorAll('[data-until]')) {
    const { until, now, whole, ends } = el.dataset;
    let start = arrived.get(el);
    if (!start || start.now !== now) arrived.set(el, start = { now, at: performance.now(), asked: false });
    const ms = Math.max(0, until - now - (performance.now() - start.at));
    if (whole) el.setAttribute('stroke-dasharray', `${Math.floor(100 * ms / whole)} 100`);
    else if (el.textContent !== left(Math.ceil(ms / 1000))) el.textContent = left(Math.ceil(ms / 1000));
    if (ends && ms === 0 && !start.asked) {
      start.asked = true; // ask the server, once: what it says is what the page shows
      document.body.dispatchEvent(new CustomEvent('sessionscope:expired'));
    }
  }
}
setInterval(tick, 250);

const theme = document.getElementById('theme');
if (theme) {
  theme.hidden = false;
  theme.addEventListener('click', () => {
    const chosen = document.documentElement.dataset.theme;
    const dark = chosen ? chosen === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
    const next = dark ? 'light' : 'dark';
    document.documentElement.dataset.theme = next;
    try { localStorage.setItem('theme', next); } catch { /* the choice lasts as long as the page */ }
  });
}

// What scripts see: this page really asks document.cookie. For other programs' cookies it
// shows names and sizes only, as the server does.
const bytes = (text) => new TextEncoder().encode(text).length;
function look() {
  const said = document.querySelector('#document-cookie .said');
  if (!said) return;
  const seen = document.cookie.split('; ').filter(Boolean).map((pair) => { // without "=" it is a value that has no name
    const at = pair.indexOf('=');
    return { name: at < 0 ? '' : pair.slice(0, at), value: pair.slice(at + 1) };
  });
  const show = seen.map(({ name, value }) => name === said.parentElement.dataset.readable ? `${name}=${value}` : `${name || '(no name)'}=‹${bytes(value)} B, of another program›`);
  said.textContent = `"${show.join('; ')}"`;
  const rows = [...document.querySelectorAll('#jar tbody tr')];
  for (const row of rows) {
    const cell = row.querySelector('.said');
    if (cell) cell.textContent = whatScriptsSee(row, rows, seen);
  }
}

// What scripts see of the cookie in a row. The server knows no values of other cookies, and
// several paths can have a cookie of one name: cookies of one name are told apart by size.
function whatScriptsSee({ dataset: { cookie, nameBytes, bytes: size, kind } }, rows, seen) {
  if (kind === undefined || kind === 'more') return seen.length ? 'see below' : 'nothing';
  const whole = bytes(cookie) >= nameBytes; // else it is the beginning of the name
  const named = seen.filter(({ name }) => whole ? name === cookie : name.startsWith(cookie) && bytes(name) === Number(nameBytes));
  const namesakes = rows.filter((row) => row.dataset.cookie === cookie && row.dataset.nameBytes === nameBytes);
  const sizeOf = ({ name, value }) => String(bytes(name) + bytes(value));
  const alike = named.filter((pair) => sizeOf(pair) === size), twins = namesakes.filter((row) => row.dataset.bytes === size);
  if (named.length >= namesakes.length || alike.length >= twins.length) return 'visible';
  if (alike.length) return `visible: ${alike.length} of ${twins.length} that look alike`;
  if (named.some((pair) => namesakes.every((row) => row.dataset.bytes !== sizeOf(pair)))) return `visible: ${named.length} of ${namesakes.length} of this name`;
  return { session: 'hidden by HttpOnly', ended: 'nothing any more' }[kind] ?? 'hidden';
}

// The code panel opens with the framework that was chosen last.
document.addEventListener('change', (event) => {
  if (event.target.name !== 'listing') return;
  try { localStorage.setItem('listing', event.target.id); } catch { /* the choice lasts as long as the page */ }
});
function chooseListing() {
  let chosen = null;
  try { chosen = document.getElementById(localStorage.getItem('listing')); } catch { /* no storage */ }
  if (chosen?.name === 'listing') chosen.checked = true;
}

// A phone on plain http has no clipboard: there the text is selected instead.
document.addEventListener('click', async (event) => {
  const button = event.target.closest?.('[data-copy]');
  if (!button) return;
  const field = document.getElementById(button.dataset.copy);
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    button.textContent = 'Copied';
  } catch { button.textContent = 'Selected: copy it'; }
});

const lastMoment = () => Number(document.querySelector('#timeline li:last-child')?.id.slice(1) ?? 0);

// After each change: what only a script can add.
const open = new Map(); // which details the reader has opened or closed, by ID
function touchUp() {
  look();
  chooseListing();
  for (const button of document.querySelectorAll('[data-copy][hidden]')) button.hidden = false;
  const scroll = document.getElementById('timeline-scroll'), n = lastMoment();
  if (scroll && touchUp.n !== n) { // news: it stands at the end
    touchUp.n = n;
    scroll.scrollLeft = 0; // from right to left
  }
  const current = scroll?.querySelector('[aria-current]'); // the buttons beside it may have led there
  if (current) {
    const at = current.getBoundingClientRect(), frame = scroll.getBoundingClientRect();
    scroll.scrollLeft += Math.min(0, at.left - frame.left) || Math.max(0, at.right - frame.right);
  }
  rove();
}
addEventListener('focusin', rove); // a pointer can choose another moment

// The timeline is walked by arrow keys: Tab comes to one moment, the one that is shown.
const moments = () => [...document.querySelectorAll('#timeline li button')];
function rove() {
  const all = moments(), here = all.find((el) => el === document.activeElement) ?? all.find((el) => el.ariaCurrent) ?? all.at(-1);
  for (const el of all) {
    const stop = el === here ? 0 : -1;
    if (el.tabIndex !== stop) el.tabIndex = stop; // what is written anew is styled anew
  }
}
document.addEventListener('keydown', (event) => {
  const all = moments(), at = all.indexOf(event.target);
  if (at < 0 || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
  const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: all.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  if (to < 0 || to === at) return;
  if (to === all.length) { // after the latest comes the present
    if (document.querySelector('#moment.past')) document.getElementById('moment-now').click();
    return;
  }
  all[to].focus({ preventScroll: true });
  all[to].scrollIntoView({ block: 'nearest', inline: 'nearest' });
  rove();
  all[to].click();
});

// The menu of the session closes on Escape, on a click elsewhere, and after a press in it.
const menu = document.getElementById('session-menu');
function closeMenu() {
  const within = menu.contains(document.activeElement);
  menu.open = false;
  open.set(menu.id, false);
  if (within) menu.firstElementChild.focus({ preventScroll: true });
}
if (menu) {
  document.addEventListener('click', (event) => { if (menu.open && !menu.contains(event.target)) closeMenu(); });
  menu.addEventListener('keydown', (event) => { if (event.key === 'Escape' && menu.open) closeMenu(); });
}
touchUp();

// The visit is what this page saw, with its reloads. Its secret opens it: the tab keeps the
// secret, and every request of the page carries it in a header. A page that came without a
// proof has a visit of its own until #load has asked for the older one, whose secret the
// tab has. Where the browser keeps nothing, a reload begins a new visit.
const { secret: own, page } = document.body.dataset; // none on a page of no visit
const kept = `visit:${location.pathname.match(/^\/s\/[^/]+/)?.[0] ?? ''}`;
const tab = {
  get older() { try { return sessionStorage.getItem(kept); } catch { return null; } },
  set older(secret) { try { sessionStorage.setItem(kept, secret); } catch { /* no storage */ } },
};
const proven = 'proven' in document.documentElement.dataset;
const visitShown = () => document.getElementById('timeline')?.dataset.visit;
const visitAtFirst = visitShown();
let secret = own;
function goOnWith(visit) {
  tab.older = secret = visit;
  for (const field of document.querySelectorAll('[name="page"]')) field.value = secret;
}
if (own) goOnWith(!proven && tab.older || own);
addEventListener('pagehide', () => { if (own) tab.older = secret; }); // site data may have been cleared meanwhile

// Until #load is answered the page is loading. The element that asks for the exchange of
// the page's own visit waits until then: the older visit has an exchange of that number too.
let loading = secret !== own, asks = null, pressed = false;

// The last moment of the visit that the page shows, so that only what is new need come. 0
// while it shows the past, or moments of the visit that it had at first.
function momentShown() {
  if (document.querySelector('#moment.past') || secret !== own && visitShown() === visitAtFirst) return 0;
  return lastMoment();
}

// The header says which visit and which of its pages sends the request, and what that shows: a
// page gets no news of its own presses, and no code that it has. It is made when the request leaves: a press can wait for another, and
// hx-sse sends the same headers with each try.
document.addEventListener('htmx:config:request', (event) => {
  const { request } = event.detail.ctx, el = event.target;
  request.body.delete('page'); // the secret again, for a form that is sent without a script
  if (!own) return;
  if (loading && el.id.startsWith('ask-')) {
    asks = el;
    event.preventDefault();
  }
  if (el.id === 'load') request.headers['Sessionscope-Load'] = own;
  Object.defineProperty(request.headers, 'Sessionscope-Page', { enumerable: true, get: () => `${toldBy(el)} ${page} ${momentShown()} ${document.getElementById('code')?.dataset.op ?? ''}` });
});
document.addEventListener('htmx:before:response', (event) => {
  const visit = event.detail.ctx.response.headers.get('Sessionscope-Visit');
  if (own && visit) goOnWith(visit);
  if (event.target.id === 'load') loading = false; // what its answer asks for may go out
});
document.addEventListener('htmx:before:swap', (event) => {
  // The answer to a press says more; and a run that the page shows already stays.
  if (event.target.id === 'load' && (pressed || document.querySelector('#run[data-url]'))) event.preventDefault();
  // While the page shows the past, an answer that nobody pressed for does not replace it.
  if (event.target.id === 'look' && document.querySelector('#moment.past')) event.preventDefault();
});
document.addEventListener('htmx:finally:request', (event) => {
  if (event.target.id !== 'load') return;
  loading = false;
  if (asks?.isConnected && secret === own) htmx.trigger(asks, 'again');
  openStream();
});

// The event stream, in words.
function live(words, on) {
  live.words = words ?? live.words;
  live.on = words ? on : live.on;
  const el = document.getElementById('live-state');
  if (!el || !live.words) return;
  el.textContent = live.words;
  el.className = live.on ? 'on' : '';
}
const notLive = {
  404: 'not live: this visit has ended, the next press begins another',
  429: 'not live: two other pages of this visit are',
  503: 'not live: the session store does not answer',
};
const why = (status) => notLive[status] ?? 'not live: the server does not answer';

// Scripts that are deferred have all run by DOMContentLoaded, whichever came late. htmx
// looks through the page in a timeout of its own: if it saw the stream's attribute then
// too, a second stream would open.
document.addEventListener('DOMContentLoaded', () => setTimeout(() => {
  const load = document.getElementById('load');
  if (loading && window.htmx && load) htmx.trigger(load, 'prove');
  else openStream();
}));
function openStream() {
  const el = document.getElementById('live');
  if (!el) return;
  el.setAttribute('hx-sse:connect', el.dataset.stream.replace(/since=\d+/, `since=${momentShown()}`));
  window.htmx?.process(el);
  if (!el.hasAttribute('data-htmx-powered')) live('not live: a part of this page did not come, load it again');
}

// A stream that failed is tried again within seconds, a stream that was refused every 15
// seconds: see the hx-trigger of #live.
const isRefusal = (status) => status === 404 || status === 429;
const onStream = (name, hear) => document.addEventListener(`htmx:sse:${name}`, (event) => { if (event.target.id === 'live') hear(event); });
let refused = false;
onStream('before:connection', (event) => {
  if (refused) event.preventDefault();
  refused = false;
});
onStream('after:connection', () => live('live', true));
onStream('close', () => { if (live.on) live('not live'); });
onStream('error', ({ detail: { status } }) => {
  refused = isRefusal(status);
  live(status || connecting ? why(status) : 'not live');
  noAnswer(status);
});
// hx-sse connects again only after a stream that was open. A first connection that fails is
// tried again here.
function noStream(el, status) {
  live(why(status));
  connecting = true;
  noAnswer(status);
  if (!isRefusal(status)) setTimeout(() => htmx.trigger(el, 'again'), 3000);
}
document.addEventListener('htmx:response:error', (event) => {
  if (event.target.id === 'live') noStream(event.target, event.detail.ctx.response.status);
});
document.addEventListener('htmx:sse:after:message', () => { live(); touchUp(); unfold(); });

// When the server does not answer. A stream that cannot be opened again may have reasons of
// its own, so #back asks. If that or a press gets no answer, #away says so, the clocks stand
// still, and #back asks every three seconds. Its answer says in #result what became of the
// session, and ends all this; so does the answer to a press.
const isAway = () => 'away' in document.documentElement.dataset;
let connecting = false; // the stream is being opened again: what fails now is no mere break
let owed = false, next = 0; // the page has to ask; the next time that it does
let streamOnly = false; // the server answers, and still gives no stream
let quiet = false; // the answer of #back tells nothing that the reader waits for
let ofBack = secret, ofStream = secret, askedFor = null; // the visits that #back and #live asked for last, and the lost visit that #back asked for

// The secret for a request of el.
function toldBy(el) {
  if (el.id === 'back') ofBack = secret;
  if (el.id === 'live') ofStream = secret;
  return secret;
}
function away() {
  if (!isAway()) {
    const el = document.getElementById('away');
    if (!el || document.querySelector('main[inert]')) return; // the class page says it otherwise; the strip said that the seat has gone or the class has ended
    el.querySelector('time').textContent = new Date().toTimeString().slice(0, 8);
    el.hidden = false;
    document.documentElement.dataset.away = '';
  }
  owed = true;
  clearTimeout(next);
  next = setTimeout(askBack, 3000);
}
function heard() {
  clearTimeout(next);
  document.getElementById('away').hidden = true;
  delete document.documentElement.dataset.away;
}
function askBack() {
  const el = document.getElementById('back');
  if (el) htmx.trigger(el, 'ask');
}
addEventListener('online', () => { if (isAway()) askBack(); });
document.addEventListener('acted', () => { // the teacher of a class did something to every session
  if (!document.getElementById('moment')) return; // no page of the lab
  owed = true;
  htmx.ajax('GET', document.getElementById('back').getAttribute('hx-get').split('?')[0], { source: '#back', swap: 'none' });
});

// The stream got no answer, or a refusal with a status. Its visit may have ended with the
// program, or because the page was idle.
function noAnswer(status) {
  if (!status) {
    if (connecting && !streamOnly && !isAway()) askBack();
  } else if (status === 404 && ofStream !== secret) { // a new visit goes on meanwhile
    setTimeout(openAgain);
  } else if (status === 404 && (owed || askedFor !== secret) || isAway()) {
    askedFor = secret;
    askBack();
  }
}
function openAgain() {
  const el = document.getElementById('live');
  if (el) htmx.trigger(el, 'again');
}
onStream('before:connection', () => { connecting = true; });
onStream('after:connection', () => {
  connecting = streamOnly = false;
  if (owed) askBack();
});
document.addEventListener('htmx:before:response', (event) => {
  const { id } = event.target, { status, headers } = event.detail.ctx.response;
  if (id === 'back') {
    quiet = !isAway() && !owed && !headers.get('Sessionscope-Visit');
    streamOnly = connecting;
    heard();
    owed = status > 404; // a refusal has words of its own: the page asks again with its stream
  } else if (isAway() && asksItself(id)) {
    askBack();
  } else if (isAway()) {
    heard();
    owed = false;
  }
});
document.addEventListener('htmx:before:swap', (event) => {
  // What the page shows of the past stays, unless its visit has ended.
  if (event.target.id === 'back' && (quiet || ofBack === secret && document.querySelector('#moment.past'))) event.preventDefault();
});
document.addEventListener('htmx:finally:request', (event) => { if (event.target.id === 'back' && !isAway()) openAgain(); });
document.addEventListener('htmx:error', (event) => {
  if (event.target.id === 'live') return; // see noStream
  if (event.target.id === 'back' || event.target.id === 'poll' || !asksItself(event.target.id)) away();
});

// What is folded open stays open, also when a region was empty in between.
document.addEventListener('click', (event) => { // from the keyboard too
  const details = event.target.closest?.('summary')?.parentElement;
  if (details?.id) open.set(details.id, !details.open);
});
function unfold() {
  for (const [id, unfolded] of open) {
    const el = document.getElementById(id);
    if (el && el.open !== unfolded) el.open = unfolded;
  }
}

// What a press unfolds comes into view.
document.addEventListener('toggle', ({ target }) => {
  if (target.open && target.matches('.tools details, #session-menu') && target.contains(document.activeElement)) target.lastElementChild.scrollIntoView({ block: 'nearest' });
}, true);

// Not a press: the stream, and what the page asks by itself.
const asksItself = (id) => ['live', 'class-live', 'load', 'refresh', 'look', 'back', 'poll', 'guide', 'showed', 'became'].includes(id) || id?.startsWith('ask-');

// Requests of the lab wait for each other (hx-sync), so that no press is lost. The latest press
// once more, with the same fields and before its answer, is a double click and sends nothing. What
// the page asks by itself is not asked again while it waits to leave.
const waiting = new Map(); // the presses without an answer, and what each sends
const questions = new WeakMap();
const waits = (el) => el.matches?.('[hx-sync^="#composer"]');
document.addEventListener('htmx:config:request', (event) => {
  const { ctx } = event.detail, el = event.target;
  if (!waits(el)) return;
  if (asksItself(el.id)) {
    if (questions.get(el)?.status === 'created') event.preventDefault();
    else questions.set(el, ctx);
    return;
  }
  const fields = new URLSearchParams(ctx.request.body).toString(), last = [...waiting.values()].at(-1);
  if (last?.el === el && last.fields === fields) event.preventDefault();
  else waiting.set(ctx, { el, fields });
});
document.addEventListener('htmx:finally:request', (event) => waiting.delete(event.detail.ctx));

// An answer may lead to another page, which would break off what is sent meanwhile: a cookie that
// was on its way is lost then. So presses that wait go first, and the answer to the last one shows
// all; and while the other page is on its way, nothing is sent.
let led = -Infinity; // when
document.addEventListener('htmx:before:response', ({ detail: { ctx } }) => {
  if (!ctx.hx.redirect || !waiting.has(ctx)) return;
  if (waiting.size > 1) delete ctx.hx.redirect;
  else led = performance.now();
});
document.addEventListener('htmx:before:request', (event) => {
  if (waits(event.target) && performance.now() - led < 10000) event.preventDefault();
});
addEventListener('pageshow', () => { led = -Infinity; }); // the reader has come back

let pressedBelow = false, stripAt = null, focused = null;
document.addEventListener('htmx:before:request', (event) => {
  if (asksItself(event.target.id)) return;
  pressed = true;
  pressedBelow = !!event.target.closest?.('#browser, #server');
  stripAt = event.target.closest?.('#timeline, #moment') && document.getElementById('timeline').getBoundingClientRect().top;
  focused = document.activeElement;
});

// After an answer: tie a refusal to its field, and let the three panels light up
// in the direction that things travelled.
document.addEventListener('htmx:finally:request', (event) => {
  live();
  touchUp();
  unfold();
  if (asksItself(event.target.id) || !document.getElementById('result')) return;
  const field = document.getElementById('result').dataset.field;
  for (const id of ['key', 'value', 'type', 'seconds', 'user', 'tamper-at', 'tamper-to', 'check-value']) {
    const el = document.getElementById(id);
    if (!el) continue;
    tie(el, id === field || id === `tamper-${field}`, 'result');
  }
  // The answer comes into view, and the focus does not fall off the page.
  const past = document.querySelector('#moment.past');
  if (pressedBelow) document.querySelector(matchMedia('(max-width: 640px)').matches ? '#result' : '.composer').scrollIntoView({ block: 'nearest' });
  if (stripAt !== null) keepStrip(stripAt);
  if (menu?.open && menu.contains(event.target) && !menu.querySelector('[aria-invalid]')) closeMenu();
  const lost = () => document.activeElement === document.body || !document.activeElement.checkVisibility();
  if (focused && focused !== document.body) {
    const places = [document.getElementById(focused.id), past, document.getElementById('timeline')];
    while (lost() && places.length) places.shift()?.focus({ preventScroll: true });
  }
  if (matchMedia('(prefers-reduced-motion: no-preference)').matches) {
    ['browser', 'wire', 'server'].forEach((id, n) => document.getElementById(id)?.animate(
      [{}, { boxShadow: '0 0 0 3px var(--c)' }, {}], { duration: 150, delay: 20 * n }));
  }
});

// The strip stays under the pointer while the panels show one moment after the other, also
// when the sentence above it is shorter than before.
function keepStrip(before) {
  const moved = () => document.getElementById('timeline').getBoundingClientRect().top - before;
  scrollBy({ top: moved(), behavior: 'instant' });
  const short = -moved(), result = document.getElementById('result');
  if (short > 0.01) result.style.minHeight = (result.getBoundingClientRect().height + short) + "px"; // offsetHeight is a rounded number
}

// Marks a field that was refused, and ties it to the line that says why.
function tie(field, refused, line) {
  if (refused) {
    field.setAttribute('aria-invalid', 'true');
    field.setAttribute('aria-describedby', line);
  } else {
    field.removeAttribute('aria-invalid');
    field.removeAttribute('aria-describedby');
  }
}

// What the scripts of other pages use too.
globalThis.sessionscope = { asksItself, tie };

// A request that got no answer at all. Answers with an error status say what is
// wrong themselves.
document.addEventListener('htmx:error', (event) => {
  if (asksItself(event.target.id)) { // nobody pressed
    if (event.target.id === 'refresh') setTimeout(() => document.querySelectorAll('[data-ends]').forEach((el) => { const start = arrived.get(el); if (start) start.asked = false; }), 5000); // ask again
    if (event.target.id === 'live') noStream(event.target);
    if (event.target.id === 'poll') document.getElementById('problem').textContent = '✕ The server does not answer. This page goes on asking.';
    return;
  }
  const result = document.getElementById('result') ?? document.getElementById('problem');
  result.className = 'result bad';
  result.textContent = '';
  const verb = document.createElement('b');
  verb.className = 'verb';
  verb.textContent = '✕ no answer';
  result.append(verb, ' No answer came. Is the program still running? This page shows what was before the press, and does not know whether the press was carried out.');
  for (const choice of document.querySelectorAll('#placement input')) choice.checked = choice.defaultChecked;
});

// The first lesson: a step leads to what is to be pressed, and says what to do there.
const places = {
  key: '#key', get: '#composer [formaction$="/get"]', set: '#composer .primary', base64: '#peel-base64', payload: '#peel-payload', tamper: '#tamper [type="submit"]',
  pin: '[hx-post$="/pin"]', flush: '[formaction$="/flush"].danger', replay: '#pins [hx-post$="/replay"]', expire: '#expiry [type="submit"]', server: '#server',
  hybrid: '#placement-hybrid', clear: '[formaction$="/clear-expired"]', now: '#moment-now',
};
function leadTo(step) {
  const to = document.querySelector(places[step.dataset.to]) ?? document.querySelector(places.set);
  for (let el = to; el; el = el.parentElement) if (el.matches('details')) el.open = true;
  if (to.matches('#expiry *') && !document.getElementById('seconds').value) document.getElementById('seconds').value = '5';
  const panel = document.getElementById(`show-${to.closest('.scope > .panel')?.id}`);
  if (panel) panel.checked = true; // a phone shows one panel
  for (const li of document.querySelectorAll('#guide li')) { // the hint is the marked step's
    const marked = li.contains(step);
    li.classList.toggle('next', marked);
    if (marked) step.setAttribute('aria-current', 'step');
    else li.firstElementChild.removeAttribute('aria-current');
  }
  document.getElementById('guide-hint').textContent = step.dataset.hint;
  to.focus({ focusVisible: true, preventScroll: true }); // a panel takes no focus
  reveal(to);
}
// Scrolls as little as it can, so that the lesson stays in view where the window has room for both.
function reveal(el) {
  const { top, bottom } = el.getBoundingClientRect();
  const stuck = [...document.querySelectorAll('.seated, .top')].filter((bar) => getComputedStyle(bar).position === 'sticky');
  const above = top - 12 - stuck.reduce((sum, bar) => sum + bar.offsetHeight, 0);
  const below = Math.min(bottom, top + 160) + 12 - innerHeight; // the upper part of a panel is enough
  scrollBy({ top: above < 0 ? above : Math.max(0, Math.min(above, below)), behavior: 'instant' });
}
document.addEventListener('click', (event) => {
  const step = event.target.closest?.('#guide [data-to]');
  if (!step) return;
  event.preventDefault(); // of the form, which is for pages without a script
  leadTo(step);
});

// Choosing a layer of the cookie sends nothing, so the page tells that the reader did it.
document.addEventListener('change', ({ target: { id } }) => {
  const layer = { 'peel-base64': 'base64', 'peel-payload': 'payload' }[id];
  const lesson = document.getElementById('lesson');
  if (layer && lesson && !('read' in lesson.dataset)) htmx.ajax('POST', lesson.getAttribute('action'), { source: '#guide', swap: 'none', values: { step: 'peel', layer } });
});
