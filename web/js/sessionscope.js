// What the page does beyond htmx: clocks that count down, the theme switch, and
// a word when the server does not answer. Everything works without it.

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
    else el.textContent = left(Math.ceil(ms / 1000));
    if (ends && ms === 0 && !start.told) {
      start.told = true; // ask the server, once: what it says is what the page shows
      document.body.dispatchEvent(new CustomEvent('sessionscope:expired'));
    }
  }
}
setInterval(tick, 250);

const theme = document.getElementById('theme');
const saved = (() => { try { return localStorage.getItem('theme'); } catch { return null; } })();
if (saved) document.documentElement.dataset.theme = saved;
if (theme) {
  theme.hidden = false;
  theme.addEventListener('click', () => {
    const dark = getComputedStyle(document.documentElement).colorScheme === 'dark' ||
      (!document.documentElement.dataset.theme && matchMedia('(prefers-color-scheme: dark)').matches);
    const next = dark ? 'light' : 'dark';
    document.documentElement.dataset.theme = next;
    try { localStorage.setItem('theme', next); } catch { /* private mode: the choice lasts as long as the page */ }
  });
}

// A request that got no answer at all. Answers with an error status say what is
// wrong themselves.
document.addEventListener('htmx:error', () => {
  const result = document.getElementById('result');
  result.className = 'result bad';
  result.textContent = '';
  const verb = document.createElement('b');
  verb.className = 'verb';
  verb.textContent = '✕ no answer';
  result.append(verb, ' The server did not answer. Is the program still running? Nothing here has changed.');
});
