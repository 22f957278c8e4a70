import { Link } from 'wouter';
import type { Problem } from '../api/contract';
import { Button, HealthMark } from '../components/parts';
import { useI18n } from '../i18n';
import { useLinks } from '../shell/paths';
import { useRemedy } from './useRemedy';

/** One thing that is wrong: in words, with what shows it and the button that mends it. */
export function ProblemCard({ problem }: { problem: Problem }) {
  const { t, say } = useI18n();
  const links = useLinks();
  const mend = useRemedy();
  const { kind, namespace, name, evidence, remedy } = problem;
  const why = say(problem.why);
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
          {say(remedy.label)}
        </Button>
      )}
    </li>
  );
}
