// Asks the program for the agent. When it answers, the program leads the window to the dashboard and this page is gone.
const WORDS = {
  en: ['Starting devcluster…', 'devcluster could not start', 'Try again'],
  de: ['devcluster startet …', 'devcluster konnte nicht starten', 'Noch einmal'],
  es: ['Iniciando devcluster…', 'devcluster no pudo iniciarse', 'Reintentar'],
  zh: ['正在启动 devcluster…', 'devcluster 无法启动', '重试'],
  ja: ['devcluster を起動しています…', 'devcluster を起動できませんでした', '再試行'],
};
const language = navigator.languages.map((tag) => tag.split('-')[0]).find((tag) => tag in WORDS) ?? 'en';
const [starting, failed, retry] = WORDS[language];
const [state, error, again] = ['state', 'error', 'again'].map((id) => document.getElementById(id));

async function start() {
  state.textContent = starting;
  error.textContent = '';
  again.hidden = true;
  try {
    await window.__TAURI_INTERNALS__.invoke('start');
  } catch (reason) {
    state.textContent = failed;
    error.textContent = String(reason);
    again.hidden = false;
    again.focus();
  }
}

document.documentElement.lang = language;
// The program asks for the language whenever the title changes.
document.title = 'devcluster';
again.textContent = retry;
again.addEventListener('click', start);
start();
