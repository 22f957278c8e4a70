import './logs.css';
import { useMemo, useState } from 'react';
import type { LogsSpec } from '../../api/contract';
import { useI18n } from '../../i18n';
import { download, Failure, Panel, useSettled } from '../parts';
import { columnsOf } from './fields';
import { LogBar } from './LogBar';
import { LogList, type LogOptions } from './LogList';
import { type Line, shortNames, sourceNames } from './lines';
import { fileOf, matcher, matches, plain } from './search';
import type { Severity } from './severity';
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

export interface Choices extends LogOptions {
  query: string;
  regex: boolean;
  filter: string;
  severities: Severity[];
  /** A pod, or one of its containers. */
  source: string;
  /** Of all pods only this container; empty for all. */
  container: string;
  /** Only what was said in so many seconds; 0 for all. */
  since: number;
  previous: boolean;
  paused: boolean;
  columns: boolean;
}

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
  const [choices, setChoices] = useState<Choices>({
    query: '',
    regex: false,
    filter: '',
    severities: [],
    source: '',
    container: '',
    since: 0,
    previous,
    paused: false,
    times: true,
    wrap: false,
    columns: false,
  });
  const change = (part: Partial<Choices>) => setChoices((old) => ({ ...old, ...part }));
  const filter = useSettled(choices.filter, 300);
  const spec: LogsSpec = {
    kind: 'logs',
    cluster,
    namespace,
    ...(selector === undefined ? { pods: pods ?? [] } : { selector }),
    containers: choices.container === '' ? [] : [choices.container],
    previous: choices.previous,
    tail: 2000,
    since: choices.since,
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
  const shown = useMemo(
    () =>
      severities.length === 0 && source === ''
        ? log.lines
        : log.lines.filter(
            (line) =>
              (source === '' || nameOf(line) === source) &&
              (severities.length === 0 || severities.includes(line.severity)),
          ),
    [log.lines, severities, source, nameOf],
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
  const save = () => download(`${selector ?? pods?.join('+') ?? 'logs'}.log`, fileOf(shown, sources.length > 1));
  return (
    <Panel
      label={t('panel.logs.title')}
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
        pattern={pattern}
        options={choices}
        columns={choices.columns ? offered : []}
        nameOf={sources.length > 1 ? shortOf : null}
      />
    </Panel>
  );
}
