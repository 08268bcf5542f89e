// Lets a screen in: takes the token out of the address before anything else, and posts it once.
'use strict';
(async () => {
  const token = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, '', location.pathname + location.search);
  const told = document.getElementById('kiosk');
  if (!token) return;
  told.textContent = told.dataset.opening;
  const csrf = document.querySelector('meta[name="csrf-token"]');
  const headers = { 'Content-Type': 'application/json', ...(csrf && { 'X-CSRF-Token': csrf.content }) };
  try {
    const answer = await fetch('/kiosk', { method: 'POST', headers, body: JSON.stringify({ token }) });
    if (!answer.ok) {
      told.textContent = answer.status >= 500 || answer.status === 429 ? told.dataset.failed : told.dataset.refused;
      return;
    }
    location.replace((await answer.json()).href + location.search);
  } catch {
    told.textContent = told.dataset.failed;
  }
})();
