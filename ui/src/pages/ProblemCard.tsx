import { Link } from 'wouter';
import type { Problem, Remedy } from '../api/contract';
import { Button, HealthMark } from '../components/parts';
import { type I18n, useI18n } from '../i18n';
import { useLinks } from '../shell/paths';
import { useRemedy } from './useRemedy';

/** One thing that is wrong: in words, with what shows it and the button that mends it. */
export function ProblemCard({ problem }: { problem: Problem }) {
  const { t } = useI18n();
  const links = useLinks();
  const mend = useRemedy();
  const { kind, namespace, name, why, evidence, remedy } = problem;
  // What the heading says already is no news, nor is a part of a longer line.
  const facts = evidence.filter((fact) => !why.includes(fact) && !evidence.some((e) => e !== fact && e.includes(fact)));
  return (
    <li className="card problem">
      <div className="grow">
        <h3>
          <HealthMark health="bad" />
          <span>{why}</span>
        </h3>
        <p className="soft">
          {kind}{' '}
          <Link href={links.object(problem)}>
            {namespace && `${namespace}/`}
            {name}
          </Link>
        </p>
        {facts.length > 0 && (
          <details open>
            <summary>{t('evidence')}</summary>
            <ul className="evidence">
              {facts.map((fact) => (
                <li key={fact}>{fact}</li>
              ))}
            </ul>
          </details>
        )}
      </div>
      {remedy && (
        <Button look="primary" onClick={() => mend(problem, remedy)}>
          {labelOf(remedy, t)}
        </Button>
      )}
    </li>
  );
}

/** Remedies by their names, but for those whose words depend on the case: they keep the agent's. */
const NAMED = ['add-node', 'load-image', 'logs', 'previous-logs', 'roll-back', 'start-node', 'uncordon'] as const;

function labelOf({ action, label }: Remedy, t: I18n['t']): string {
  const named = NAMED.find((name) => name === action);
  return named ? t(`remedy.${named}`) : label;
}
