// What the board does beyond htmx: ages that count up, tiles that are chosen and ordered as one
// types, a flash for each act, and the panel of a seat. Everything works without it.

const board = document.getElementById('board');
const form = () => document.getElementById('sift');
const tiles = () => [...document.querySelectorAll('#tiles > li')];

// Ages are counted from times that the server sent, by the server's clock.
const ahead = Number(board.dataset.now ?? 0) ? Number(board.dataset.now) - Date.now() : 0;
function age(since) {
  if (since === '0') return '';
  const s = Math.max(0, Math.floor((Date.now() + ahead - since) / 1000));
  return s < 2 ? 'now' : s < 100 ? `${s} s` : s < 6000 ? `${Math.floor(s / 60)} min` : `${Math.floor(s / 3600)} h`;
}
function count() {
  for (const el of document.querySelectorAll('.age[data-since]')) {
    const text = age(el.dataset.since);
    if (el.textContent !== text) el.textContent = text;
  }
  for (const el of document.querySelectorAll('.minutes[data-since]')) { // of a lesson plan, in whole minutes
    const text = String(Math.max(0, Math.floor((Date.now() + ahead - el.dataset.since) / 60_000)));
    if (el.textContent !== text) el.textContent = text;
  }
  for (const li of tiles()) li.firstElementChild.classList.toggle('just', li.dataset.at !== '0' && Date.now() + ahead - li.dataset.at < 2000);
  tidy();
}
// What a press did stands for a minute, a code until it ends.
let said = '', saidAt = 0;
function tidy() {
  const result = document.getElementById('result');
  const now = result?.querySelector('.verb') ? result.querySelector('.verb').textContent + result.querySelector('time')?.textContent : '';
  if (now !== said) [said, saidAt] = [now, performance.now()];
  if (now && (result.querySelector('.countdown')?.textContent === '0 s' || performance.now() - saidAt > 60_000)) result.replaceChildren();
}
setInterval(count, 1000);

