import './design/tokens.css';
import './design/base.css';
import './design/parts.css';
import './design/frame.css';
import './design/grid.css';
import './design/pages.css';
import './design/narrow.css';
import { StrictMode, startTransition } from 'react';
import { createRoot } from 'react-dom/client';
import { openSession } from './api/session';
import { I18nProvider } from './i18n';
import { App } from './shell/App';
import { socket } from './store/hooks';
import { applySettings } from './store/settings';

// See index.html.
sessionStorage.removeItem('loads');
applySettings();

const session = await openSession();
if (session.state === 'open') socket.start();

const root = document.getElementById('root');
if (!root) throw new Error('index.html has no #root');
// As a transition the first drawing is done in short pieces.
startTransition(() =>
  createRoot(root).render(
    <StrictMode>
      <I18nProvider>
        <App session={session} />
      </I18nProvider>
    </StrictMode>,
  ),
);
