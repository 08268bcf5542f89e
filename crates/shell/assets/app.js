// All the script of our own: the CSRF token on htmx requests, and copying.
'use strict';
document.documentElement.classList.add('js');

document.addEventListener('htmx:configRequest', (event) => {
  const token = document.querySelector('meta[name="csrf-token"]');
  if (token && event.detail.verb !== 'get') {
    event.detail.headers['X-CSRF-Token'] = token.content;
  }
});

document.addEventListener('click', async (event) => {
  const button = event.target.closest('[data-copy]');
  if (!button) return;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = button.dataset.done;
  } catch {
    // Without TLS there is no clipboard: select the text, so that one keystroke copies it.
    getSelection().selectAllChildren(button.previousElementSibling);
  }
});