// Which tiles are shown is a rule of a style sheet: tiles that arrive fall under it at once.
const rule = new CSSStyleSheet();
document.adoptedStyleSheets.push(rule);
const shown = (li, find, only) => li.dataset.find.includes(find) && (!only || li.classList.contains('trouble'));
function sift(asked) {
  const el = form();
  if (!el) return;
  const fields = new FormData(el), find = fields.get('find').trim().toLowerCase(), only = fields.get('only') === 'trouble';
  rule.replaceSync(`${find ? `#tiles > li:not([data-find*=${JSON.stringify(find)}]) { display: none; }` : ''} ${only ? '#tiles > li:not(.trouble) { display: none; }' : ''}`);
  for (const li of document.querySelectorAll('#tiles > li[hidden]')) li.hidden = false; // as the server chose them
  document.getElementById('nobody').hidden = tiles().some((li) => shown(li, find, only));
  order(fields.get('sort') === 'last', asked);
}

// Moves only what is not in its place, and keeps the focus. By itself it moves nothing under the
// pointer or the focus, and no more than once in two seconds.
let ordered = false; // the tiles were ordered by their last act
let orderedAt = 0;
function order(byLast, asked) {
  if (!byLast && !ordered) return; // the server's order
  const list = document.getElementById('tiles'), focus = document.activeElement;
  if (!asked && (performance.now() - orderedAt < 2000 || document.querySelector('#tiles:is(:hover, :focus-within)'))) return;
  ordered = byLast;
  orderedAt = performance.now();
  const name = (a, b) => (a.dataset.find < b.dataset.find ? -1 : 1);
  const all = tiles().sort((a, b) => byLast && b.dataset.at - a.dataset.at || name(a, b));
  all.forEach((li, i) => {
    if (list.children[i] === li) return;
    if (list.moveBefore) list.moveBefore(li, list.children[i] ?? null);
    else list.insertBefore(li, list.children[i] ?? null);
  });
  if (focus !== document.activeElement && list.contains(focus)) focus.focus({ preventScroll: true });
}
document.addEventListener('input', (event) => {
  if (event.target.form !== form()) return;
  sift(true);
  const asked = new URLSearchParams(new FormData(form()));
  for (const [name, value] of [...asked]) if (!value || value === 'name') asked.delete(name);
  history.replaceState(history.state, '', `${location.pathname}${asked.size ? `?${asked}` : ''}`);
});
document.addEventListener('submit', (event) => { if (event.target === form()) event.preventDefault(); });

// A tile flashes when its seat has done something.
const acts = new WeakMap();
const motion = matchMedia('(prefers-reduced-motion: no-preference)');
function flash() {
  for (const li of tiles()) {
    const before = acts.get(li);
    acts.set(li, li.dataset.acts);
    if (before !== undefined && before !== li.dataset.acts && motion.matches) {
      li.firstElementChild.animate([{ backgroundColor: 'var(--wire-bg)' }, {}], { duration: 180 });
    }
  }
}

// The panel of a seat opens beside the tiles.
const chosen = () => document.querySelector('#seat[data-seat]')?.dataset.seat;
function ask(name) {
  return window.htmx?.ajax('GET', `/classroom?seat=${encodeURIComponent(name)}`, { source: '#ask-seat', target: '#seat', swap: 'none' });
}
function mark() {
  const name = chosen();
  for (const a of document.querySelectorAll('#tiles [aria-current]')) if (a.parentElement.id !== `t-${name}`) a.removeAttribute('aria-current');
  const tile = name && document.querySelector(`#t-${CSS.escape(name)} > a`);
  if (tile) tile.setAttribute('aria-current', 'page');
  else if (name && form()) ask(''); // the seat is gone
}
document.addEventListener('click', async (event) => {
  const link = event.target.closest?.('#tiles a, #seat .close');
  if (!link || !window.htmx || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const before = chosen(), name = new URL(link.href).searchParams.get('seat') ?? '';
  await ask(name);
  mark();
  const panel = document.getElementById('seat');
  if (name) {
    panel.focus({ preventScroll: true });
    panel.scrollIntoView({ block: 'nearest' });
  } else {
    document.querySelector(`#t-${CSS.escape(before ?? '')} > a`)?.focus();
  }
});
setInterval(() => { if (chosen() && !document.hidden) ask(chosen()); }, 5000);

// The stream is opened once all scripts are there: htmx opens none for a page whose hx-sse came late.
document.addEventListener('DOMContentLoaded', () => setTimeout(() => {
  const el = document.getElementById('ask-board');
  if (!el) return; // the class has ended, or is asked to
  el.setAttribute('hx-sse:connect', el.dataset.stream);
  window.htmx?.process(el);
  if (!el.hasAttribute('data-htmx-powered')) state('not live: a part of this page did not come, load it again', false);
}));

// The stream, in words. Where the page does not lead on by itself, they end with a link.
function state(words, on, link = '') {
  const el = document.getElementById('board-state');
  if (!el || el.textContent === words + link) return;
  el.textContent = words;
  if (link) el.append(Object.assign(document.createElement('a'), { href: '/', textContent: link }));
  el.classList.toggle('on', on);
  el.classList.toggle('off', !on);
}
const refusals = {
  404: ['not live: this page is not the teacher’s any more. Come back through ', 'the lab'],
  429: ['not live: eight pages of the board are'],
};
function refusedWith(status) {
  const [words, link] = refusals[status] ?? ['not live: the program does not answer'];
  state(words, false, link);
}
document.addEventListener('htmx:sse:after:connection', () => state('live', true));
document.addEventListener('htmx:sse:close', () => { if (!document.getElementById('board-state')?.classList.contains('off')) state('not live', false); });
document.addEventListener('htmx:sse:error', ({ detail: { status } }) => refusedWith(status));
document.addEventListener('htmx:response:error', (event) => { if (event.target.id === 'ask-board') refusedWith(event.detail.ctx.response.status); });
document.addEventListener('htmx:error', (event) => { if (event.target.id === 'ask-board') refusedWith(); });
// What a press has taken away, such as its own button, leaves the focus at what is next to it.
let was = '';
document.addEventListener('focusin', ({ target }) => { was = target.closest('#door, #seat, #asked, #plan, #everyone, #grid, #rehearsal')?.id ?? ''; });
document.addEventListener('pointerdown', () => { was = ''; });
function refocus() {
  if (!was || document.activeElement !== document.body) return;
  if (was === 'asked' && document.querySelector('#asked.running')) return; // its buttons come with the reveal
  const seen = (id) => [...document.getElementById(id)?.querySelectorAll('button,summary') ?? []].find((el) => el.checkVisibility());
  (seen(was) ?? (was === 'asked' ? seen('ask') : null) ?? document.querySelector('#tiles a') ?? seen('door'))?.focus({ preventScroll: was !== 'everyone' }); // the table of an act comes with its button
}
function arrived(event) {
  flash();
  sift(!event);
  mark();
  count();
  refocus();
}
document.addEventListener('htmx:sse:after:message', arrived);
document.addEventListener('htmx:finally:request', () => { mark(); count(); refocus(); });
arrived();
