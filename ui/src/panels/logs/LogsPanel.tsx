import './logs.css';
import { useMemo, useState } from 'react';
import type { LogsSpec } from '../../api/contract';
import { useI18n } from '../../i18n';
import { usePanelState } from '../../store/panelState';
import { download, Failure, Panel, useSettled } from '../parts';
import { columnsOf } from './fields';
import { LogBar } from './LogBar';
import { LogList } from './LogList';
import { type Line, shortNames, sourceNames } from './lines';
import { fileOf, matcher, matches, plain } from './search';
import { useLogLines } from './useLogLines';

export interface LogsProps {
  cluster: string;
  namespace: string;
  pods?: string[];
  selector?: string;
  /** The names of the containers there are, to choose one from. */
  containers?: string[];
  previous?: boolean;
}

const USUAL = {
  query: '',
  regex: false,
  filter: '',
  severities: [] as string[],
  /** A pod, or one of its containers. */
  source: '',
  /** Of all pods only this container; empty for all. */
  container: '',
  /** Only what was said in so many seconds; 0 for all. */
  since: 0,
  previous: false,
  times: true,
  wrap: false,
  columns: false,
  /** The moment to look at, in milliseconds since 1970; 0 for the present. */
  at: 0,
};

export type Choices = typeof USUAL & { paused: boolean };

/** Lines of each container, at first and around a moment. */
const TAIL = 2000;
const MOST = 10_000;
/** Seconds. */
const AROUND = 300;

/** Merged logs of a pod, of several, or of whatever a selector finds. */
export default function LogsPanel({
  cluster,
  namespace,
  pods,
  selector,
  containers = [],
  previous = false,
}: LogsProps) {
  const { t } = useI18n();
  const [kept, keep] = usePanelState({ ...USUAL, previous });
  const [paused, setPaused] = useState(false);
  const choices = { ...kept, paused };
  const change = ({ paused, ...part }: Partial<Choices>) => {
    if (paused !== undefined) setPaused(paused);
    if (Object.keys(part).length > 0) keep(part);
  };
  const { at } = choices;
  // What was said some minutes before a moment belongs to it.
  const until = useMemo(() => (at === 0 ? 0 : Math.ceil((Date.now() - at) / 1000) + AROUND), [at]);
  const filter = useSettled(choices.filter, 300);
  const spec: LogsSpec = {
    kind: 'logs',
    cluster,
    namespace,
    ...(selector === undefined ? { pods: pods ?? [] } : { selector }),
    containers: choices.container === '' ? [] : [choices.container],
    previous: choices.previous,
    tail: at === 0 ? TAIL : MOST,
    since: choices.since || until,
    filter,
  };
  const log = useLogLines(spec, choices.paused);
  const nameOf = useMemo(() => sourceNames(log.lines), [log.lines]);
  const sources = useMemo(() => [...new Set(log.lines.map(nameOf))].sort(), [log.lines, nameOf]);
  const shortOf = useMemo(() => {
    const short = shortNames(sources);
    return (line: Line) => short(nameOf(line));
  }, [sources, nameOf]);
  const { severities, source } = choices;
  const wanted = severities.join();
  const shown = useMemo(
    () =>
      wanted === '' && source === ''
        ? log.lines
        : log.lines.filter(
            (line) =>
              (source === '' || nameOf(line) === source) &&
              (wanted === '' || wanted.split(',').includes(line.severity)),
          ),
    [log.lines, wanted, source, nameOf],
  );
  const pattern = useMemo(
    () => matcher(choices.query, { regex: choices.regex, exact: false }),
    [choices.query, choices.regex],
  );
  const hits = useMemo(() => {
    if (pattern === null) return [];
    const found: number[] = [];
    for (const [index, { text }] of shown.entries()) if (matches(plain(text), pattern)) found.push(index);
    return found;
  }, [shown, pattern]);
  const offered = useMemo(() => columnsOf(log.lines), [log.lines]);
  const save = () => {
    const text = fileOf(shown, { times: choices.times, names: sources.length > 1 });
    download(`${selector ?? pods?.join('+') ?? 'logs'}.log`, text);
  };
  return (
    <Panel
      label={t('tab.logs')}
      bar={
        <LogBar
          choices={choices}
          change={change}
          sources={sources}
          containers={containers}
          hasJson={offered.length > 0}
          broken={choices.query !== '' && pattern === null}
          onDownload={save}
          onClear={log.clear}
        />
      }
      notes={
        <>
          <Failure error={log.error} />
          {Object.entries(log.faults).map(([source, fault]) => (
            <Failure key={source} error={`${source}: ${fault}`} />
          ))}
        </>
      }
      foot={
        <>
          <span role="status">{t('panel.logs.count', { shown: shown.length, all: log.lines.length })}</span>
          {log.dropped > 0 && <span>{t('panel.logs.dropped', { count: log.dropped })}</span>}
          <span className="grow" />
          <span>{t(choices.paused ? 'panel.logs.paused' : log.live ? 'panel.logs.live' : 'panel.logs.waiting')}</span>
        </>
      }
    >
      <LogList
        lines={shown}
        hits={hits}
        at={at}
        pattern={pattern}
        options={choices}
        columns={choices.columns ? offered : []}
        nameOf={sources.length > 1 ? shortOf : null}
      />
    </Panel>
  );
}
