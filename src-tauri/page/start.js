// Asks the program for the agent. When it answers, the program leads the window to the dashboard and this page is gone.
const [state, error, again] = ['state', 'error', 'again'].map((id) => document.getElementById(id));

async function start() {
  state.textContent = 'Starting devcluster…';
  error.textContent = '';
  again.hidden = true;
  try {
    await window.__TAURI_INTERNALS__.invoke('start');
  } catch (reason) {
    state.textContent = 'devcluster could not start';
    error.textContent = String(reason);
    again.hidden = false;
    again.focus();
  }
}

again.addEventListener('click', start);
start();
