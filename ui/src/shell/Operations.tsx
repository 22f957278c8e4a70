import { Popover } from '@base-ui/react/popover';
import { Check, CircleDashed, ListChecks, LoaderCircle, X } from 'lucide-react';
import { useEffect, useState } from 'react';
import { cancelOperation } from '../api/agent';
import type { Operation, Step } from '../api/contract';
import { Button } from '../components/parts';
import { useI18n } from '../i18n';
import { useHost } from '../store/host';
import { attempt } from '../store/ui';

/** What the agent is doing and has done, with its steps and their times. */
export function Operations() {
  const { t, tn } = useI18n();
  const operations = useHost((host) => host.operations);
  const running = operations.filter((operation) => operation.state === 'running').length;
  return (
    <Popover.Root>
      <Popover.Trigger className="button quiet" aria-label={t('operations')} title={t('operations')}>
        {running > 0 ? <LoaderCircle className="spin" /> : <ListChecks />}
        {running > 0 && <span className="cut operations-label">{tn('operations.running', running)}</span>}
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Positioner sideOffset={6} align="end" className="layer">
          <Popover.Popup className="popover operations" aria-label={t('operations')}>
            <h2>{t('operations')}</h2>
            {operations.length === 0 && <p className="soft">{t('operations.none')}</p>}
            {operations
              .slice(-8)
              .reverse()
              .map((operation) => (
                <OperationView key={operation.id} operation={operation} />
              ))}
          </Popover.Popup>
        </Popover.Positioner>
      </Popover.Portal>
    </Popover.Root>
  );
}

/** Goes to what has just appeared in the place of the button that was pressed, lest keys lose theirs. */
export const focus = (element: HTMLElement | null) => element?.focus();

export function OperationView({ operation }: { operation: Operation }) {
  const { t, say } = useI18n();
  const { id, title, state, steps, error, warnings = [] } = operation;
  const [cancelled, setCancelled] = useState(false);
  const message = typeof error === 'string' ? error : error?.message;
  return (
    <article className="operation">
      <header className="row">
        <StepMark state={state} />
        <h3 className="grow">{say(title)}</h3>
        <span className="soft small">{t(`operation.${state === 'running' && cancelled ? 'cancelling' : state}`)}</span>
        {state === 'running' && (
          <Button
            look="small"
            disabled={cancelled}
            onClick={async () => setCancelled(await attempt(() => cancelOperation(id)))}
          >
            {t('cancel')}
          </Button>
        )}
      </header>
      <Steps steps={steps} />
      {warnings.map((text) => (
        <p key={text} className="note warn">
          {text}
        </p>
      ))}
      {message && <p className="note bad">{message}</p>}
    </article>
  );
}

export function Steps({ steps }: { steps: Step[] }) {
  const { number, step } = useI18n();
  return (
    <ol className="steps">
      {steps.map(({ name, state, seconds, begun }) => (
        <li key={name} className="row">
          <StepMark state={state} />
          <span className="grow">{step(name)}</span>
          {seconds > 0 && <span className="faint small">{number(seconds, 1)} s</span>}
          {state === 'running' && <Elapsed since={begun} />}
        </li>
      ))}
    </ol>
  );
}

/** Most steps are over by then (seconds). */
const LONG = 3;

/** For how long a step runs by now. */
function Elapsed({ since }: { since: string }) {
  const { number } = useI18n();
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const seconds = Math.floor((now - Date.parse(since)) / 1000);
  if (!(seconds >= LONG)) return null;
  // Read out each second it would drown everything else.
  return (
    <span className="faint small" aria-hidden="true">
      {number(seconds)} s
    </span>
  );
}

function StepMark({ state }: { state: string }) {
  const { t } = useI18n();
  const look = { width: 14, height: 14, role: 'img' } as const;
  switch (state) {
    case 'running':
      return <LoaderCircle {...look} className="spin" aria-label={t('operation.running')} />;
    case 'done':
      return <Check {...look} color="var(--ok)" aria-label={t('operation.done')} />;
    case 'failed':
    case 'cancelled':
      return <X {...look} color="var(--bad)" aria-label={t(`operation.${state}`)} />;
    default:
      return <CircleDashed {...look} color="var(--ink-faint)" aria-label={t('operation.waiting')} />;
  }
}
