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
  for (const el of document.querySelectorAll('[data-until]')) {
    const { until, now, whole, ends } = el.dataset;
    let start = arrived.get(el);
    if (!start || start.now !== now) arrived.set(el, start = { now, at: performance.now(), told: false });
    const ms = Math.max(0, until - now - (performance.now() - start.at));
    if (whole) el.setAttribute('stroke-dasharray', `${Math.floor(100 * ms / whole)} 100`);
    else if (el.textContent !== left(Math.ceil(ms / 1000))) el.textContent = left(Math.ceil(ms / 1000));
    if (ends && ms === 0 && !start.told) {
      start.told = true; // ask the server, once: what it says is what the page shows
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

// What is folded open stays open, also when a region was empty in between.
const open = new Map();
document.addEventListener('click', (event) => { // from the keyboard too
  const details = event.target.closest?.('summary')?.parentElement;
  if (details?.id) open.set(details.id, !details.open);
});

// After an answer: tie a refusal to its field, and let the three panels light up
// in the direction that things travelled.
document.addEventListener('htmx:finally:request', () => {
  const field = document.getElementById('result').dataset.field;
  for (const id of ['key', 'value', 'type', 'seconds', 'user']) {
    const el = document.getElementById(id);
    if (!el) continue;
    if (id === field) {
      el.setAttribute('aria-invalid', 'true');
      el.setAttribute('aria-describedby', 'result');
    } else {
      el.removeAttribute('aria-invalid');
      el.removeAttribute('aria-describedby');
    }
  }
  for (const [id, is] of open) {
    const el = document.getElementById(id);
    if (el && el.open !== is) el.open = is;
  }
  if (matchMedia('(prefers-reduced-motion: no-preference)').matches) {
    ['browser', 'wire', 'server'].forEach((id, n) => document.getElementById(id)?.animate(
      [{}, { boxShadow: '0 0 0 3px var(--c)' }, {}], { duration: 150, delay: 20 * n }));
  }
});

// A request that got no answer at all. Answers with an error status say what is
// wrong themselves.
document.addEventListener('htmx:error', () => {
  const result = document.getElementById('result');
  result.className = 'result bad';
  result.textContent = '';
  const verb = document.createElement('b');
  verb.className = 'verb';
  verb.textContent = '✕ no answer';
  result.append(verb, ' None came. Is the program still running? What you see is from before this press; whether it was carried out is not known.');
  for (const choice of document.querySelectorAll('#placement input')) choice.checked = choice.defaultChecked;
});
