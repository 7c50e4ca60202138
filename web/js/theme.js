// Runs before the first paint, so that neither a chosen theme nor projector mode flashes.
try {
  const theme = localStorage.getItem('theme');
  if (theme) document.documentElement.dataset.theme = theme;
} catch { /* no storage: the browser's own preference holds */ }

// Projector mode belongs to a visit. The server knows the mode when the request proves which
// visit the page continues; for any other page the tab knows it.
try {
  const page = document.documentElement.dataset;
  const key = `projector:${location.pathname.match(/^\/s\/[^/]+/)?.[0] ?? ''}`;
  if ('projector' in page) sessionStorage.setItem(key, '1');
  else if ('proven' in page) sessionStorage.removeItem(key);
  else if (sessionStorage.getItem(key)) page.projector = '';
  // The button of a page that belongs to no visit.
  document.addEventListener('click', (event) => {
    const on = event.target.closest?.('[data-project]')?.dataset.project;
    if (on === undefined) return;
    if (on) sessionStorage.setItem(key, '1'); else sessionStorage.removeItem(key);
    document.documentElement.toggleAttribute('data-projector', !!on);
  });
} catch { /* no storage: a reload leaves projector mode */ }
