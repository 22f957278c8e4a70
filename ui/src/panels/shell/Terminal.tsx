import '@xterm/xterm/css/xterm.css';
import { FitAddon } from '@xterm/addon-fit';
import { SearchAddon } from '@xterm/addon-search';
import { Terminal as Xterm } from '@xterm/xterm';
import { type ReactNode, useCallback, useEffect, useReducer, useRef } from 'react';
import { Button } from '../../components/parts';
import { useI18n } from '../../i18n';
import { useSettings } from '../../store/settings';
import { Panel } from '../parts';
import { read, resize, stdin } from './channel';
import { openStream, type Place } from './exec';
import { start, step } from './terminal';

/** In pixels, where nothing is zoomed. */
const FONT_SIZE = 13;

interface Props {
  label: string;
  place: Place;
  /** Changes when the container runs anew, which is gone into then. Empty while it does not run. */
  life?: string;
  /** Without one the container's process is attached to. */
  command?: string[];
  bar?: ReactNode;
  onFailed?: (message: string) => void;
}

/** A terminal in a container. It says honestly what its connection does; a lost one is made anew, with a fresh shell. */
export function Terminal({ label, place, life = '', command, bar, onFailed }: Props) {
  const { t } = useI18n();
  const host = useRef<HTMLDivElement>(null);
  const xterm = useRef<Xterm | null>(null);
  const search = useRef<SearchAddon | null>(null);
  const zoom = useSettings((settings) => settings.zoom);
  const [connection, happen] = useReducer(step, start);
  const target = JSON.stringify({ place, command });
  // Counts connections, not states: the one that is open must not end because its state is another now.
  const [dialled, dial] = useReducer((count: number) => count + 1, 0);
  const again = useCallback(() => {
    happen({ what: 'retry' });
    dial();
  }, []);

  useEffect(() => {
    if (host.current === null) return;
    const terminal = new Xterm({
      cursorBlink: !matchMedia('(prefers-reduced-motion: reduce)').matches,
      fontFamily: getComputedStyle(host.current).getPropertyValue('--mono') || 'monospace',
      fontSize: FONT_SIZE,
      screenReaderMode: true,
      scrollback: 10_000,
      theme: colours(host.current),
    });
    const fit = new FitAddon();
    terminal.loadAddon(fit);
    const finder = new SearchAddon();
    terminal.loadAddon(finder);
    search.current = finder;
    terminal.open(host.current);
    fit.fit();
    terminal.focus();
    // Tab is the program's, but behind Escape: then it gives the keyboard back to the page, as in the editors.
    let escaped = false;
    terminal.attachCustomKeyEventHandler(({ type, key }) => {
      if (type !== 'keydown' || key === 'Shift') return true;
      const leaves = escaped && key === 'Tab';
      escaped = key === 'Escape';
      return !leaves;
    });
    xterm.current = terminal;
    const observer = new ResizeObserver(() => fit.fit());
    observer.observe(host.current);
    // Its rows and columns depend on its letters' size as well.
    const letters = terminal.element?.querySelector('.xterm-char-measure-element');
    if (letters) observer.observe(letters);
    const theme = new MutationObserver(() => {
      if (host.current !== null) terminal.options.theme = colours(host.current);
    });
    theme.observe(document.documentElement, { attributeFilter: ['data-theme'] });
    return () => {
      observer.disconnect();
      theme.disconnect();
      terminal.dispose();
      xterm.current = null;
      search.current = null;
    };
  }, []);

  useEffect(() => {
    if (xterm.current !== null) xterm.current.options.fontSize = Math.round((FONT_SIZE * zoom) / 100);
  }, [zoom]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another dial connects anew.
  useEffect(() => {
    const terminal = xterm.current;
    if (terminal === null) return;
    const { place: where, command: what } = JSON.parse(target) as { place: Place; command?: string[] };
    const release = connect(terminal, where, what, happen);
    return release;
  }, [dialled, target]);

  const lived = useRef(life);
  useEffect(() => {
    if (life === '' || life === lived.current) return;
    lived.current = life;
    again();
  }, [life, again]);

  useEffect(() => {
    if (connection.state === 'failed') onFailed?.(connection.message);
    if (connection.state !== 'lost') return;
    const timer = setTimeout(again, connection.in);
    return () => clearTimeout(timer);
  }, [connection, onFailed, again]);

  return (
    <Panel
      label={label}
      bar={
        <>
          {bar}
          <span className="grow" />
          <input
            className="input"
            type="search"
            aria-label={t('panel.shell.search')}
            placeholder={t('panel.shell.search')}
            onKeyDown={({ key, shiftKey, currentTarget: { value } }) => {
              if (key !== 'Enter' || value === '') return;
              // The newest is below, where reading begins.
              if (shiftKey) search.current?.findNext(value);
              else search.current?.findPrevious(value);
            }}
          />
        </>
      }
      foot={
        <>
          <span role="status" data-testid="terminal-state">
            {connection.state === 'connecting' && t('panel.shell.connecting')}
            {connection.state === 'open' && t('panel.shell.open')}
            {connection.state === 'lost' && t('panel.shell.lost')}
            {connection.state === 'failed' && t('panel.shell.failed', { message: connection.message })}
            {connection.state === 'ended' && t('panel.shell.ended', { code: connection.exit.code ?? 0 })}
          </span>
          {connection.state !== 'open' && connection.state !== 'connecting' && (
            <Button look="small" onClick={again}>
              {t('panel.shell.again')}
            </Button>
          )}
          <span className="grow" />
          <span>{t('panel.shell.keys')}</span>
        </>
      }
    >
      <div ref={host} className="terminal" style={{ height: '100%', padding: '0.4rem', background: 'var(--sunken)' }} />
    </Panel>
  );
}

type Happen = (happening: Parameters<typeof step>[1]) => void;

function connect(terminal: Xterm, place: Place, command: string[] | undefined, happen: Happen): () => void {
  let current = true;
  let socket: WebSocket | undefined;
  const subscriptions: { dispose: () => void }[] = [];
  const opened = (ready: WebSocket) => {
    const send = (bytes: Uint8Array<ArrayBuffer>) => {
      if (ready.readyState === WebSocket.OPEN) ready.send(bytes);
    };
    const encoder = new TextEncoder();
    ready.addEventListener('open', () => {
      if (!current) return;
      happen({ what: 'opened' });
      send(resize(terminal.cols, terminal.rows));
    });
    ready.addEventListener('message', ({ data }) => {
      const frame = read(new Uint8Array(data as ArrayBuffer));
      if (frame.channel === 'stdout' || frame.channel === 'stderr') terminal.write(frame.bytes);
      else if (frame.channel === 'exit' && current) happen({ what: 'exit', exit: frame.exit });
    });
    ready.addEventListener('close', ({ reason }) => {
      if (current) happen({ what: 'closed', reason });
    });
    subscriptions.push(
      terminal.onData((text) => send(stdin(encoder.encode(text)))),
      terminal.onBinary((text) => send(stdin(Uint8Array.from(text, (letter) => letter.charCodeAt(0))))),
      terminal.onResize(({ cols, rows }) => send(resize(cols, rows))),
    );
  };
  openStream(place, { ...(command === undefined ? {} : { command }), tty: true, stdin: true }).then(
    (ready) => {
      socket = ready;
      if (current) opened(ready);
      else ready.close();
    },
    (error: Error) => {
      if (current) happen({ what: 'closed', reason: error.message });
    },
  );
  return () => {
    current = false;
    for (const subscription of subscriptions) subscription.dispose();
    socket?.close();
  };
}

/** The sixteen colours of terminals, dark enough on a light ground and light enough on a dark one. */
function colours(element: HTMLElement) {
  const value = (name: string) => getComputedStyle(element).getPropertyValue(name).trim();
  const dark = document.documentElement.dataset.theme === 'dark';
  const [red, green, yellow] = [value('--bad'), value('--ok'), value('--warn')];
  const [blue, magenta, cyan] = dark ? ['#8ab4f8', '#d7a3f0', '#72cbb8'] : ['#1f4f9e', '#7a2f8f', '#0f5f53'];
  return {
    background: value('--sunken'),
    foreground: value('--ink'),
    cursor: value('--accent'),
    selectionBackground: value('--accent-soft'),
    ...{ red, green, yellow, blue, magenta, cyan, black: value('--ink-faint'), white: value('--ink-soft') },
    ...{ brightRed: red, brightGreen: green, brightYellow: yellow, brightBlue: blue, brightMagenta: magenta },
    ...{ brightCyan: cyan, brightBlack: value('--ink-faint'), brightWhite: value('--ink') },
  };
}
